// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -std=c++17 -lineinfo language.cu
// What kernels are written with: templates, lambdas, structures, dynamic shared memory of several
// types, compare-and-swap loops, 64-bit atomics, packed integers, half2, a split sum with a
// workspace.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace {

template <int Step>
struct Tree {
    template <class T, class F>
    static __device__ T fold(T v, F f) {
        return Tree<Step / 2>::fold(f(v, __shfl_xor_sync(0xFFFFFFFFu, v, Step)), f);
    }
};
template <>
struct Tree<0> {
    template <class T, class F>
    static __device__ T fold(T v, F) {
        return v;
    }
};

struct Complex {
    float re, im;
    __device__ Complex operator*(const Complex& o) const {
        return {re * o.re - im * o.im, re * o.im + im * o.re};
    }
};

template <class T, int N>
__device__ T horner(const T (&c)[N], T x) {
    T y = c[N - 1];
#pragma unroll
    for (int i = N - 2; i >= 0; --i) {
        y = y * x + c[i];
    }
    return y;
}

__device__ void atomic_max_float(float* at, float v) {
    int* bits = reinterpret_cast<int*>(at);
    int old = 0;  // a guess; a plain read would race with the other blocks
    while (__int_as_float(old) < v) {
        const int seen = atomicCAS(bits, old, __float_as_int(v));
        if (seen == old) {
            break;
        }
        old = seen;
    }
}

}  // namespace

extern "C" __global__ void split_sum(const double* x, double* partial, int n) {
    double sum = 0.0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        sum += x[i];
    }
    sum = Tree<16>::fold(sum, [](double a, double b) { return a + b; });
    if (threadIdx.x % 32 == 0) {
        partial[(blockIdx.x * blockDim.x + threadIdx.x) / 32] = sum;
    }
}

extern "C" __global__ void add_partial(const double* partial, double* sum, int parts) {
    double all = 0.0;
    for (int i = 0; i < parts; ++i) {
        all += partial[i];
    }
    *sum = all;
}

extern "C" __global__ void complex_power(const float2* x, float2* y, int exponent) {
    const float2 v = x[threadIdx.x];
    Complex base{v.x, v.y};
    Complex power{1.0f, 0.0f};
    for (int e = exponent; e > 0; e >>= 1) {
        if (e & 1) {
            power = power * base;
        }
        base = base * base;
    }
    y[threadIdx.x] = make_float2(power.re, power.im);
}

extern "C" __global__ void polynomial(const int* x, int* y, const float* u, float* v) {
    const int ints[] = {7, -3, 2, 1};
    const float floats[] = {0.5f, -2.0f, 4.0f};
    y[threadIdx.x] = horner(ints, x[threadIdx.x]);
    v[threadIdx.x] = horner(floats, u[threadIdx.x]);
}

extern "C" __global__ void max_of_all(const float* x, float* most, int n) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        atomic_max_float(most, x[i]);
    }
}

extern "C" __global__ void atomic_kinds(const int* x, unsigned long long* wide, int* out) {
    __shared__ int low;
    __shared__ unsigned ring;
    if (threadIdx.x == 0) {
        low = 1 << 30;
        ring = 0;
    }
    __syncthreads();
    const int v = x[blockIdx.x * blockDim.x + threadIdx.x];
    atomicMin(&low, v);
    atomicInc(&ring, 9);
    atomicAdd(wide, static_cast<unsigned long long>(v) << 20);
    atomicXor(out, v);
    atomicOr(out + 1, 1 << (v & 31));
    atomicMax(out + 2, v);
    __syncthreads();
    if (threadIdx.x == 0) {
        atomicMin(out + 3, low);
        atomicAdd(out + 4, static_cast<int>(ring));
        atomicExch(out + 5, 77);
    }
}

extern "C" __global__ void int4_unpack(const unsigned* q, signed char* y, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        // Sign-extended nibbles of a word as two words of bytes.
        const unsigned low = q[i] & 0x0F0F0F0Fu;
        const unsigned high = q[i] >> 4 & 0x0F0F0F0Fu;
        const unsigned a = __vsub4(low ^ 0x08080808u, 0x08080808u);
        const unsigned b = __vsub4(high ^ 0x08080808u, 0x08080808u);
        reinterpret_cast<uint2*>(y)[i] =
            make_uint2(__byte_perm(a, b, 0x5140), __byte_perm(a, b, 0x7362));
    }
}

extern "C" __global__ void half2_mix(const __half2* x, const __half2* y, __half2* z, int n) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        const __half2 sum = __hfma2(x[i], __float2half2_rn(2.0f), y[i]);
        const __half2 swapped = __lowhigh2highlow(sum);
        const __half2 top = __hmax2(__habs2(x[i]), __hneg2(y[i]));
        z[i] = __hlt(__low2half(x[i]), __high2half(y[i])) ? __hadd2(swapped, top) : __hsub2(sum, top);
    }
}

extern "C" __global__ void bf16_dot(
    const __nv_bfloat162* x, const __nv_bfloat162* y, float* sum, int n) {
    float mine = 0.0f;
    for (int i = threadIdx.x; i < n; i += 32) {
        const float2 a = __bfloat1622float2(x[i]);
        const float2 b = __bfloat1622float2(y[i]);
        mine += a.x * b.x + a.y * b.y;
    }
    mine = Tree<16>::fold(mine, [](float a, float b) { return a + b; });
    if (threadIdx.x == 0) {
        *sum = mine;
    }
}

extern "C" __global__ void shared_of_two_types(const short* x, long long* y, int n) {
    extern __shared__ __align__(16) unsigned char memory[];
    long long* sums = reinterpret_cast<long long*>(memory);
    short* row = reinterpret_cast<short*>(memory + blockDim.x * sizeof(long long));
    row[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    long long sum = 0;
    for (int i = 0; i <= threadIdx.x && i < n; ++i) {
        sum += static_cast<long long>(row[i]) * row[i];
    }
    sums[blockDim.x - 1 - threadIdx.x] = sum;
    __syncthreads();
    y[threadIdx.x] = sums[threadIdx.x];
}

extern "C" __global__ void collatz(const unsigned* x, int* steps) {
    unsigned long long v = x[threadIdx.x];
    int count = 0;
    while (v > 1) {
        v = v % 2 == 0 ? v / 2 : 3 * v + 1;
        ++count;
    }
    steps[threadIdx.x] = count;
}

extern "C" __global__ void sieve(unsigned char* prime, int n) {
    extern __shared__ unsigned marks[];
    for (int i = threadIdx.x; i < (n + 31) / 32; i += blockDim.x) {
        marks[i] = 0;
    }
    __syncthreads();
    for (int p = 2 + threadIdx.x; p * p < n; p += blockDim.x) {
        for (int m = p * p; m < n; m += p) {
            atomicOr(&marks[m / 32], 1u << (m % 32));
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        prime[i] = i > 1 && (marks[i / 32] >> (i % 32) & 1u) == 0;
    }
}
