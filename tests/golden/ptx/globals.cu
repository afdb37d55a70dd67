// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 globals.cu
// Initialised data with addresses of other data.
struct Node {
    int value;
    const char* text;
    short tail;
};
__device__ Node node = {1, "abc", 7};
__device__ double matrix[2][3] = {{1.5, 2}, {3}};
__device__ float4 vector4 = {1, 2, 3, 4};
__constant__ unsigned char bytes[3] = {1, 2, 255};
__device__ const void* pointers[3] = {&vector4, nullptr, &matrix[1][1]};
__device__ unsigned long long ones = ~0ull;
__device__ unsigned large = 4000000000u;
__device__ short negative = -3;
__device__ __managed__ int managed = 7;

extern "C" __global__ void read_globals(double* y, int i) {
    y[0] = node.value + node.text[i] + node.tail;
    y[1] = matrix[i & 1][i % 3];
    y[2] = vector4.x + bytes[i % 3];
    y[3] = *static_cast<const float*>(pointers[0]) + *static_cast<const double*>(pointers[2]);
    y[4] = static_cast<double>(ones) + large + negative + managed;
}
