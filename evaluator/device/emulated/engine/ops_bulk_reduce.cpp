// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_bulk_reduce.hpp"

#include "evaluator/device/emulated/engine/bind_matrix.hpp"
#include "evaluator/device/emulated/engine/half.hpp"
#include "evaluator/device/emulated/engine/ops_bulk.hpp"
#include "evaluator/device/emulated/engine/ops_mbarrier.hpp"

#include <algorithm>
#include <atomic>

namespace kw::emu {
namespace {

// Insn::mods: operation, type, and
constexpr std::uint32_t k_type_shift = 4;
constexpr std::uint32_t k_to_global = 256;

constexpr std::string_view k_ops[] = {
    ".add", ".min", ".max", ".inc", ".dec", ".and", ".or", ".xor"};

template <std::size_t bytes>
using Word = std::conditional_t<
    bytes == 2,
    std::uint16_t,
    std::conditional_t<bytes == 4, std::uint32_t, std::uint64_t>>;

/// min and max: a NaN gives way to a number.
template <class F>
F least(F a, F b) {
    return b != b || a < b ? a : b;
}
template <class F>
F greatest(F a, F b) {
    return b != b || a > b ? a : b;
}

template <ReduceOp op, class T>
T combined(T old, T b) {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Brain>) {
        const float x = widen(old);
        const float y = widen(b);
        const float z = op == ReduceOp::add   ? x + y
                        : op == ReduceOp::min ? least(x, y)
                                              : greatest(x, y);
        if constexpr (std::is_same_v<T, Half>) {
            return narrow_half(z);
        } else {
            return narrow_brain(z);
        }
    } else if constexpr (op == ReduceOp::add) {
        return old + b;
    } else if constexpr (op == ReduceOp::min) {
        return std::min(old, b);
    } else if constexpr (op == ReduceOp::max) {
        return std::max(old, b);
    } else if constexpr (op == ReduceOp::inc) {
        return old >= b ? T{0} : old + 1;
    } else if constexpr (op == ReduceOp::dec) {
        return old == 0 || old > b ? b : old - 1;
    } else if constexpr (op == ReduceOp::bit_and) {
        return old & b;
    } else if constexpr (op == ReduceOp::bit_or) {
        return old | b;
    } else {
        return old ^ b;
    }
}

template <ReduceOp op, class T>
void change(std::byte* at, const std::byte* from) {
    using W = Word<sizeof(T)>;
    T b;
    std::memcpy(&b, from, sizeof(T));
    // Aligned: reach_lane() has refused the rest. Other workers change global memory at the same
    // time.
    const std::atomic_ref<W> cell(*reinterpret_cast<W*>(at));
    W old = cell.load(std::memory_order_relaxed);
    while (!cell.compare_exchange_weak(
        old,
        std::bit_cast<W>(combined<op>(std::bit_cast<T>(old), b)),
        std::memory_order_acq_rel,
        std::memory_order_relaxed)) {
    }
}

template <class T>
Combine ordered_op(ReduceOp op) {
    switch (op) {
        case ReduceOp::add: return &change<ReduceOp::add, T>;
        case ReduceOp::min: return &change<ReduceOp::min, T>;
        case ReduceOp::max: return &change<ReduceOp::max, T>;
        default: return nullptr;
    }
}

template <class T>
Combine bit_op(ReduceOp op) {
    switch (op) {
        case ReduceOp::bit_and: return &change<ReduceOp::bit_and, T>;
        case ReduceOp::bit_or: return &change<ReduceOp::bit_or, T>;
        case ReduceOp::bit_xor: return &change<ReduceOp::bit_xor, T>;
        default: return nullptr;
    }
}

/// slots: destination, source, bytes, [mbarrier], [policy].
void run_reduce(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const bool to_global = (insn.mods & k_to_global) != 0;
    const auto op = static_cast<ReduceOp>(insn.mods & 15);
    const auto type = static_cast<TensorType>(insn.mods >> k_type_shift & 15);
    ++warp.counts[warp.index_of(insn)].requests;
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const std::uint32_t bytes = warp.lanes<std::uint32_t>(insn.slot[2])[lane];
        const std::uint64_t to = lane_address(insn, warp, 0, insn.wide_base, insn.offset, lane);
        const std::uint64_t from = lane_address(insn, warp, 1, (insn.wide & 2) != 0, 0, lane);
        if (((to | from | bytes) & (k_copy_unit - 1)) != 0 || bytes > k_most_copy_bytes) {
            Defect defect;
            defect.kind = FindingKind::bad_address;
            defect.space = to_global ? Space::global : Space::shared;
            defect.write = true;
            defect.bytes = bytes;
            defect.address = to;
            defect.detail = "cp.reduce.async.bulk takes multiples of 16 bytes and less than 2^20";
            report(warp, insn, lane, defect);
            continue;
        }
        if (!charge_copy(warp, bytes)) {
            return;
        }
        std::vector<std::byte> data(bytes);
        const Window window = to_global ? Window::global : Window::shared;
        if (!read_bytes(warp, insn, lane, from, Window::shared, data.data(), bytes) ||
            !reduce_bytes(
                warp,
                insn,
                lane,
                to,
                window,
                data.data(),
                bytes,
                element_bytes(type),
                combine_of(op, type))) {
            continue;
        }
        if (to_global) {
            count_bulk(warp, insn, to, bytes);
            continue;
        }
        if (warp.block->shadow) {
            warp.block->shadow->fence(warp.index);
        }
        std::uint64_t before = 0;
        change_barrier(
            warp,
            insn,
            lane,
            lane_address(insn, warp, 3, (insn.wide & 8) != 0, 0, lane),
            Window::shared,
            0,
            false,
            -std::int64_t{bytes},
            before);
    }
}

std::optional<TensorType> reduce_type(std::string_view name) {
    struct Named {
        std::string_view name;
        TensorType type;
    };
    static constexpr Named types[] = {
        {".u32", TensorType::u32},
        {".b32", TensorType::u32},
        {".s32", TensorType::i32},
        {".u64", TensorType::u64},
        {".b64", TensorType::u64},
        {".s64", TensorType::i64},
        {".f16", TensorType::f16},
        {".bf16", TensorType::bf16},
        {".f32", TensorType::f32},
        {".f64", TensorType::f64}};
    for (const Named& named : types) {
        if (named.name == name) {
            return named.type;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<ReduceOp> reduce_op(std::string_view name) {
    for (std::size_t i = 0; i < std::size(k_ops); ++i) {
        if (k_ops[i] == name) {
            return static_cast<ReduceOp>(i);
        }
    }
    return std::nullopt;
}

Combine combine_of(ReduceOp op, TensorType type) {
    const bool wraps = op == ReduceOp::inc || op == ReduceOp::dec;
    switch (type) {
        case TensorType::u32:
            if (wraps) {
                return op == ReduceOp::inc ? &change<ReduceOp::inc, std::uint32_t>
                                           : &change<ReduceOp::dec, std::uint32_t>;
            }
            return op < ReduceOp::inc ? ordered_op<std::uint32_t>(op) : bit_op<std::uint32_t>(op);
        case TensorType::i32:
            if (op == ReduceOp::add) {
                return &change<ReduceOp::add, std::uint32_t>;
            }
            return op < ReduceOp::inc ? ordered_op<std::int32_t>(op) : bit_op<std::uint32_t>(op);
        case TensorType::u64:
            return op < ReduceOp::inc ? ordered_op<std::uint64_t>(op) : bit_op<std::uint64_t>(op);
        case TensorType::i64:
            if (op == ReduceOp::add) {
                return &change<ReduceOp::add, std::uint64_t>;
            }
            return op < ReduceOp::inc ? ordered_op<std::int64_t>(op) : bit_op<std::uint64_t>(op);
        case TensorType::f16: return ordered_op<Half>(op);
        case TensorType::bf16: return ordered_op<Brain>(op);
        case TensorType::f32: return op == ReduceOp::add ? &change<ReduceOp::add, float> : nullptr;
        case TensorType::f64: return op == ReduceOp::add ? &change<ReduceOp::add, double> : nullptr;
        default: return nullptr;
    }
}

bool reduce_bytes(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t to,
    Window window,
    const std::byte* from,
    std::uint32_t bytes,
    std::uint32_t element,
    Combine combine) {
    charge(warp, bytes / element / 8);
    for (std::uint32_t at = 0; at < bytes; at += element) {
        std::byte* host =
            reach_lane(warp, insn, lane, to + at, element, window, Use::atomic, Order::strong);
        if (host == nullptr) {
            return false;
        }
        combine(host, from + at);
    }
    return true;
}

// Parts: "cp", destination and mbarrier or group, [hint], operation, [noftz], type.
Binding bind_bulk_reduce(const Match& match) {
    const std::optional<ReduceOp> op = reduce_op(match[3]);
    const std::optional<TensorType> type = reduce_type(match.parts.back());
    const bool to_global = match.has(".global.shared::cta.bulk_group");
    if (!op || !type || combine_of(*op, *type) == nullptr ||
        (!to_global && element_bytes(*type) == 2) ||
        (match.has(".noftz") && (element_bytes(*type) != 2 || *op != ReduceOp::add))) {
        return {};
    }
    Binding binding;
    binding.run = &run_reduce;
    binding.work = Work::copy_async;
    binding.bytes = static_cast<std::uint8_t>(element_bytes(*type));
    binding.mods = static_cast<std::uint32_t>(*op) |
                   static_cast<std::uint32_t>(*type) << k_type_shift |
                   (to_global ? k_to_global : 0);
    binding.widths = {Width::any, Width::any, Width::w32};
    if (!to_global) {
        binding.widths.push_back(Width::any);
    }
    if (match.has("L2::cache_hint")) {
        binding.widths.push_back(Width::w64);
    }
    binding.slots_min = binding.slots_max = static_cast<std::uint16_t>(binding.widths.size());
    return binding;
}

}  // namespace kw::emu
