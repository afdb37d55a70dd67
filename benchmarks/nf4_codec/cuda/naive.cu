// SPDX-License-Identifier: Apache-2.0
//!kwright task=nf4_codec target=cuda
//!launch nf4_codec grid=ceil_div(R * C / 64, 128) block=128
//!       args=(w, q, q_absmax, codes, absmax, y, R*C/64)
// A thread a block of 64: encodes one and decodes another one.
#include <cstdint>

__constant__ float values[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f};
__constant__ float thresholds[15] = {
    -0.8480964004993439f,
    -0.6106329262256622f,
    -0.4599952697753906f,
    -0.33967943489551544f,
    -0.23460740596055984f,
    -0.13791173323988914f,
    -0.045525018125772476f,
    0.03979014977812767f,
    0.1202552504837513f,
    0.2035212516784668f,
    0.2920137718319893f,
    0.3893125355243683f,
    0.5016634166240692f,
    0.6427869200706482f,
    0.8614784181118011f};

// Round to nearest even; every NaN becomes 0x7FC0.
__device__ uint16_t to_bf16(float x) {
    const uint32_t u = __float_as_uint(x);
    const uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    return static_cast<uint16_t>((u & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

__device__ uint32_t code_of(float w, float absmax) {
    const float v = __fdiv_rn(w, absmax);
    uint32_t code = 0;
    for (int i = 0; i < 15; ++i) {
        code += v > thresholds[i] ? 1 : 0;
    }
    return code;
}

extern "C" __global__ void nf4_codec(
    const float* w,
    const uint8_t* q,
    const float* q_absmax,
    uint8_t* codes,
    float* absmax,
    uint16_t* y,
    int64_t blocks) {
    const int64_t b = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (b >= blocks) {
        return;
    }
    uint32_t largest = 0;  // bits of |w| order like the values, NaN last
    for (int i = 0; i < 64; ++i) {
        largest = max(largest, __float_as_uint(w[b * 64 + i]) & 0x7fffffff);
    }
    const bool plain = largest > 0 && largest < 0x7f800000;
    const float scale = __uint_as_float(largest < 0x7f800000 ? largest : 0x7fc00000);
    absmax[b] = scale;
    for (int j = 0; j < 32; ++j) {  // element 2j in the high nibble
        const uint32_t high = plain ? code_of(w[b * 64 + 2 * j], scale) : 7;
        const uint32_t low = plain ? code_of(w[b * 64 + 2 * j + 1], scale) : 7;
        codes[b * 32 + j] = static_cast<uint8_t>(high << 4 | low);
    }
    for (int j = 0; j < 32; ++j) {
        const int pair = q[b * 32 + j];
        y[b * 64 + 2 * j] = to_bf16(__fmul_rn(values[pair >> 4], q_absmax[b]));
        y[b * 64 + 2 * j + 1] = to_bf16(__fmul_rn(values[pair & 15], q_absmax[b]));
    }
}
