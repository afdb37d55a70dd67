// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_memory.hpp"

namespace kw::emu {
namespace {

struct Named {
    std::string_view part;
    Window window;
    Work work;
};

constexpr Named k_windows[] = {
    {".global", Window::global, Work::global},
    {".shared", Window::shared, Work::shared},
    {".shared::cta", Window::shared, Work::shared},
    {".shared::cluster", Window::shared, Work::shared},
    {".local", Window::local, Work::local},
    {".const", Window::constant, Work::constant},
    {".param", Window::param, Work::constant},
    {".param::entry", Window::param, Work::constant},
    {".param::func", Window::param, Work::constant},
};

/// Bytes of a type's name: the digits after the letters; x2 doubles them.
int type_bytes(std::string_view type) {
    int bits = 0;
    std::size_t i = 0;
    while (i < type.size() && (type[i] < '0' || type[i] > '9')) {
        ++i;
    }
    while (i < type.size() && type[i] >= '0' && type[i] <= '9') {
        bits = bits * 10 + (type[i++] - '0');
    }
    return (i < type.size() && type[i] == 'x' ? 2 * bits : bits) / 8;
}

}  // namespace

MemoryForm memory_form(const Match& match) {
    MemoryForm form;
    for (const Named& named : k_windows) {
        if (match.has(named.part)) {
            form.window = named.window;
            form.work = named.work;
        }
    }
    form.mods = static_cast<std::uint32_t>(form.window);
    for (const std::string_view strong :
         {"volatile", "relaxed", "acquire", "release", "acq_rel", "mmio.relaxed"}) {
        form.mods |= match.has(strong) ? k_strong_bit : 0;
    }
    if (match.has("release") || match.has("acq_rel")) {
        form.mods |= k_release_bit;
    }
    const std::string_view type = match.parts.back();
    form.bytes = type_bytes(type);
    form.is_signed = type.size() > 1 && type[1] == 's';
    form.mods |= form.is_signed ? k_signed_bit : 0;
    form.vector = match.has("v2") ? 2 : (match.has("v4") ? 4 : (match.has("v8") ? 8 : 1));
    form.hint = match.has("L2::cache_hint");
    return form;
}

void publish(WarpState& warp, const Insn& insn, const Reach& reach) {
    Block& block = *warp.block;
    if (block.shadow) {
        if ((insn.mods & k_release_bit) != 0) {
            block.shadow->fence(warp.index);
        }
        for (Lanes left = reach.lanes; left != 0; left &= left - 1) {
            const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
            const std::uint64_t key = reach.space_of(lane) == Space::shared
                                          ? reach.address[lane]
                                          : k_slot_bytes + reach.address[lane];
            block.shadow->release(warp.index, key);
        }
    }
    if (block.run->global_shadow != nullptr && (reach.mixed || reach.space == Space::global)) {
        block.global_time.fenced = block.global_time.fenced || (insn.mods & k_release_bit) != 0;
        block.run->global_shadow->publish(block.global_time);
    }
}

void acquire(WarpState& warp, const Reach& reach) {
    Block& block = *warp.block;
    if (block.shadow) {
        for (Lanes left = reach.lanes; left != 0; left &= left - 1) {
            const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
            const std::uint64_t key = reach.space_of(lane) == Space::shared
                                          ? reach.address[lane]
                                          : k_slot_bytes + reach.address[lane];
            block.shadow->acquire(warp.index, key);
        }
    }
    if (block.run->global_shadow != nullptr && (reach.mixed || reach.space == Space::global)) {
        block.run->global_shadow->acquire(block.global_time);
    }
}

}  // namespace kw::emu
