// SPDX-License-Identifier: Apache-2.0
// Counting, finding and moving bits (PTX ISA 9.0, 9.7.1.11 and following).
#include "evaluator/device/emulated/engine/bind_arithmetic.hpp"
#include "evaluator/device/emulated/engine/bind_types.hpp"

#include <bit>

namespace kw::emu {

namespace {

struct CountOnes {
    template <class U>
    KW_LANE std::uint32_t operator()(U a) const {
        return static_cast<std::uint32_t>(std::popcount(a));
    }
};

struct CountLeadingZeros {
    template <class U>
    KW_LANE std::uint32_t operator()(U a) const {
        return static_cast<std::uint32_t>(std::countl_zero(a));
    }
};

struct Reverse {
    template <class U>
    KW_LANE U operator()(U a) const {
        a = static_cast<U>(((a >> 1) & U(0x5555555555555555)) | ((a & U(0x5555555555555555)) << 1));
        a = static_cast<U>(((a >> 2) & U(0x3333333333333333)) | ((a & U(0x3333333333333333)) << 2));
        a = static_cast<U>(((a >> 4) & U(0x0F0F0F0F0F0F0F0F)) | ((a & U(0x0F0F0F0F0F0F0F0F)) << 4));
        if constexpr (sizeof(U) == 4) {
            return __builtin_bswap32(a);
        } else {
            return __builtin_bswap64(a);
        }
    }
};

/// Bits of the low `count` places; any count.
template <class U>
KW_LANE inline U low_bits(std::uint32_t count) {
    constexpr std::uint32_t size = 8 * sizeof(U);
    return count >= size ? static_cast<U>(~U{0})
                         : static_cast<U>((U{1} << (count & (size - 1))) - U{1});
}

struct ExtractField {
    template <class T>
    KW_LANE T operator()(T a, std::uint32_t start, std::uint32_t length) const {
        using U = std::make_unsigned_t<T>;
        constexpr std::uint32_t size = 8 * sizeof(U);
        const std::uint32_t from = start & 0xFF;
        const std::uint32_t many = length & 0xFF;
        const U shifted = from >= size ? U{0} : static_cast<U>(static_cast<U>(a) >> from);
        const U field = low_bits<U>(many);
        if constexpr (std::is_signed_v<T>) {
            const std::uint32_t sign_at = std::min(from + many - 1, size - 1);
            const bool sign = many != 0 && ((static_cast<U>(a) >> sign_at) & 1U) != 0;
            // Places of the result that do come from the field; above them the sign is repeated.
            const U own = field & (from >= size ? U{0} : static_cast<U>(~U{0} >> from));
            return static_cast<T>((shifted & own) | (sign ? static_cast<U>(~own) : U{0}));
        } else {
            return static_cast<T>(shifted & field);
        }
    }
};

struct InsertField {
    template <class U>
    KW_LANE U operator()(U a, U b, std::uint32_t start, std::uint32_t length) const {
        constexpr std::uint32_t size = 8 * sizeof(U);
        const std::uint32_t from = start & 0xFF;
        const U field = low_bits<U>(length & 0xFF);
        const std::uint32_t shift = from & (size - 1);
        const U places = from >= size ? U{0} : static_cast<U>(field << shift);
        return static_cast<U>((b & ~places) | (static_cast<U>(a << shift) & places));
    }
};

/// Position of the most significant bit that is not the sign; -1 where there is none.
struct FindBit {
    template <class T>
    KW_LANE std::uint32_t operator()(T a) const {
        using U = std::make_unsigned_t<T>;
        const U bits = static_cast<U>(a < 0 ? ~a : a);
        return static_cast<std::uint32_t>(static_cast<int>(8 * sizeof(U)) - 1) -
               static_cast<std::uint32_t>(std::countl_zero(bits));
    }
};

/// How far left that bit has to be shifted to become the most significant one.
struct FindBitShift {
    template <class T>
    KW_LANE std::uint32_t operator()(T a) const {
        const std::uint32_t at = FindBit{}(a);
        return at == 0xFFFFFFFFU ? at : static_cast<std::uint32_t>(8 * sizeof(T)) - 1U - at;
    }
};

struct FindNthSet {
    KW_LANE std::uint32_t operator()(
        std::uint32_t mask, std::uint32_t base, std::int32_t offset) const {
        const std::uint32_t start = base & 31U;  // more is undefined
        if (offset == 0) {
            return ((mask >> start) & 1U) != 0 ? start : 0xFFFFFFFFU;
        }
        const std::int64_t step = offset > 0 ? 1 : -1;
        std::int64_t left = (offset > 0 ? std::int64_t{offset} : -std::int64_t{offset}) - 1;
        for (std::int64_t at = start; at >= 0 && at < 32; at += step) {
            if (((mask >> at) & 1U) != 0 && left-- == 0) {
                return static_cast<std::uint32_t>(at);
            }
        }
        return 0xFFFFFFFFU;
    }
};

template <bool clamp>
struct ExtendBits {
    template <class T>
    KW_LANE T operator()(T a, std::uint32_t count) const {
        const std::uint32_t many = count & 31U;
        if (clamp && count >= 32) {
            return a;
        }
        if (many == 0) {
            return 0;
        }
        const auto up = static_cast<std::uint32_t>(a) << (32 - many);
        return static_cast<T>(static_cast<T>(up) >> (32 - many));
    }
};

template <bool clamp>
struct MakeMask {
    KW_LANE std::uint32_t operator()(std::uint32_t a, std::uint32_t b) const {
        const std::uint32_t from = a & 31U;
        const std::uint32_t many = b & 31U;
        if (clamp && a >= 32) {
            return 0;
        }
        const std::uint32_t above = ~0U << from;
        if ((clamp && b >= 32) || from + many >= 32) {
            return above;
        }
        return above & ~(~0U << (from + many));
    }
};

/// The rows have no 16-bit forms.
template <class T>
using WideEnough = std::conditional_t<(sizeof(T) < 4), std::int32_t, T>;

}  // namespace

Binding bind_count_bits(const Match& match) {
    const auto pick = [&match]<class U>(U) {
        return match[0] == "popc" ? bind_map<CountOnes, std::uint32_t, U>(Work::integer)
                                  : bind_map<CountLeadingZeros, std::uint32_t, U>(Work::integer);
    };
    return match[1] == ".b32" ? pick(std::uint32_t{}) : pick(std::uint64_t{});
}

Binding bind_brev(const Match& match) {
    return match[1] == ".b32" ? bind_map<Reverse, std::uint32_t, std::uint32_t>(Work::integer)
                              : bind_map<Reverse, std::uint64_t, std::uint64_t>(Work::integer);
}

Binding bind_bfe(const Match& match) {
    return with_integer(match[1], [](auto t) -> Binding {
        using T = WideEnough<decltype(t)>;
        return bind_map<ExtractField, T, T, std::uint32_t, std::uint32_t>(Work::integer);
    });
}

Binding bind_bfi(const Match& match) {
    const auto pick = []<class U>(U) {
        return bind_map<InsertField, U, U, U, std::uint32_t, std::uint32_t>(Work::integer);
    };
    return match[1] == ".b32" ? pick(std::uint32_t{}) : pick(std::uint64_t{});
}

Binding bind_bfind(const Match& match) {
    return with_integer(match[2], [&match](auto t) -> Binding {
        using T = WideEnough<decltype(t)>;
        return match.has(".shiftamt") ? bind_map<FindBitShift, std::uint32_t, T>(Work::integer)
                                      : bind_map<FindBit, std::uint32_t, T>(Work::integer);
    });
}

Binding bind_fns(const Match&) {
    return bind_map<FindNthSet, std::uint32_t, std::uint32_t, std::uint32_t, std::int32_t>(
        Work::integer);
}

Binding bind_szext(const Match& match) {
    const auto pick = [&match]<class T>(T) {
        return match[1] == ".clamp"
                   ? bind_map<ExtendBits<true>, T, T, std::uint32_t>(Work::integer)
                   : bind_map<ExtendBits<false>, T, T, std::uint32_t>(Work::integer);
    };
    return match[2] == ".u32" ? pick(std::uint32_t{}) : pick(std::int32_t{});
}

Binding bind_bmsk(const Match& match) {
    using U = std::uint32_t;
    return match[1] == ".clamp" ? bind_map<MakeMask<true>, U, U, U>(Work::integer)
                                : bind_map<MakeMask<false>, U, U, U>(Work::integer);
}

}  // namespace kw::emu
