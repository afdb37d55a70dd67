// SPDX-License-Identifier: Apache-2.0
// selp, slct and testp.
#include "evaluator/device/emulated/engine/bind_arithmetic.hpp"
#include "evaluator/device/emulated/engine/bind_types.hpp"
#include "evaluator/device/emulated/engine/half.hpp"

namespace kw::emu {

namespace {

struct IsFinite {
    template <class T>
    KW_LANE bool operator()(T a, T) const {
        return a - a == 0;
    }
};

struct IsInfinite {
    template <class T>
    KW_LANE bool operator()(T a, T) const {
        return (a == a) & (a - a != 0);
    }
};

struct IsNumber {
    template <class T>
    KW_LANE bool operator()(T a, T) const {
        return a == a;
    }
};

struct IsNan {
    template <class T>
    KW_LANE bool operator()(T a, T) const {
        return a != a;
    }
};

template <class T>
KW_LANE inline auto exponent_field(T a) {
    if constexpr (sizeof(T) == 4) {
        return (bits_of(a) >> 23) & 0xFFU;
    } else {
        return (bits_of(a) >> 52) & 0x7FFU;
    }
}

struct IsNormal {
    template <class T>
    KW_LANE bool operator()(T a, T) const {
        const auto field = exponent_field(a);
        return (field != 0) & (field != (sizeof(T) == 4 ? 0xFFU : 0x7FFU));
    }
};

struct IsSubnormal {
    template <class T>
    KW_LANE bool operator()(T a, T) const {
        return (exponent_field(a) == 0) & (a != 0);
    }
};

template <class Op, class T>
struct Property {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        const Lanes yes = test_lanes<Isa, Op, T>(warp, insn.slot[1], insn.slot[1]);
        store_predicate(warp, insn.slot[0], yes, active);
    }
};

/// d = p ? a : b.
template <class U>
struct Select {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        const U* const a = warp.lanes<U>(insn.slot[1]);
        const U* const b = warp.lanes<U>(insn.slot[2]);
        const Lanes choice = load_predicate(warp, insn, 3);
        U* const to = warp.lanes<U>(insn.slot[0]);
        alignas(64) U kept[k_lanes];
        const bool whole = active == k_all_lanes;
        U* const out = whole ? to : kept;
#pragma GCC ivdep
        for (int i = 0; i < k_lanes; ++i) {
            const U mask = U{0} - static_cast<U>((choice & k_lane_bit[i]) != 0);
            out[i] = (a[i] & mask) | (b[i] & ~mask);
        }
        if (!whole) {
            copy_active(to, kept, active);
        }
    }
};

template <bool ftz>
struct SelectBySign {
    template <class U>
    KW_LANE U operator()(U a, U b, std::int32_t c) const {
        return c >= 0 ? a : b;
    }
    template <class U>
    KW_LANE U operator()(U a, U b, float c) const {
        return (ftz ? flushed(c) : c) >= 0.0F ? a : b;
    }
};

}  // namespace

Binding bind_testp(const Match& match) {
    const auto pick = [&match]<class T>(T) -> Handler {
        const std::string_view name = match[1];
        if (name == ".finite") {
            return plain_handler<Property<IsFinite, T>>();
        }
        if (name == ".infinite") {
            return plain_handler<Property<IsInfinite, T>>();
        }
        if (name == ".number") {
            return plain_handler<Property<IsNumber, T>>();
        }
        if (name == ".notanumber") {
            return plain_handler<Property<IsNan, T>>();
        }
        return name == ".normal" ? plain_handler<Property<IsNormal, T>>()
                                 : plain_handler<Property<IsSubnormal, T>>();
    };
    Binding binding;
    binding.run = match[2] == ".f32" ? pick(float{}) : pick(double{});
    binding.work = Work::predicate;
    binding.widths = {Width::predicate, match[2] == ".f32" ? Width::w32 : Width::w64};
    binding.real_immediates = true;
    binding.slots_min = binding.slots_max = 2;
    return binding;
}

Binding bind_selp(const Match& match) {
    return with_bits(match[1], [&match](auto t) {
        // 16-bit values lie in 4-byte lanes.
        using U = LaneOf<decltype(t)>;
        Binding binding;
        binding.run = handler<Select<U>>();
        binding.work = Work::move;
        const Width width = k_width_of<decltype(t)>;
        binding.widths = {width, width, width, Width::predicate};
        binding.real_immediates = match[1].starts_with(".f");
        binding.slots_min = binding.slots_max = 4;
        return binding;
    });
}

Binding bind_slct(const Match& match) {
    const std::string_view type = match.parts[match.parts.size() - 2];
    const bool real = type.starts_with(".f");
    return with_bits(type, [&match, real](auto t) {
        using U = decltype(t);
        if (match.parts.back() == ".s32") {
            return bind_plain<SelectBySign<false>, U, U, U, std::int32_t>(Work::integer, real);
        }
        return match.has(".ftz")
                   ? bind_plain<SelectBySign<true>, U, U, U, float>(Work::integer, true)
                   : bind_plain<SelectBySign<false>, U, U, U, float>(Work::integer, true);
    });
}

}  // namespace kw::emu
