// SPDX-License-Identifier: Apache-2.0
//!kwright task=rmsnorm_quant target=cuda
//!launch rmsnorm_quant grid=M block=THREADS smem=KEEP*(H<=KEEP_MOST?2*H:0)
//!       args=(x, gamma, residual, codes, scale, H)
// A block of threads a row. Rows whose length allows it are read VEC elements at a time; the
// rounded sum stays in shared memory between the two passes.
#include <cstdint>

// Threads of a block.
//!tune THREADS = {64, 128, 256, 512}
#define THREADS 128
// Elements a thread reads at once.
//!tune VEC = {2, 4, 8}
#define VEC 4
// 1: the second pass finds the row in shared memory, when it has room there.
//!tune KEEP = {0, 1}
#define KEEP 0
// Pieces of VEC elements in one loop body.
//!tune UNROLL = {1, 2}
#define UNROLL 1

#define KEEP_MOST 16384

constexpr int k_unroll = UNROLL;  // a pragma takes no macro
constexpr int k_warps = THREADS / 32;
constexpr uint32_t k_all = 0xffffffffu;
extern __shared__ __align__(16) uint16_t kept[];

__device__ __forceinline__ float from_bf16(uint32_t bits) {
    return __uint_as_float(bits << 16);
}

// Round to nearest even; every NaN becomes 0x7FC0.
__device__ __forceinline__ uint16_t to_bf16(float x) {
    const uint32_t u = __float_as_uint(x);
    const uint32_t rounded = (u + 0x7fffu + (u >> 16 & 1)) >> 16;
    return static_cast<uint16_t>((u & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

template <int N>
struct alignas(2 * N) Piece {
    uint16_t v[N];
};
template <int N>
struct alignas(N) Codes {
    int8_t v[N];
};

struct Facts {
    uint32_t largest;  // bits of |r|, which order like the values, NaN last
    float squares;     // of r * 2^-8: 2^60 squared 65536 times would overflow
    float product;     // largest |r * gamma|
};

__device__ __forceinline__ void merge(Facts& facts, const Facts& other) {
    facts.largest = max(facts.largest, other.largest);
    facts.squares += other.squares;
    facts.product = fmaxf(facts.product, other.product);
}

// The same in every thread.
__device__ __forceinline__ Facts over_block(Facts facts) {
    __shared__ Facts of_warp[k_warps];
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
        Facts other;
        other.largest = __shfl_xor_sync(k_all, facts.largest, step);
        other.squares = __shfl_xor_sync(k_all, facts.squares, step);
        other.product = __shfl_xor_sync(k_all, facts.product, step);
        merge(facts, other);
    }
    if (threadIdx.x % 32 == 0) {
        of_warp[threadIdx.x / 32] = facts;
    }
    __syncthreads();
    Facts all = of_warp[0];
#pragma unroll
    for (int warp = 1; warp < k_warps; ++warp) {
        merge(all, of_warp[warp]);
    }
    return all;
}

// r = bf16(residual + x), stored, and what there is to know of it.
template <int N>
__device__ __forceinline__ Facts
add(const uint16_t* x, const uint16_t* gamma, uint16_t* r, bool keep, int64_t H) {
    Facts facts{0, 0.0f, 0.0f};
#pragma unroll k_unroll
    for (int64_t h = threadIdx.x * N; h < H; h += THREADS * N) {
        const Piece<N> a = *reinterpret_cast<const Piece<N>*>(r + h);
        const Piece<N> b = *reinterpret_cast<const Piece<N>*>(x + h);
        const Piece<N> g = *reinterpret_cast<const Piece<N>*>(gamma + h);
        Piece<N> sum;
#pragma unroll
        for (int i = 0; i < N; ++i) {
            sum.v[i] = to_bf16(__fadd_rn(from_bf16(a.v[i]), from_bf16(b.v[i])));
            const float value = from_bf16(sum.v[i]);
            const float small = value * 0x1p-8f;
            facts.largest = max(facts.largest, static_cast<uint32_t>(sum.v[i]) & 0x7fffu);
            facts.squares = fmaf(small, small, facts.squares);
            facts.product = fmaxf(facts.product, fabsf(value * from_bf16(g.v[i])));
        }
        *reinterpret_cast<Piece<N>*>(r + h) = sum;
        if (keep) {
            *reinterpret_cast<Piece<N>*>(kept + h) = sum;
        }
    }
    return facts;
}

// Every thread reads what it has written itself.
template <int N>
__device__ __forceinline__ void quantise(
    const uint16_t* r, const uint16_t* gamma, float factor, int8_t* codes, int64_t H) {
#pragma unroll k_unroll
    for (int64_t h = threadIdx.x * N; h < H; h += THREADS * N) {
        const Piece<N> a = *reinterpret_cast<const Piece<N>*>(r + h);
        const Piece<N> g = *reinterpret_cast<const Piece<N>*>(gamma + h);
        Codes<N> out;
#pragma unroll
        for (int i = 0; i < N; ++i) {
            const float t = from_bf16(a.v[i]) * from_bf16(g.v[i]) * factor;
            out.v[i] = static_cast<int8_t>(factor == 0.0f ? 0 : __float2int_rn(t));
        }
        *reinterpret_cast<Codes<N>*>(codes + h) = out;
    }
}

template <int N>
__device__ __forceinline__ void do_row(
    const uint16_t* x, const uint16_t* gamma, uint16_t* r, int8_t* codes, float* scale, int64_t H) {
    const bool keep = KEEP == 1 && H <= KEEP_MOST;
    const Facts facts = over_block(add<N>(x, gamma, r, keep, H));
    const bool poisoned = facts.largest >= 0x5d80u;                      // 2^60
    const bool zero = facts.largest < 0x2180u || facts.product == 0.0f;  // 2^-60
    if (threadIdx.x == 0) {
        const float mean = __fdiv_rn(facts.squares, static_cast<float>(H)) * 65536.0f;
        const float norm = __fsqrt_rn(mean + 1e-6f);
        const float plain = __fdiv_rn(__fdiv_rn(facts.product, norm), 127.0f);
        *scale = poisoned ? __uint_as_float(0x7fc00000u) : zero ? 0.0f : plain;
    }
    // The norm cancels in n / scale.
    const float factor = poisoned || zero ? 0.0f : __fdiv_rn(127.0f, facts.product);
    quantise<N>(keep ? kept : r, gamma, factor, codes, H);
}

extern "C" __global__ void __launch_bounds__(THREADS) rmsnorm_quant(
    const uint16_t* x,
    const uint16_t* gamma,
    uint16_t* residual,
    int8_t* codes,
    float* scale,
    int64_t H) {
    const int64_t at = blockIdx.x * H;
    if (H % VEC == 0) {
        do_row<VEC>(x + at, gamma, residual + at, codes + at, scale + blockIdx.x, H);
    } else {
        do_row<1>(x + at, gamma, residual + at, codes + at, scale + blockIdx.x, H);
    }
}
