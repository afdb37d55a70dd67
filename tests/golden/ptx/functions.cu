// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo functions.cu
// Calls: a structure by value, recursion, a table of function pointers, a local array, printf.
#include <cstdio>

struct alignas(16) Packet {
    float scale;
    int table[7];
    short tail;
};

__device__ __noinline__ float apply(Packet p, float x) {
    return p.scale * x + p.table[p.tail];
}
__device__ __noinline__ int fibonacci(int n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
__device__ __noinline__ float plus_one(float x) {
    return x + 1.0f;
}
__device__ __noinline__ float thrice(float x) {
    return x * 3.0f;
}
__device__ float (*const k_functions[2])(float) = {plus_one, thrice};

extern "C" __global__ void call_struct(const __grid_constant__ Packet p, float* y) {
    y[threadIdx.x] = apply(p, static_cast<float>(threadIdx.x));
}

extern "C" __global__ void call_recursive(int* y) {
    y[threadIdx.x] = fibonacci(threadIdx.x % 12);
}

extern "C" __global__ void call_indirect(float* y) {
    y[threadIdx.x] = k_functions[threadIdx.x & 1](static_cast<float>(threadIdx.x));
}

extern "C" __global__ void local_array(const int* x, int* y, int n) {
    int sorted[16];
    for (int i = 0; i < 16; ++i) {
        sorted[i] = x[threadIdx.x * 16 + i];
    }
    for (int i = 1; i < 16; ++i) {
        for (int j = i; j > 0 && sorted[j - 1] > sorted[j]; --j) {
            const int swap = sorted[j];
            sorted[j] = sorted[j - 1];
            sorted[j - 1] = swap;
        }
    }
    y[threadIdx.x] = sorted[n];
}

extern "C" __global__ void say(int n) {
    if (threadIdx.x < n) {
        printf("thread %d of %d\n", threadIdx.x, n);
    }
}
