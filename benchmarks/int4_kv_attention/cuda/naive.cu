// SPDX-License-Identifier: Apache-2.0
//!kwright task=int4_kv_attention target=cuda
//!workspace scores=4*B*HK*G*L
//!launch score grid=(ceil_div(L, 128), HK*G, B) block=128
//!       args=(q, k_codes, k_scale, k_zero, scores, G, L)
//!launch attend grid=B*HK*G block=128 args=(scores, v_codes, v_scale, v_zero, y, G, L)
// First every score, a thread each; then a block of threads a query head: maximum and sum of the
// exponentials, and a channel of the output a thread.
#include <cstdint>
#include <cuda_fp16.h>

extern "C" __global__ void score(
    const __half* q,
    const uint8_t* k_codes,
    const __half* k_scale,
    const __half* k_zero,
    float* scores,
    int64_t G,
    int64_t L) {
    const int64_t t = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t row = static_cast<int64_t>(blockIdx.z) * gridDim.y + blockIdx.y;  // query head
    const int64_t head = row / G;  // its key/value head
    if (t >= L) {
        return;
    }
    const uint8_t* codes = k_codes + (head * L + t) * 64;
    const int64_t group = (head * ((L + 127) / 128) + t / 128) * 128;
    float sum = 0.0f;
    for (int c = 0; c < 128; ++c) {
        const int code = c % 2 == 0 ? codes[c / 2] & 15 : codes[c / 2] >> 4;
        const float key = static_cast<float>(code) * __half2float(k_scale[group + c]) +
                          __half2float(k_zero[group + c]);
        sum += __half2float(q[row * 128 + c]) * key;
    }
    scores[row * L + t] = sum * 0.08838834764831845f;  // 1 / sqrt(128)
}

extern "C" __global__ void attend(
    const float* scores,
    const uint8_t* v_codes,
    const __half* v_scale,
    const __half* v_zero,
    __half* y,
    int64_t G,
    int64_t L) {
    __shared__ float of_thread[128];
    const int c = static_cast<int>(threadIdx.x);
    const int64_t row = blockIdx.x;
    const int64_t head = row / G;
    const float* s = scores + row * L;

    float largest = __uint_as_float(0xff800000u);
    for (int64_t t = c; t < L; t += 128) {
        largest = fmaxf(largest, s[t]);
    }
    of_thread[c] = largest;
    __syncthreads();
    for (int step = 64; step > 0; step /= 2) {
        if (c < step) {
            of_thread[c] = fmaxf(of_thread[c], of_thread[c + step]);
        }
        __syncthreads();
    }
    largest = of_thread[0];

    float total = 0.0f;
    float sum = 0.0f;
    for (int64_t t = 0; t < L; ++t) {
        const int byte = v_codes[(head * L + t) * 64 + c / 2];
        const int code = c % 2 == 0 ? byte & 15 : byte >> 4;
        const float value = static_cast<float>(code) * __half2float(v_scale[head * L + t]) +
                            __half2float(v_zero[head * L + t]);
        const float p = expf(s[t] - largest);
        total += p;
        sum += p * value;
    }
    y[row * 128 + c] = __float2half_rn(sum / total);
}
