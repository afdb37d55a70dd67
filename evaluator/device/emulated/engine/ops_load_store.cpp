// SPDX-License-Identifier: Apache-2.0
// ld and st in every window, element size and vector length.
#include "evaluator/device/emulated/engine/bind_memory.hpp"
#include "evaluator/device/emulated/engine/ops_memory.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

__extension__ using u128 = unsigned __int128;

/// What a lane of a register holds for an element of type T.
template <class T, class L>
L extended(T value) {
    if constexpr (std::is_signed_v<T>) {
        return static_cast<L>(static_cast<std::int64_t>(value));
    } else {
        return static_cast<L>(value);
    }
}

template <class T>
T element(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    return value;
}

/// The same where lanes follow each other or have one address, as they mostly do.
template <class T, class L, int V>
void fill_runs(L* to, const Reach& reach, const std::byte* base) {
    for (std::uint32_t r = 0; r < reach.shape->runs; ++r) {
        const AccessRun& run = reach.shape->run[r];
        const std::byte* from = base + static_cast<std::ptrdiff_t>(run.delta);  // lanes may go down
        L* const out = to + run.lane;
        if (run.uniform) {
            std::fill_n(out, run.lanes, extended<T, L>(element<T>(from)));
        } else if (sizeof(T) == sizeof(L) && V == 1 && run.lanes == k_lanes / 2) {
            std::memcpy(out, from, sizeof(T) * k_lanes / 2);
        } else {
            for (std::size_t lane = 0; lane < run.lanes; ++lane) {
                out[lane] = extended<T, L>(element<T>(from + lane * sizeof(T) * V));
            }
        }
    }
}

/// Fills one destination register with element `v` of each lane's access.
template <class T, class L, int V>
void fill(L* to, const Reach& reach, int v) {
    const std::byte* base = reach.base + v * static_cast<int>(sizeof(T));
    const bool all = reach.lanes == k_all_lanes;
    if (all && reach.kind == AccessShape::Kind::contiguous) {
        if constexpr (sizeof(T) == sizeof(L) && V == 1) {
            std::memcpy(to, base, sizeof(T) * k_lanes);
        } else {
            for (std::size_t lane = 0; lane < k_lanes; ++lane) {
                to[lane] = extended<T, L>(element<T>(base + lane * sizeof(T) * V));
            }
        }
        return;
    }
    if (all && reach.shape != nullptr && reach.shape->runs != 0) {
        fill_runs<T, L, V>(to, reach, base);
        return;
    }
    if (all) {
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            to[lane] = extended<T, L>(element<T>(base + reach.distance(lane)));
        }
        return;
    }
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        const L value = extended<T, L>(element<T>(base + reach.distance(lane)));
        to[lane] = ((reach.lanes >> lane) & 1) != 0 ? value : to[lane];
    }
}

template <class L>
void clear(L* to, Lanes lanes) {
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        to[lane] = ((lanes >> lane) & 1) != 0 ? L{0} : to[lane];
    }
}

template <class T, class L, int V>
void fill_checked(Warp& warp, std::uint32_t slot, const Reach& reach, Lanes active, int v) {
    if (slot == k_no_slot) {
        return;
    }
    L* to = warp.lanes<L>(slot);
    if (reach.lanes != active) [[unlikely]] {
        clear(to, active & ~reach.lanes);
    }
    if (reach.lanes != 0) {
        fill<T, L, V>(to, reach, v);
    }
}

template <class T, int V>
void run_load(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    Reach out;
    reach(
        warp,
        insn,
        active,
        insn.slot[V],
        insn.wide_base,
        insn.offset,
        sizeof(T) * V,
        window_of(insn),
        Use::load,
        order_of(insn),
        out);
    if ((insn.mods & k_strong_bit) != 0) {
        acquire(warp, out);
    }
    for (int v = 0; v < V; ++v) {
        const std::uint32_t slot = insn.slot[v];
        if constexpr (sizeof(T) == 16) {
            fill_checked<T, u128, V>(warp, slot, out, active, v);
        } else if constexpr (sizeof(T) == 8) {
            fill_checked<T, std::uint64_t, V>(warp, slot, out, active, v);
        } else if (((insn.wide >> v) & 1) != 0) {
            fill_checked<T, std::uint64_t, V>(warp, slot, out, active, v);
        } else {
            fill_checked<T, std::uint32_t, V>(warp, slot, out, active, v);
        }
    }
}

/// Stores one source register as element `v` of each lane's access; the highest lane wins.
template <class T, class L, int V>
void spill(const L* from, const Reach& reach, int v) {
    std::byte* base = reach.base + v * static_cast<int>(sizeof(T));
    if (reach.lanes == k_all_lanes && reach.kind == AccessShape::Kind::contiguous) {
        if constexpr (sizeof(T) == sizeof(L) && V == 1) {
            std::memcpy(base, from, sizeof(T) * k_lanes);
        } else {
            for (std::size_t lane = 0; lane < k_lanes; ++lane) {
                const T value = static_cast<T>(from[lane]);
                std::memcpy(base + lane * sizeof(T) * V, &value, sizeof(T));
            }
        }
        return;
    }
    for (Lanes left = reach.lanes; left != 0; left &= left - 1) {
        const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
        const T value = static_cast<T>(from[lane]);
        std::memcpy(base + reach.distance(lane), &value, sizeof(T));
    }
}

template <class T>
T source_value(Warp& warp, const Insn& insn, int v, std::size_t lane) {
    const std::uint32_t slot = insn.slot[1 + v];
    if constexpr (sizeof(T) == 16) {
        return warp.lanes<u128>(slot)[lane];
    } else if constexpr (sizeof(T) == 8) {
        return warp.lanes<std::uint64_t>(slot)[lane];
    } else {
        return ((insn.wide >> (1 + v)) & 1) != 0
                   ? static_cast<T>(warp.lanes<std::uint64_t>(slot)[lane])
                   : static_cast<T>(warp.lanes<std::uint32_t>(slot)[lane]);
    }
}

template <class T, int V>
void tell_shadows(WarpState& warp, const Insn& insn, const Reach& out) {
    std::byte values[k_lanes][32];
    for (Lanes left = out.lanes; left != 0; left &= left - 1) {
        const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
        for (int v = 0; v < V; ++v) {
            const T value = source_value<T>(warp, insn, v, lane);
            std::memcpy(values[lane] + v * static_cast<int>(sizeof(T)), &value, sizeof(T));
        }
    }
    note_stores(warp, insn, out, sizeof(T) * V, order_of(insn), values);
}

template <class T, int V>
void run_store(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    Reach out;
    reach(
        warp,
        insn,
        active,
        insn.slot[0],
        insn.wide_base,
        insn.offset,
        sizeof(T) * V,
        window_of(insn),
        Use::store,
        order_of(insn),
        out);
    if (out.lanes == 0) {
        return;
    }
    if (stores_noted(warp, insn, out, sizeof(T) * V, order_of(insn))) {
        tell_shadows<T, V>(warp, insn, out);
    }
    if ((insn.mods & k_strong_bit) != 0) {
        publish(warp, insn, out);
    }
    for (int v = 0; v < V; ++v) {
        const std::uint32_t slot = insn.slot[1 + v];
        if constexpr (sizeof(T) == 16) {
            spill<T, u128, V>(warp.lanes<u128>(slot), out, v);
        } else if constexpr (sizeof(T) == 8) {
            spill<T, std::uint64_t, V>(warp.lanes<std::uint64_t>(slot), out, v);
        } else if (((insn.wide >> (1 + v)) & 1) != 0) {
            spill<T, std::uint64_t, V>(warp.lanes<std::uint64_t>(slot), out, v);
        } else {
            spill<T, std::uint32_t, V>(warp.lanes<std::uint32_t>(slot), out, v);
        }
    }
}

template <class T>
Handler load_handler(int vector) {
    switch (vector * static_cast<int>(sizeof(T)) > 32 ? 0 : vector) {
        case 1: return &run_load<T, 1>;
        case 2: return &run_load<T, 2>;
        case 4:
            if constexpr (sizeof(T) <= 8) {
                return &run_load<T, 4>;
            }
            return nullptr;
        case 8:
            if constexpr (sizeof(T) <= 4) {
                return &run_load<T, 8>;
            }
            return nullptr;
        default: return nullptr;
    }
}

template <class T>
Handler store_handler(int vector) {
    switch (vector * static_cast<int>(sizeof(T)) > 32 ? 0 : vector) {
        case 1: return &run_store<T, 1>;
        case 2: return &run_store<T, 2>;
        case 4:
            if constexpr (sizeof(T) <= 8) {
                return &run_store<T, 4>;
            }
            return nullptr;
        case 8:
            if constexpr (sizeof(T) <= 4) {
                return &run_store<T, 8>;
            }
            return nullptr;
        default: return nullptr;
    }
}

Handler load_of(int bytes, bool is_signed, int vector) {
    switch (bytes) {
        case 1:
            return is_signed ? load_handler<std::int8_t>(vector)
                             : load_handler<std::uint8_t>(vector);
        case 2:
            return is_signed ? load_handler<std::int16_t>(vector)
                             : load_handler<std::uint16_t>(vector);
        case 4:
            return is_signed ? load_handler<std::int32_t>(vector)
                             : load_handler<std::uint32_t>(vector);
        case 8: return load_handler<std::uint64_t>(vector);
        case 16: return vector == 1 ? load_handler<u128>(1) : nullptr;
        default: return nullptr;
    }
}

Handler store_of(int bytes, int vector) {
    switch (bytes) {
        case 1: return store_handler<std::uint8_t>(vector);
        case 2: return store_handler<std::uint16_t>(vector);
        case 4: return store_handler<std::uint32_t>(vector);
        case 8: return store_handler<std::uint64_t>(vector);
        case 16: return vector == 1 ? store_handler<u128>(1) : nullptr;
        default: return nullptr;
    }
}

/// Eight elements: Insn::wide has no bit for the last.
Width element_width(int bytes, int vector) {
    if (vector == 8) {
        return Width::w32;
    }
    return bytes == 16 ? Width::w128 : (bytes == 8 ? Width::w64 : Width::any);
}

}  // namespace

Binding bind_load(const Match& match) {
    const MemoryForm form = memory_form(match);
    Binding binding;
    binding.run = load_of(form.bytes, form.is_signed, form.vector);
    binding.work = form.work;
    binding.mods = form.mods;
    binding.bytes = static_cast<std::uint8_t>(form.bytes);
    binding.vector = static_cast<std::uint8_t>(form.vector);
    binding.widths.assign(
        static_cast<std::size_t>(form.vector), element_width(form.bytes, form.vector));
    binding.widths.push_back(Width::address);
    binding.sinks = (1U << form.vector) - 1;
    binding.slots_min = static_cast<std::uint16_t>(form.vector + 1);
    binding.slots_max = binding.slots_min;
    if (form.hint) {
        binding.widths.push_back(Width::w64);
        ++binding.slots_max;
        ++binding.slots_min;
    }
    return binding;
}

Binding bind_store(const Match& match) {
    const MemoryForm form = memory_form(match);
    Binding binding;
    binding.run = store_of(form.bytes, form.vector);
    binding.work = form.work;
    binding.mods = form.mods;
    binding.bytes = static_cast<std::uint8_t>(form.bytes);
    binding.vector = static_cast<std::uint8_t>(form.vector);
    binding.widths.assign(
        static_cast<std::size_t>(form.vector) + 1, element_width(form.bytes, form.vector));
    binding.widths[0] = Width::address;
    binding.slots_min = static_cast<std::uint16_t>(form.vector + 1);
    binding.slots_max = binding.slots_min;
    if (form.hint) {
        binding.widths.push_back(Width::w64);
        ++binding.slots_max;
        ++binding.slots_min;
    }
    return binding;
}

}  // namespace kw::emu
