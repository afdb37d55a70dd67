// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/header_gen.hpp"

namespace kw::cpu {
namespace {

constexpr std::string_view k_helpers = R"(#ifndef KW_NUMBERS
#define KW_NUMBERS
/* 16-bit floats travel as their bits. */
typedef uint16_t kw_f16;  /* IEEE 754 binary16 */
typedef uint16_t kw_bf16; /* upper half of an IEEE 754 binary32 */

static inline uint32_t kw_bits_of_f32(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
static inline float kw_f32_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* binary16 -> binary32, exact; a NaN becomes quiet and keeps its payload. */
static inline float kw_f16_to_f32(kw_f16 half) {
#ifdef __F16C__
    return _cvtsh_ss(half);
#else
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = (half >> 10) & 0x1fu;
    const uint32_t fraction = half & 0x3ffu;
    if (exponent == 0x1fu) {
        return kw_f32_of_bits(sign | 0x7f800000u | (fraction << 13) | (fraction ? 0x400000u : 0u));
    }
    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24, exact in binary32 */
        const float magnitude = (float)fraction * 5.9604644775390625e-8f;
        return kw_f32_of_bits(sign | kw_bits_of_f32(magnitude));
    }
    return kw_f32_of_bits(sign | ((exponent + 112u) << 23) | (fraction << 13));
#endif
}

/* binary32 -> binary16, round to nearest, ties to even; overflow gives infinity. */
static inline kw_f16 kw_f32_to_f16(float value) {
#ifdef __F16C__
    return (kw_f16)_cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT);
#else
    const uint32_t bits = kw_bits_of_f32(value);
    const uint32_t sign = (bits >> 16) & 0x8000u;
    const uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        return (kw_f16)(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
    }
    if (magnitude >= 0x477ff000u) { /* 65520 and above round to infinity */
        return (kw_f16)(sign | 0x7c00u);
    }
    if (magnitude < 0x33000001u) { /* 2^-25 and below round to zero */
        return (kw_f16)sign;
    }
    uint32_t kept;
    uint32_t rest;
    uint32_t half_unit;
    if (magnitude < 0x38800000u) { /* subnormal result */
        const uint32_t shift = 126u - (magnitude >> 23);
        const uint32_t significand = (magnitude & 0x7fffffu) | 0x800000u;
        kept = significand >> shift;
        half_unit = 1u << (shift - 1u);
        rest = significand & ((1u << shift) - 1u);
    } else {
        kept = (magnitude - 0x38000000u) >> 13;
        half_unit = 0x1000u;
        rest = magnitude & 0x1fffu;
    }
    if (rest > half_unit || (rest == half_unit && (kept & 1u) != 0)) {
        ++kept; /* a carry into the exponent is the right result */
    }
    return (kw_f16)(sign | kept);
#endif
}

/* bfloat16 -> binary32, exact. */
static inline float kw_bf16_to_f32(kw_bf16 half) {
    return kw_f32_of_bits((uint32_t)half << 16);
}

/* binary32 -> bfloat16, round to nearest, ties to even; a NaN stays a NaN. */
static inline kw_bf16 kw_f32_to_bf16(float value) {
    const uint32_t bits = kw_bits_of_f32(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (kw_bf16)((bits >> 16) | 0x40u);
    }
    return (kw_bf16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
#endif /* KW_NUMBERS */
)";

}  // namespace

std::string_view number_helpers() {
    return k_helpers;
}

}  // namespace kw::cpu
