// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_half_modern.hpp"

#include "evaluator/device/emulated/engine/lane_loop.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

// Everything below is only reached where modern_allowed() says that the processor has it.
#define KW_F16C [[gnu::target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt")]]

namespace kw::emu {

namespace {

constexpr int k_block = 8;

KW_F16C inline __m128i load_halves(const std::uint32_t* from) {
    const __m256i lanes = _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
    const __m256i low = _mm256_and_si256(lanes, _mm256_set1_epi32(0xFFFF));
    return _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
}

KW_F16C inline void store_halves(std::uint32_t* to, __m128i halves) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), _mm256_cvtepu16_epi32(halves));
}

/// To nearest; NaNs, which are rare, become the canonical one.
KW_F16C inline __m128i narrow_eight(__m256 values) {
    const __m128i halves = _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m256 nan = _mm256_cmp_ps(values, values, _CMP_UNORD_Q);
    if (_mm256_movemask_ps(nan) == 0) {
        return halves;
    }
    const __m256i wide = _mm256_castps_si256(nan);
    const __m128i where =
        _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    return _mm_blendv_epi8(halves, _mm_set1_epi16(0x7FFF), where);
}

/// add_to_odd of half.hpp.
KW_F16C inline __m256 sum_to_odd(__m256 a, __m256 b) {
    const __m256 sum = _mm256_add_ps(a, b);
    const __m256 part = _mm256_sub_ps(sum, a);
    const __m256 rest =
        _mm256_add_ps(_mm256_sub_ps(a, _mm256_sub_ps(sum, part)), _mm256_sub_ps(b, part));
    const __m256i inexact =
        _mm256_castps_si256(_mm256_cmp_ps(rest, _mm256_setzero_ps(), _CMP_NEQ_OQ));
    const __m256i bits = _mm256_castps_si256(sum);
    const __m256i step = _mm256_andnot_si256(bits, _mm256_and_si256(inexact, _mm256_set1_epi32(1)));
    const __m256i inwards =
        _mm256_srai_epi32(_mm256_xor_si256(bits, _mm256_castps_si256(rest)), 31);
    // The step, negated where it leads towards zero.
    const __m256i moved = _mm256_sub_epi32(_mm256_xor_si256(step, inwards), inwards);
    return _mm256_castsi256_ps(_mm256_add_epi32(bits, moved));
}

template <HalfForm form>
KW_F16C inline __m128i compute(__m128i a, __m128i b, __m128i c) {
    const __m256 x = _mm256_cvtph_ps(a);
    const __m256 y = _mm256_cvtph_ps(b);
    if constexpr (form == HalfForm::add) {
        return narrow_eight(_mm256_add_ps(x, y));
    } else if constexpr (form == HalfForm::subtract) {
        return narrow_eight(_mm256_sub_ps(x, y));
    } else if constexpr (form == HalfForm::multiply) {
        return narrow_eight(_mm256_mul_ps(x, y));
    } else {
        return narrow_eight(sum_to_odd(_mm256_mul_ps(x, y), _mm256_cvtph_ps(c)));
    }
}

/// Both halves of a register lie next to one another: four lanes are eight values.
template <HalfForm form>
KW_F16C void run_packed(const Insn& insn, Warp& warp, Lanes active) {
    constexpr int step = k_block / 2;
    std::uint32_t* const to = warp.lanes<std::uint32_t>(insn.slot[0]);
    const std::uint32_t* const a = warp.lanes<std::uint32_t>(insn.slot[1]);
    const std::uint32_t* const b = warp.lanes<std::uint32_t>(insn.slot[2]);
    const std::uint32_t* const c =
        form == HalfForm::fma ? warp.lanes<std::uint32_t>(insn.slot[3]) : a;
    alignas(64) std::uint32_t kept[k_lanes];
    std::uint32_t* const out = active == k_all_lanes ? to : kept;
    const auto at = [](const std::uint32_t* lanes) KW_F16C {
        return _mm_load_si128(reinterpret_cast<const __m128i*>(lanes));
    };
    for (int i = 0; i < k_lanes; i += step) {
        _mm_store_si128(
            reinterpret_cast<__m128i*>(out + i), compute<form>(at(a + i), at(b + i), at(c + i)));
    }
    if (out == kept) {
        copy_active(to, kept, active);
    }
}

template <HalfForm form>
KW_F16C void run_single(const Insn& insn, Warp& warp, Lanes active) {
    std::uint32_t* const to = warp.lanes<std::uint32_t>(insn.slot[0]);
    const std::uint32_t* const a = warp.lanes<std::uint32_t>(insn.slot[1]);
    const std::uint32_t* const b = warp.lanes<std::uint32_t>(insn.slot[2]);
    const std::uint32_t* const c =
        form == HalfForm::fma ? warp.lanes<std::uint32_t>(insn.slot[3]) : a;
    alignas(64) std::uint32_t kept[k_lanes];
    std::uint32_t* const out = active == k_all_lanes ? to : kept;
    for (int i = 0; i < k_lanes; i += k_block) {
        store_halves(
            out + i, compute<form>(load_halves(a + i), load_halves(b + i), load_halves(c + i)));
    }
    if (out == kept) {
        copy_active(to, kept, active);
    }
}

KW_F16C void run_widen(const Insn& insn, Warp& warp, Lanes active) {
    std::uint32_t* const to = warp.lanes<std::uint32_t>(insn.slot[0]);
    const std::uint32_t* const a = warp.lanes<std::uint32_t>(insn.slot[1]);
    alignas(64) std::uint32_t kept[k_lanes];
    std::uint32_t* const out = active == k_all_lanes ? to : kept;
    const __m256 canonical = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    for (int i = 0; i < k_lanes; i += k_block) {
        const __m256 value = _mm256_cvtph_ps(load_halves(a + i));
        const __m256 nan = _mm256_cmp_ps(value, value, _CMP_UNORD_Q);
        _mm256_store_si256(
            reinterpret_cast<__m256i*>(out + i),
            _mm256_castps_si256(_mm256_blendv_ps(value, canonical, nan)));
    }
    if (out == kept) {
        copy_active(to, kept, active);
    }
}

KW_F16C inline __m128i narrow_lanes(const std::uint32_t* from) {
    return narrow_eight(
        _mm256_castsi256_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(from))));
}

KW_F16C void run_narrow(const Insn& insn, Warp& warp, Lanes active) {
    std::uint32_t* const to = warp.lanes<std::uint32_t>(insn.slot[0]);
    const std::uint32_t* const a = warp.lanes<std::uint32_t>(insn.slot[1]);
    alignas(64) std::uint32_t kept[k_lanes];
    std::uint32_t* const out = active == k_all_lanes ? to : kept;
    for (int i = 0; i < k_lanes; i += k_block) {
        store_halves(out + i, narrow_lanes(a + i));
    }
    if (out == kept) {
        copy_active(to, kept, active);
    }
}

KW_F16C void run_pack(const Insn& insn, Warp& warp, Lanes active) {
    std::uint32_t* const to = warp.lanes<std::uint32_t>(insn.slot[0]);
    const std::uint32_t* const high = warp.lanes<std::uint32_t>(insn.slot[1]);
    const std::uint32_t* const low = warp.lanes<std::uint32_t>(insn.slot[2]);
    alignas(64) std::uint32_t kept[k_lanes];
    std::uint32_t* const out = active == k_all_lanes ? to : kept;
    for (int i = 0; i < k_lanes; i += k_block) {
        const __m128i upper = narrow_lanes(high + i);
        const __m128i lower = narrow_lanes(low + i);
        auto* const at = reinterpret_cast<__m128i*>(out + i);
        _mm_store_si128(at, _mm_unpacklo_epi16(lower, upper));
        _mm_store_si128(at + 1, _mm_unpackhi_epi16(lower, upper));
    }
    if (out == kept) {
        copy_active(to, kept, active);
    }
}

template <HalfForm form>
Handler arithmetic(bool packed) {
    return packed ? &run_packed<form> : &run_single<form>;
}

}  // namespace

Handler modern_half(HalfForm form, bool packed) {
    if (!modern_allowed()) {
        return nullptr;
    }
    switch (form) {
        case HalfForm::add: return arithmetic<HalfForm::add>(packed);
        case HalfForm::subtract: return arithmetic<HalfForm::subtract>(packed);
        case HalfForm::multiply: return arithmetic<HalfForm::multiply>(packed);
        case HalfForm::fma: return arithmetic<HalfForm::fma>(packed);
        case HalfForm::widen: return &run_widen;
        case HalfForm::narrow: return &run_narrow;
        case HalfForm::pack: return &run_pack;
    }
    return nullptr;
}

}  // namespace kw::emu

#else

namespace kw::emu {

Handler modern_half(HalfForm /*form*/, bool /*packed*/) {
    return nullptr;
}

}  // namespace kw::emu

#endif
