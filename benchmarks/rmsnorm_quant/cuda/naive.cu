// SPDX-License-Identifier: Apache-2.0
//!kwright task=rmsnorm_quant target=cuda
//!launch rmsnorm_quant grid=M block=THREADS args=(x, gamma, residual, codes, scale, H)
// A block of threads a row, two passes over it: sums and maxima, then codes.
#include <cstdint>

#define THREADS 256

__device__ float from_bf16(uint32_t bits) {
    return __uint_as_float(bits << 16);
}

// Round to nearest even; every NaN becomes 0x7FC0.
__device__ uint16_t to_bf16(float x) {
    const uint32_t u = __float_as_uint(x);
    const uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    return static_cast<uint16_t>((u & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

extern "C" __global__ void rmsnorm_quant(
    const uint16_t* x,
    const uint16_t* gamma,
    uint16_t* residual,
    int8_t* codes,
    float* scale,
    int64_t H) {
    __shared__ uint32_t largest[THREADS];  // bits of |r|, which order like the values, NaN last
    __shared__ float squares[THREADS];
    __shared__ float product[THREADS];  // largest |r * gamma|
    const int thread = static_cast<int>(threadIdx.x);
    const int64_t row = blockIdx.x;
    uint16_t* r = residual + row * H;
    largest[thread] = 0;
    squares[thread] = 0.0f;
    product[thread] = 0.0f;
    for (int64_t h = thread; h < H; h += THREADS) {
        r[h] = to_bf16(__fadd_rn(from_bf16(r[h]), from_bf16(x[row * H + h])));
        const float value = from_bf16(r[h]);
        const float small = value * 0x1p-8f;  // 2^60 squared 65536 times would overflow
        largest[thread] = max(largest[thread], static_cast<uint32_t>(r[h]) & 0x7fff);
        squares[thread] += small * small;
        product[thread] = fmaxf(product[thread], fabsf(value * from_bf16(gamma[h])));
    }
    __syncthreads();
    for (int step = THREADS / 2; step > 0; step /= 2) {
        if (thread < step) {
            largest[thread] = max(largest[thread], largest[thread + step]);
            squares[thread] += squares[thread + step];
            product[thread] = fmaxf(product[thread], product[thread + step]);
        }
        __syncthreads();
    }
    const bool poisoned = largest[0] >= 0x5d80;                   // 2^60
    const bool zero = largest[0] < 0x2180 || product[0] == 0.0f;  // 2^-60
    if (thread == 0) {
        const float mean = __fdiv_rn(squares[0], static_cast<float>(H)) * 65536.0f;
        const float norm = __fsqrt_rn(mean + 1e-6f);
        const float plain = __fdiv_rn(__fdiv_rn(product[0], norm), 127.0f);
        scale[row] = poisoned ? __uint_as_float(0x7fc00000) : zero ? 0.0f : plain;
    }
    // The norm cancels in n / scale.
    const float factor = poisoned || zero ? 0.0f : __fdiv_rn(127.0f, product[0]);
    for (int64_t h = thread; h < H; h += THREADS) {
        const float t = from_bf16(r[h]) * from_bf16(gamma[h]) * factor;
        codes[row * H + h] = static_cast<int8_t>(poisoned || zero ? 0 : __float2int_rn(t));
    }
}
