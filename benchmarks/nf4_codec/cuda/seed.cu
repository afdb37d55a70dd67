// SPDX-License-Identifier: Apache-2.0
//!kwright task=nf4_codec target=cuda
//!launch nf4_codec grid=ceil_div(R*C/64, THREADS / LANES) block=THREADS
//!       args=(w, q, q_absmax, codes, absmax, y, R*C/64)
// LANES neighbouring lanes share a block of 64: a lane reads, encodes, decodes and writes 64 /
// LANES successive elements; the lanes agree on the largest magnitude by shuffles.
#include <cstdint>

// Threads of a block.
//!tune THREADS = {64, 128, 256}
#define THREADS 128
// Lanes that share 64 elements.
//!tune LANES = {4, 8, 16}
#define LANES 8
// How a code is found: 0 counts thresholds, 1 halves them (four comparisons, tables in shared
// memory).
//!tune SEARCH = {0, 1}
#define SEARCH 0
// How a value is found: 0 looks it up in shared memory, 1 in the lanes of the warp.
//!tune LOOKUP = {0, 1}
#define LOOKUP 0

constexpr int k_each = 64 / LANES;  // elements of a lane
constexpr uint32_t k_all = 0xffffffffu;

struct alignas(16) Four {
    float v[4];
};
struct alignas(k_each / 2) Codes {
    uint8_t byte[k_each / 2];
};
// Sixteen bytes at most: the widest store.
constexpr int k_store = k_each < 8 ? k_each : 8;
struct alignas(2 * k_store) Values {
    uint16_t v[k_store];
};

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
// One more than there are, so that halving ends at 16 codes.
__constant__ float thresholds[16] = {
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
    0.8614784181118011f,
    2.0f};

// Round to nearest even; every NaN becomes 0x7FC0.
__device__ __forceinline__ uint16_t to_bf16(float x) {
    const uint32_t u = __float_as_uint(x);
    const uint32_t rounded = (u + 0x7fffu + (u >> 16 & 1)) >> 16;
    return static_cast<uint16_t>((u & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

__device__ __forceinline__ uint32_t code_of(float v, const float* table) {
    uint32_t code = 0;
    if (SEARCH == 0) {
#pragma unroll
        for (int i = 0; i < 15; ++i) {
            code += v > thresholds[i] ? 1u : 0u;
        }
    } else {
#pragma unroll
        for (uint32_t step = 8; step > 0; step /= 2) {
            code += v > table[code + step - 1] ? step : 0u;
        }
    }
    return code;
}

__device__ __forceinline__ void encode(
    const float* w, int64_t at, bool stores, const float* table, uint8_t* codes, float* absmax) {
    float v[k_each];
    uint32_t largest = 0;  // bits of |w| order like the values, NaN last
#pragma unroll
    for (int i = 0; i < k_each; i += 4) {
        const Four four = *reinterpret_cast<const Four*>(w + at + i);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            v[i + j] = four.v[j];
            largest = max(largest, __float_as_uint(four.v[j]) & 0x7fffffffu);
        }
    }
#pragma unroll
    for (int step = LANES / 2; step > 0; step /= 2) {
        largest = max(largest, __shfl_xor_sync(k_all, largest, step));
    }
    const bool plain = largest > 0 && largest < 0x7f800000u;
    const float scale = __uint_as_float(largest < 0x7f800000u ? largest : 0x7fc00000u);
    Codes out;
#pragma unroll
    for (int j = 0; j < k_each / 2; ++j) {  // element 2j in the high nibble
        const uint32_t high = plain ? code_of(__fdiv_rn(v[2 * j], scale), table) : 7u;
        const uint32_t low = plain ? code_of(__fdiv_rn(v[2 * j + 1], scale), table) : 7u;
        out.byte[j] = static_cast<uint8_t>(high << 4 | low);
    }
    if (stores) {
        *reinterpret_cast<Codes*>(codes + at / 2) = out;
        if (at % 64 == 0) {
            absmax[at / 64] = scale;
        }
    }
}

__device__ __forceinline__ void decode(
    const uint8_t* q,
    const float* q_absmax,
    int64_t at,
    bool stores,
    const float* table,
    uint16_t* y) {
    const Codes codes = *reinterpret_cast<const Codes*>(q + at / 2);
    const float scale = q_absmax[at / 64];
    const float mine = values[threadIdx.x % 16];
#pragma unroll
    for (int i = 0; i < k_each; i += k_store) {
        Values out;
#pragma unroll
        for (int j = 0; j < k_store; ++j) {
            const int pair = codes.byte[(i + j) / 2];
            const int code = j % 2 == 0 ? pair >> 4 : pair & 15;
            const float value = LOOKUP == 0 ? table[code] : __shfl_sync(k_all, mine, code);
            out.v[j] = to_bf16(__fmul_rn(value, scale));
        }
        if (stores) {
            *reinterpret_cast<Values*>(y + at + i) = out;
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) nf4_codec(
    const float* w,
    const uint8_t* q,
    const float* q_absmax,
    uint8_t* codes,
    float* absmax,
    uint16_t* y,
    int64_t blocks) {
    __shared__ float value_table[16];
    __shared__ float threshold_table[16];
    if (threadIdx.x < 16) {
        value_table[threadIdx.x] = values[threadIdx.x];
        threshold_table[threadIdx.x] = thresholds[threadIdx.x];
    }
    __syncthreads();
    const int64_t b = static_cast<int64_t>(blockIdx.x) * (THREADS / LANES) + threadIdx.x / LANES;
    // Behind the last block: read that, store nothing; the shuffles need every lane.
    const int64_t at = min(b, blocks - 1) * 64 + threadIdx.x % LANES * k_each;
    encode(w, at, b < blocks, threshold_table, codes, absmax);
    decode(q, q_absmax, at, b < blocks, value_table, y);
}
