// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 mma_s8.cu
// One warp: D[16][8] = A[16][32] * B[32][8] in s8, fragments loaded by hand; B is column-major.
extern "C" __global__ void mma_s8(const int* a, const int* b, int* d) {
    const int group = threadIdx.x / 4;
    const int member = threadIdx.x % 4;
    const int a0 = a[group * 8 + member];
    const int a1 = a[(group + 8) * 8 + member];
    const int a2 = a[group * 8 + member + 4];
    const int a3 = a[(group + 8) * 8 + member + 4];
    const int b0 = b[group * 8 + member];
    const int b1 = b[group * 8 + member + 4];
    int c[4] = {0, 0, 0, 0};
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
    d[group * 8 + member * 2] = c[0];
    d[group * 8 + member * 2 + 1] = c[1];
    d[(group + 8) * 8 + member * 2] = c[2];
    d[(group + 8) * 8 + member * 2 + 1] = c[3];
}
