// SPDX-License-Identifier: Apache-2.0
// atom and red. Lanes act one after the other, in order; global memory is shared with the other
// worker threads, so it is changed with the host's atomics. Shared memory belongs to one thread.
#include "evaluator/device/emulated/engine/bind_memory.hpp"
#include "evaluator/device/emulated/engine/half.hpp"
#include "evaluator/device/emulated/engine/ops_memory.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

enum class Op : std::uint8_t { add, min, max, bit_and, bit_or, bit_xor, inc, dec, exch, cas };

/// Bits of Insn::mods above the memory family's: atom has a destination.
constexpr std::uint32_t k_result_bit = 64;

template <class T>
T add_values(T a, T b) {
    if constexpr (std::is_same_v<T, Half>) {
        return narrow_half(widen(a) + widen(b));
    } else if constexpr (std::is_same_v<T, Brain>) {
        return narrow_brain(widen(a) + widen(b));
    } else if constexpr (std::is_same_v<T, float>) {
        return canonical(a + b);
    } else {
        return static_cast<T>(a + b);
    }
}

/// Two 16-bit floats; each is an addition of its own.
template <class H>
struct Pair {
    H low;
    H high;
};
template <class H>
Pair<H> add_values(Pair<H> a, Pair<H> b) {
    return {add_values(a.low, b.low), add_values(a.high, b.high)};
}

template <Op op, class T>
T combined(T old, T b, T c) {
    if constexpr (op == Op::add) {
        return add_values(old, b);
    } else if constexpr (op == Op::min) {
        return std::min(old, b);
    } else if constexpr (op == Op::max) {
        return std::max(old, b);
    } else if constexpr (op == Op::bit_and) {
        return old & b;
    } else if constexpr (op == Op::bit_or) {
        return old | b;
    } else if constexpr (op == Op::bit_xor) {
        return old ^ b;
    } else if constexpr (op == Op::inc) {
        return old >= b ? T{0} : old + 1;
    } else if constexpr (op == Op::dec) {
        return old == 0 || old > b ? b : old - 1;
    } else if constexpr (op == Op::exch) {
        return b;
    } else {
        return old == b ? c : old;
    }
}

template <std::size_t bytes>
using Word = std::conditional_t<
    bytes == 2,
    std::uint16_t,
    std::conditional_t<bytes == 4, std::uint32_t, std::uint64_t>>;

/// Changes one element; returns what was there.
template <Op op, class T>
Word<sizeof(T)> change(std::byte* at, bool shared, T b, T c) {
    using W = Word<sizeof(T)>;
    if (shared) {
        W old;
        std::memcpy(&old, at, sizeof(W));
        const W now = std::bit_cast<W>(combined<op>(std::bit_cast<T>(old), b, c));
        std::memcpy(at, &now, sizeof(W));
        return old;
    }
    // Aligned: reach() has refused the rest.
    const std::atomic_ref<W> cell(*reinterpret_cast<W*>(at));
    W old = cell.load(std::memory_order_relaxed);
    while (!cell.compare_exchange_weak(
        old,
        std::bit_cast<W>(combined<op>(std::bit_cast<T>(old), b, c)),
        std::memory_order_acq_rel,
        std::memory_order_relaxed)) {
    }
    return old;
}

template <class T>
T operand(Warp& warp, const Insn& insn, std::size_t i, std::size_t lane) {
    const std::uint32_t slot = insn.slot[i];
    if constexpr (sizeof(T) == 8) {
        return std::bit_cast<T>(warp.lanes<std::uint64_t>(slot)[lane]);
    } else if constexpr (sizeof(T) == 4) {
        return std::bit_cast<T>(warp.lanes<std::uint32_t>(slot)[lane]);
    } else {
        return std::bit_cast<T>(static_cast<std::uint16_t>(warp.lanes<std::uint32_t>(slot)[lane]));
    }
}

/// slots: [result,] address, b [, c] [, policy].
template <Op op, class T>
void run_atomic(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const bool result = (insn.mods & k_result_bit) != 0;
    const std::size_t first = result ? 1 : 0;
    Reach out;
    reach(
        warp,
        insn,
        active,
        insn.slot[first],
        insn.wide_base,
        insn.offset,
        sizeof(T),
        window_of(insn),
        Use::atomic,
        Order::strong,
        out);
    publish(warp, insn, out);
    acquire(warp, out);
    for (Lanes left = out.lanes; left != 0; left &= left - 1) {
        const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
        const T b = operand<T>(warp, insn, first + 1, lane);
        const T c = op == Op::cas ? operand<T>(warp, insn, first + 2, lane) : b;
        const bool own = out.space_of(lane) != Space::global;
        const Word<sizeof(T)> old = change<op, T>(out.host(lane), own, b, c);
        if (result && insn.slot[0] != k_no_slot) {
            if constexpr (sizeof(T) == 8) {
                warp.lanes<std::uint64_t>(insn.slot[0])[lane] = old;
            } else {
                warp.lanes<std::uint32_t>(insn.slot[0])[lane] = old;
            }
        }
    }
}

/// slots: [results,] address, values [, policy]; every element is an addition of its own.
template <class T, int V>
void run_add_vector(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const bool result = (insn.mods & k_result_bit) != 0;
    const std::size_t first = result ? V : 0;
    Reach out;
    reach(
        warp,
        insn,
        active,
        insn.slot[first],
        insn.wide_base,
        insn.offset,
        sizeof(T) * V,
        window_of(insn),
        Use::atomic,
        Order::strong,
        out);
    publish(warp, insn, out);
    acquire(warp, out);
    for (Lanes left = out.lanes; left != 0; left &= left - 1) {
        const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
        const bool own = out.space_of(lane) != Space::global;
        for (std::size_t v = 0; v < V; ++v) {
            const T b = operand<T>(warp, insn, first + 1 + v, lane);
            const auto old = change<Op::add, T>(out.host(lane) + v * sizeof(T), own, b, b);
            if (result && insn.slot[v] != k_no_slot) {
                warp.lanes<std::uint32_t>(insn.slot[v])[lane] = old;
            }
        }
    }
}

template <class T>
Handler vector_handler(int vector) {
    if constexpr (sizeof(T) == 2) {
        if (vector == 8) {
            return &run_add_vector<T, 8>;
        }
    }
    return vector == 2 ? &run_add_vector<T, 2> : (vector == 4 ? &run_add_vector<T, 4> : nullptr);
}

template <Op op>
Handler integer_handler(std::string_view type) {
    if (type == ".u32" || type == ".b32") {
        return &run_atomic<op, std::uint32_t>;
    }
    if (type == ".u64" || type == ".b64") {
        return &run_atomic<op, std::uint64_t>;
    }
    if (type == ".s32") {
        return &run_atomic<op, std::int32_t>;
    }
    if (type == ".s64") {
        return &run_atomic<op, std::int64_t>;
    }
    return nullptr;
}

Handler add_handler(std::string_view type) {
    // Two's complement: the sum has no sign.
    if (type == ".s32") {
        return &run_atomic<Op::add, std::uint32_t>;
    }
    if (type == ".s64") {
        return &run_atomic<Op::add, std::uint64_t>;
    }
    if (type == ".f32") {
        return &run_atomic<Op::add, float>;
    }
    if (type == ".f64") {
        return &run_atomic<Op::add, double>;
    }
    if (type == ".f16") {
        return &run_atomic<Op::add, Half>;
    }
    if (type == ".bf16") {
        return &run_atomic<Op::add, Brain>;
    }
    if (type == ".f16x2") {
        return &run_atomic<Op::add, Pair<Half>>;
    }
    if (type == ".bf16x2") {
        return &run_atomic<Op::add, Pair<Brain>>;
    }
    return integer_handler<Op::add>(type);
}

Handler handler_of(std::string_view op, std::string_view type) {
    if (op == "add") {
        return add_handler(type);
    }
    if (op == "min") {
        return integer_handler<Op::min>(type);
    }
    if (op == "max") {
        return integer_handler<Op::max>(type);
    }
    if (op == "and") {
        return integer_handler<Op::bit_and>(type);
    }
    if (op == "or") {
        return integer_handler<Op::bit_or>(type);
    }
    if (op == "xor") {
        return integer_handler<Op::bit_xor>(type);
    }
    if (op == "inc") {
        return &run_atomic<Op::inc, std::uint32_t>;
    }
    if (op == "dec") {
        return &run_atomic<Op::dec, std::uint32_t>;
    }
    if (op == "exch") {
        return integer_handler<Op::exch>(type);
    }
    return type == ".b16" ? &run_atomic<Op::cas, std::uint16_t> : integer_handler<Op::cas>(type);
}

Binding atomic(const Match& match, std::string_view op) {
    const MemoryForm form = memory_form(match);
    const std::string_view type = match.parts.back();
    const bool result = match[0] == "atom";
    Binding binding;
    binding.run = handler_of(op, type);
    binding.work = Work::atomic;
    const int bytes = form.bytes;
    binding.mods = (form.mods & ~k_signed_bit) | k_strong_bit | (result ? k_result_bit : 0);
    binding.bytes = static_cast<std::uint8_t>(bytes);
    const Width width = bytes == 8 ? Width::w64 : (bytes == 4 ? Width::w32 : Width::w16);
    binding.real_immediates = type.find('f') != std::string_view::npos;
    if (result) {
        binding.widths.push_back(width);
        binding.sinks = 1;
    }
    binding.widths.push_back(Width::address);
    const std::size_t values = op == "cas" ? 2 : 1;
    for (std::size_t i = 0; i < values; ++i) {
        binding.widths.push_back(width);
    }
    if (form.hint) {
        binding.widths.push_back(Width::w64);
    }
    binding.slots_min = static_cast<std::uint16_t>(binding.widths.size());
    binding.slots_max = binding.slots_min;
    return binding;
}

}  // namespace

Binding bind_atomic_add(const Match& match) {
    return atomic(match, "add");
}
Binding bind_atomic_vector(const Match& match) {
    Binding binding = atomic(match, "add");
    const std::string_view type = match.parts.back();
    const int vector = memory_form(match).vector;
    binding.run = type == ".f32"     ? vector_handler<float>(vector)
                  : type == ".f16"   ? vector_handler<Half>(vector)
                  : type == ".bf16"  ? vector_handler<Brain>(vector)
                  : type == ".f16x2" ? vector_handler<Pair<Half>>(vector)
                                     : vector_handler<Pair<Brain>>(vector);
    const bool result = match[0] == "atom";
    const auto count = static_cast<std::size_t>(vector);
    const std::size_t first = result ? count : 0;
    const Width width = type == ".f16" || type == ".bf16" ? Width::w16 : Width::w32;
    const bool hint = match.has("L2::cache_hint");
    binding.widths.assign(first + 1 + count + (hint ? 1 : 0), width);
    binding.widths[first] = Width::address;
    if (hint) {
        binding.widths.back() = Width::w64;
    }
    binding.sinks = (1U << first) - 1;
    binding.slots_min = static_cast<std::uint16_t>(binding.widths.size());
    binding.slots_max = binding.slots_min;
    return binding;
}

Binding bind_atomic_wrap(const Match& match) {
    return atomic(match, match.has("inc") ? "inc" : "dec");
}
Binding bind_atomic_minmax(const Match& match) {
    return atomic(match, match.has("min") ? "min" : "max");
}
Binding bind_atomic_logic(const Match& match) {
    return atomic(match, match.has("and") ? "and" : (match.has("or") ? "or" : "xor"));
}
Binding bind_atomic_exch(const Match& match) {
    return atomic(match, "exch");
}
Binding bind_atomic_cas(const Match& match) {
    return atomic(match, "cas");
}

}  // namespace kw::emu
