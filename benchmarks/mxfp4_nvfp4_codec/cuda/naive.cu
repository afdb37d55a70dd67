// SPDX-License-Identifier: Apache-2.0
//!kwright task=mxfp4_nvfp4_codec target=cuda
//!launch encode grid=ceil_div(R * C / 32, 128) block=128
//!       args=(x, ts, mx_codes, mx_scales, nv_codes, nv_scales, R*C/32)
//!launch decode grid=ceil_div(R * C / 32, 128) block=128
//!       args=(codes, e8m0, e4m3, ts, mx_values, nv_values, R*C/32)
// A thread 32 columns: one block of MXFP4, two of NVFP4. Every operation of the task's text, in its
// order, rounded by itself.
#include <cstdint>

__constant__ float e2m1[8] = {0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f};

// Round to nearest even; every NaN becomes 0x7FC0.
__device__ uint16_t to_bf16(float x) {
    const uint32_t u = __float_as_uint(x);
    const uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    return static_cast<uint16_t>((u & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

__device__ float from_bf16(uint32_t bits) {
    return __uint_as_float(bits << 16);
}

// '>=' where the tie goes up to an even code.
__device__ uint32_t to_e2m1(uint32_t x, float step) {
    const float a = __fdiv_rn(from_bf16(x & 0x7fff), step);
    const uint32_t code = (a > 0.25f) + (a >= 0.75f) + (a > 1.25f) + (a >= 1.75f) + (a > 2.5f) +
                          (a >= 3.5f) + (a > 5.0f);
    return code | (x & 0x8000) >> 12;
}

// `a` is not negative and not NaN; infinity saturates.
__device__ uint32_t to_e4m3(float a) {
    if (a > 448.0f) {
        return 0x7e;
    }
    if (a < 0x1p-6f) {  // subnormal: units of 2^-9, rounded in the low bits of 2^14
        return __float_as_uint(__fadd_rn(a, 16384.0f)) - __float_as_uint(16384.0f);
    }
    const uint32_t u = __float_as_uint(a);
    return ((u + 0x7ffff + (u >> 20 & 1)) >> 20) - ((127 - 7) << 3);
}

__device__ float from_e4m3(uint32_t code) {
    const uint32_t magnitude = code & 0x7f;
    float a = __uint_as_float((magnitude << 20) + (120u << 23));
    if (magnitude == 0x7f) {
        a = __uint_as_float(0x7fc00000);
    } else if (magnitude < 8) {
        a = static_cast<float>(magnitude) * 0x1p-9f;
    }
    return code & 0x80 ? -a : a;
}

__device__ uint32_t amax_of(const uint16_t* x, int count) {
    uint32_t amax = 0;  // magnitudes order like their bits
    for (int i = 0; i < count; ++i) {
        amax = max(amax, static_cast<uint32_t>(x[i]) & 0x7fff);
    }
    return amax;
}

__device__ void write_codes(const uint16_t* x, int count, float step, bool zero, uint8_t* out) {
    for (int j = 0; j < count / 2; ++j) {
        const uint32_t low = zero ? 0 : to_e2m1(x[2 * j], step);
        const uint32_t high = zero ? 0 : to_e2m1(x[2 * j + 1], step);
        out[j] = static_cast<uint8_t>(low | high << 4);
    }
}

__device__ uint8_t encode_mx(const uint16_t* x, uint8_t* out) {
    const uint32_t amax = amax_of(x, 32);
    const uint32_t field = amax >> 7;
    const uint32_t scale = field > 2 ? field - 2 : 0;
    const bool bad = amax >= 0x7f80;
    write_codes(x, 32, __uint_as_float(scale == 0 ? 0x00400000 : scale << 23), bad, out);
    return static_cast<uint8_t>(bad ? 0xff : scale);
}

__device__ uint8_t encode_nv(const uint16_t* x, float ts, uint8_t* out) {
    const uint32_t amax = amax_of(x, 16);
    const bool bad = amax >= 0x7f80;
    const uint32_t scale = bad ? 0x7f : to_e4m3(__fdiv_rn(__fdiv_rn(from_bf16(amax), 6.0f), ts));
    const float step = __fmul_rn(from_e4m3(scale), ts);
    write_codes(x, 16, step, bad || step == 0.0f, out);
    return static_cast<uint8_t>(scale);
}

extern "C" __global__ void encode(
    const uint16_t* x,
    const float* ts,
    uint8_t* mx_codes,
    uint8_t* mx_scales,
    uint8_t* nv_codes,
    uint8_t* nv_scales,
    int64_t blocks) {
    const int64_t b = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (b >= blocks) {
        return;
    }
    mx_scales[b] = encode_mx(x + b * 32, mx_codes + b * 16);
    for (int64_t half = 2 * b; half < 2 * b + 2; ++half) {
        nv_scales[half] = encode_nv(x + half * 16, *ts, nv_codes + half * 8);
    }
}

__device__ void write_values(const uint8_t* codes, int count, float step, uint16_t* out) {
    for (int i = 0; i < count; ++i) {
        const int code = i % 2 == 0 ? codes[i / 2] & 15 : codes[i / 2] >> 4;
        const float a = e2m1[code & 7];
        out[i] = to_bf16(__fmul_rn(code & 8 ? -a : a, step));
    }
}

extern "C" __global__ void decode(
    const uint8_t* codes,
    const uint8_t* e8m0,
    const uint8_t* e4m3,
    const float* ts,
    uint16_t* mx_values,
    uint16_t* nv_values,
    int64_t blocks) {
    const int64_t b = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (b >= blocks) {
        return;
    }
    const uint32_t scale = e8m0[b];
    const uint32_t bits = scale == 0xff ? 0x7fc00000 : scale == 0 ? 0x00400000 : scale << 23;
    write_values(codes + b * 16, 32, __uint_as_float(bits), mx_values + b * 32);
    for (int64_t half = 2 * b; half < 2 * b + 2; ++half) {
        const float step = __fmul_rn(from_e4m3(e4m3[half]), *ts);
        write_values(codes + half * 8, 16, step, nv_values + half * 16);
    }
}
