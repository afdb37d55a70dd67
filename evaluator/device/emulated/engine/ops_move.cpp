// SPDX-License-Identifier: Apache-2.0
// mov: copies, and the packing and unpacking of vectors (PTX ISA 9.0, 9.7.9.3 and 9.7.9.4).
#include "evaluator/device/emulated/engine/bind_arithmetic.hpp"
#include "evaluator/device/emulated/engine/bind_types.hpp"

#include <algorithm>
#include <cstring>

namespace kw::emu {

namespace {

/// Both sides in lanes of U.
template <class U>
void copy_lanes(const Insn& insn, Warp& warp, Lanes active) {
    U* const to = warp.lanes<U>(insn.slot[0]);
    const U* const from = warp.lanes<U>(insn.slot[1]);
    if (active == k_all_lanes) {
        std::memmove(to, from, sizeof(U) * k_lanes);
    } else {
        copy_active(to, from, active);
    }
}

void move_predicate(const Insn& insn, Warp& warp, Lanes active) {
    store_predicate(warp, insn.slot[0], load_predicate(warp, insn, 1), active);
}

bool is_wide(const Insn& insn, unsigned slot) {
    return ((insn.wide >> slot) & 1U) != 0;
}

/// The low `bits` bits of slot[slot], which may be a sink.
std::uint64_t load_element(Warp& warp, const Insn& insn, unsigned slot, int lane, unsigned bits) {
    if (insn.slot[slot] == k_no_slot) {
        return 0;
    }
    const std::uint64_t value = is_wide(insn, slot)
                                    ? warp.lanes<std::uint64_t>(insn.slot[slot])[lane]
                                    : warp.lanes<std::uint32_t>(insn.slot[slot])[lane];
    return bits >= 64 ? value : value & ((std::uint64_t{1} << bits) - 1);
}

void store_element(Warp& warp, const Insn& insn, unsigned slot, int lane, std::uint64_t value) {
    if (insn.slot[slot] == k_no_slot) {
        return;
    }
    if (is_wide(insn, slot)) {
        warp.lanes<std::uint64_t>(insn.slot[slot])[lane] = value;
    } else {
        warp.lanes<std::uint32_t>(insn.slot[slot])[lane] = static_cast<std::uint32_t>(value);
    }
}

/// Any shape, a lane at a time: all sources are read before a destination is written.
template <unsigned bits>
void move_slowly(const Insn& insn, Warp& warp, Lanes active) {
    const unsigned destinations = std::clamp<unsigned>(insn.vector, 1, insn.slots - 1U);
    const unsigned sources = insn.slots - destinations;
    for (int lane = 0; lane < k_lanes; ++lane) {
        if ((active & k_lane_bit[lane]) == 0) {
            continue;
        }
        std::uint64_t whole = 0;
        for (unsigned i = 0; i < sources; ++i) {
            const unsigned part = bits / sources;
            whole |= load_element(warp, insn, destinations + i, lane, part) << (i * part);
        }
        for (unsigned i = 0; i < destinations; ++i) {
            const unsigned part = bits / destinations;
            const std::uint64_t mask = ~std::uint64_t{0} >> (64 - part);
            store_element(warp, insn, i, lane, (whole >> (i * part)) & mask);
        }
    }
}

template <class Whole>
void pack_two(const Insn& insn, Warp& warp, Lanes active) {
    constexpr unsigned part = 4 * sizeof(Whole);
    constexpr Whole low_part = (Whole{1} << part) - 1;
    const std::uint32_t* const low = warp.lanes<std::uint32_t>(insn.slot[1]);
    const std::uint32_t* const high = warp.lanes<std::uint32_t>(insn.slot[2]);
    alignas(64) Whole out[k_lanes];
    for (int i = 0; i < k_lanes; ++i) {
        out[i] = (static_cast<Whole>(low[i]) & low_part) | (static_cast<Whole>(high[i]) << part);
    }
    copy_active(warp.lanes<Whole>(insn.slot[0]), out, active);
}

template <class Whole>
void unpack_two(const Insn& insn, Warp& warp, Lanes active) {
    constexpr unsigned part = 4 * sizeof(Whole);
    constexpr Whole low_part = (Whole{1} << part) - 1;
    const Whole* const whole = warp.lanes<Whole>(insn.slot[2]);
    alignas(64) std::uint32_t low[k_lanes];
    alignas(64) std::uint32_t high[k_lanes];
    for (int i = 0; i < k_lanes; ++i) {
        low[i] = static_cast<std::uint32_t>(whole[i] & low_part);
        high[i] = static_cast<std::uint32_t>(whole[i] >> part);
    }
    if (insn.slot[0] != k_no_slot) {
        copy_active(warp.lanes<std::uint32_t>(insn.slot[0]), low, active);
    }
    if (insn.slot[1] != k_no_slot) {
        copy_active(warp.lanes<std::uint32_t>(insn.slot[1]), high, active);
    }
}

/// mov.b16/.b32/.b64: the slots say what is moved into what.
template <unsigned bits>
void move_bits(const Insn& insn, Warp& warp, Lanes active) {
    using Whole = std::conditional_t<bits == 64, std::uint64_t, std::uint32_t>;
    // Lanes as the type asks for: whole registers, and halves in 4-byte ones.
    constexpr unsigned wide = bits == 64 ? 1 : 0;
    bool sink = false;
    for (unsigned i = insn.vector; i < insn.slots; ++i) {
        sink |= insn.slot[i] == k_no_slot;
    }
    const bool two = bits > 16 && insn.slots == 3 && !sink;
    if (insn.slots == 2 && insn.wide == (wide | (wide << 1)) && !sink &&
        insn.slot[0] != k_no_slot) {
        copy_lanes<Whole>(insn, warp, active);
    } else if (two && insn.vector == 1 && insn.wide == wide && insn.slot[0] != k_no_slot) {
        pack_two<Whole>(insn, warp, active);
    } else if (two && insn.vector == 2 && insn.wide == (wide << 2)) {
        unpack_two<Whole>(insn, warp, active);
    } else {
        move_slowly<bits>(insn, warp, active);
    }
}

/// mov.b128: one register, or two of 64 bits. The decoder has seen to it that both sides have 16
/// bytes.
void move_128(const Insn& insn, Warp& warp, Lanes active) {
    if (insn.slots == 2) {
        copy_lanes<u128>(insn, warp, active);
        return;
    }
    alignas(64) u128 value[k_lanes];
    const std::uint32_t* const from = insn.slot + insn.vector;
    for (std::size_t i = 0; i < k_lanes; ++i) {
        if (insn.vector == 2) {
            value[i] = warp.lanes<u128>(from[0])[i];
            continue;
        }
        const auto part = [&](std::uint32_t slot) {
            return slot == k_no_slot ? 0 : warp.lanes<std::uint64_t>(slot)[i];
        };
        value[i] = part(from[0]) | u128{part(from[1])} << 64;
    }
    if (insn.vector != 2) {
        copy_active(warp.lanes<u128>(insn.slot[0]), value, active);
        return;
    }
    alignas(64) std::uint64_t half[k_lanes];
    for (unsigned part = 0; part < 2; ++part) {
        if (insn.slot[part] == k_no_slot) {
            continue;
        }
        for (std::size_t i = 0; i < k_lanes; ++i) {
            half[i] = static_cast<std::uint64_t>(value[i] >> (64 * part));
        }
        copy_active(warp.lanes<std::uint64_t>(insn.slot[part]), half, active);
    }
}

}  // namespace

Binding bind_mov(const Match& match) {
    const std::string_view type = match[1];
    Binding binding;
    binding.work = Work::move;
    binding.slots_min = binding.slots_max = 2;
    if (type == ".pred") {
        binding.run = &move_predicate;
        binding.widths = {Width::predicate};
        return binding;
    }
    if (type == ".b128") {
        binding.run = &move_128;
        binding.widths = {Width::any};
        binding.bytes = 16;
        binding.slots_max = 3;
        binding.sinks = 3;
        return binding;
    }
    if (type.starts_with(".b")) {
        binding.run = type == ".b16"   ? &move_bits<16>
                      : type == ".b32" ? &move_bits<32>
                                       : &move_bits<64>;
        binding.widths = {Width::any};
        binding.bytes = type == ".b64" ? 8 : 4;  // of an immediate
        binding.slots_max = 5;
        binding.sinks = 0x1F;
        return binding;
    }
    binding.real_immediates = type.starts_with(".f");
    binding.run = type.ends_with("64") ? &copy_lanes<std::uint64_t> : &copy_lanes<std::uint32_t>;
    binding.widths = {
        type.ends_with("16")   ? Width::w16
        : type.ends_with("32") ? Width::w32
                               : Width::w64};
    return binding;
}

}  // namespace kw::emu
