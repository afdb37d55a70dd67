// SPDX-License-Identifier: Apache-2.0
//!kwright task=mxfp4_nvfp4_codec target=cuda
//!launch codec grid=(ceil_div(R*C/32, THREADS / LANES), 1 + SPLIT) block=THREADS
//!       args=(x, ts, codes, e8m0, e4m3, mx_codes, mx_scales, nv_codes, nv_scales, mx_values,
//!             nv_values, R*C/32)
// LANES neighbouring lanes share 32 columns, 32 / LANES successive ones each; the lanes agree on
// the largest magnitude by shuffles, first of 16 columns, then of 32.
#include <cstdint>

// Threads of a block.
//!tune THREADS = {64, 128, 256}
#define THREADS 128
// Lanes that share 32 columns.
//!tune LANES = {2, 4, 8}
#define LANES 4
// 1: encoding and decoding have blocks of their own.
//!tune SPLIT = {0, 1}
#define SPLIT 0
// How a code is found: 0 counts midpoints, 1 rounds to the grid of its power of two.
//!tune ROUND = {0, 1}
#define ROUND 0

constexpr int k_each = 32 / LANES;  // columns of a lane
constexpr uint32_t k_all = 0xffffffffu;

struct alignas(k_each / 2) Codes {
    uint8_t byte[k_each / 2];
};
// Sixteen bytes at most: the widest access.
constexpr int k_wide = k_each < 8 ? k_each : 8;
struct alignas(2 * k_wide) Values {
    uint16_t v[k_wide];
};

// Round to nearest even; every NaN becomes 0x7FC0.
__device__ __forceinline__ uint16_t to_bf16(float x) {
    const uint32_t u = __float_as_uint(x);
    const uint32_t rounded = (u + 0x7fffu + (u >> 16 & 1)) >> 16;
    return static_cast<uint16_t>((u & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

__device__ __forceinline__ float from_bf16(uint32_t bits) {
    return __uint_as_float(bits << 16);
}

// `a` is a magnitude in steps; infinity saturates.
__device__ __forceinline__ uint32_t to_e2m1(float a) {
    if (ROUND == 0) {  // '>=' where the tie goes up to an even code
        return (a > 0.25f) + (a >= 0.75f) + (a > 1.25f) + (a >= 1.75f) + (a > 2.5f) + (a >= 3.5f) +
               (a > 5.0f);
    }
    // Below 1 the grid is 0.5: 2^22 leaves it in the lowest bit. Above, one bit behind the leading
    // one stays: an addition in front of bit 22, and the exponent counts two codes.
    const float capped = fminf(a, 6.0f);
    const uint32_t low = __float_as_uint(__fadd_rn(capped, 4194304.0f)) & 3;
    const uint32_t u = __float_as_uint(capped);
    const uint32_t high = ((u + 0x1fffffu + (u >> 22 & 1)) >> 22) - 252;
    return capped < 1.0f ? low : high;
}

// `a` is not negative and not NaN; infinity saturates.
__device__ __forceinline__ uint32_t to_e4m3(float a) {
    const uint32_t u = __float_as_uint(a);
    const uint32_t normal = ((u + 0x7ffffu + (u >> 20 & 1)) >> 20) - 960;
    // Units of 2^-9, rounded in the low bits of 2^14.
    const uint32_t small = __float_as_uint(__fadd_rn(a, 16384.0f)) - __float_as_uint(16384.0f);
    return a > 448.0f ? 0x7eu : a < 0x1p-6f ? small : normal;
}

__device__ __forceinline__ float from_e4m3(uint32_t code) {
    const uint32_t magnitude = code & 0x7f;
    const float normal = __uint_as_float((magnitude << 20) + (120u << 23));
    const float small = static_cast<float>(magnitude) * 0x1p-9f;
    const float a = magnitude == 0x7f ? __uint_as_float(0x7fc00000u)
                    : magnitude < 8   ? small
                                      : normal;
    return __uint_as_float(__float_as_uint(a) | (code & 0x80) << 24);
}

// Codes of a lane's columns. MX steps are powers of two: there a product with the reciprocal is the
// quotient.
template <bool Divide>
__device__ __forceinline__ Codes encode_each(const uint16_t* x, float step, bool zero) {
    Codes out;
#pragma unroll
    for (int j = 0; j < k_each / 2; ++j) {
        uint32_t pair = 0;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const uint32_t bits = x[2 * j + i];
            const float a = from_bf16(bits & 0x7fff);
            const uint32_t code = to_e2m1(Divide ? __fdiv_rn(a, step) : __fmul_rn(a, step));
            pair |= (code | (bits & 0x8000) >> 12) << 4 * i;
        }
        out.byte[j] = static_cast<uint8_t>(zero ? 0 : pair);
    }
    return out;
}

__device__ __forceinline__ void encode(
    const uint16_t* x,
    float ts,
    int64_t at,
    bool stores,
    uint8_t* mx_codes,
    uint8_t* mx_scales,
    uint8_t* nv_codes,
    uint8_t* nv_scales) {
    uint16_t v[k_each];
    uint32_t nv_amax = 0;  // magnitudes order like their bits
#pragma unroll
    for (int i = 0; i < k_each; i += k_wide) {
        const Values wide = *reinterpret_cast<const Values*>(x + at + i);
#pragma unroll
        for (int j = 0; j < k_wide; ++j) {
            v[i + j] = wide.v[j];
            nv_amax = max(nv_amax, static_cast<uint32_t>(wide.v[j]) & 0x7fff);
        }
    }
#pragma unroll
    for (int step = LANES / 4; step > 0; step /= 2) {
        nv_amax = max(nv_amax, __shfl_xor_sync(k_all, nv_amax, step));
    }
    const uint32_t mx_amax = max(nv_amax, __shfl_xor_sync(k_all, nv_amax, LANES / 2));

    const bool mx_bad = mx_amax >= 0x7f80;
    const uint32_t field = mx_amax >> 7;
    const uint32_t mx_scale = field > 2 ? field - 2 : 0;
    const float inverse = __uint_as_float((254 - min(mx_scale, 252u)) << 23);
    const Codes mx = encode_each<false>(v, inverse, mx_bad);

    const bool nv_bad = nv_amax >= 0x7f80;
    const float sixth = __fdiv_rn(from_bf16(nv_amax), 6.0f);
    const uint32_t nv_scale = nv_bad ? 0x7fu : to_e4m3(__fdiv_rn(sixth, ts));
    const float step = __fmul_rn(from_e4m3(nv_scale), ts);
    const Codes nv = encode_each<true>(v, step, nv_bad || step == 0.0f);
    if (!stores) {
        return;
    }
    *reinterpret_cast<Codes*>(mx_codes + at / 2) = mx;
    *reinterpret_cast<Codes*>(nv_codes + at / 2) = nv;
    if (at % 32 == 0) {
        mx_scales[at / 32] = static_cast<uint8_t>(mx_bad ? 0xffu : mx_scale);
    }
    if (at % 16 == 0) {
        nv_scales[at / 16] = static_cast<uint8_t>(nv_scale);
    }
}

// Twice the value: 0 1 2 3 4 6 8 12, one nibble each.
__device__ __forceinline__ float e2m1_value(uint32_t code) {
    const float a = static_cast<float>(0xc8643210u >> 4 * (code & 7) & 15) * 0.5f;
    return __uint_as_float(__float_as_uint(a) | (code & 8) << 28);
}

__device__ __forceinline__ void decode_each(Codes codes, float step, uint16_t* out) {
#pragma unroll
    for (int i = 0; i < k_each; i += k_wide) {
        Values wide;
#pragma unroll
        for (int j = 0; j < k_wide; ++j) {
            const uint32_t code = codes.byte[(i + j) / 2] >> (j % 2 == 0 ? 0 : 4) & 15;
            wide.v[j] = to_bf16(__fmul_rn(e2m1_value(code), step));
        }
        *reinterpret_cast<Values*>(out + i) = wide;
    }
}

__device__ __forceinline__ void decode(
    const uint8_t* codes,
    const uint8_t* e8m0,
    const uint8_t* e4m3,
    float ts,
    int64_t at,
    uint16_t* mx_values,
    uint16_t* nv_values) {
    const Codes mine = *reinterpret_cast<const Codes*>(codes + at / 2);
    const uint32_t scale = e8m0[at / 32];
    const uint32_t bits = scale == 0xff ? 0x7fc00000u : scale == 0 ? 0x00400000u : scale << 23;
    decode_each(mine, __uint_as_float(bits), mx_values + at);
    decode_each(mine, __fmul_rn(from_e4m3(e4m3[at / 16]), ts), nv_values + at);
}

extern "C" __global__ void __launch_bounds__(THREADS) codec(
    const uint16_t* x,
    const float* ts,
    const uint8_t* codes,
    const uint8_t* e8m0,
    const uint8_t* e4m3,
    uint8_t* mx_codes,
    uint8_t* mx_scales,
    uint8_t* nv_codes,
    uint8_t* nv_scales,
    uint16_t* mx_values,
    uint16_t* nv_values,
    int64_t blocks) {
    const int64_t b = static_cast<int64_t>(blockIdx.x) * (THREADS / LANES) + threadIdx.x / LANES;
    // Behind the last block: read that, store nothing; the shuffles need every lane.
    const bool stores = b < blocks;
    const int64_t at = min(b, blocks - 1) * 32 + threadIdx.x % LANES * k_each;
    if (SPLIT == 0 || blockIdx.y == 0) {
        encode(x, *ts, at, stores, mx_codes, mx_scales, nv_codes, nv_scales);
    }
    if ((SPLIT == 0 || blockIdx.y == 1) && stores) {
        decode(codes, e8m0, e4m3, *ts, at, mx_values, nv_values);
    }
}
