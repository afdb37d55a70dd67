// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo mma_bf16_ldmatrix.cu
// One warp: D[16][8] = A[16][16] * B[16][8] in bf16 with f32 sums; A row-major by ldmatrix.x4, B
// row-major by ldmatrix.x2.trans.
#include <cuda_bf16.h>

extern "C" __global__ void mma_bf16(const __nv_bfloat16* a, const __nv_bfloat16* b, float* d) {
    __shared__ __align__(16) __nv_bfloat16 as[16 * 16];
    __shared__ __align__(16) __nv_bfloat16 bs[16 * 8];
    const int lane = threadIdx.x;
    for (int i = lane; i < 16 * 16; i += 32) {
        as[i] = a[i];
    }
    for (int i = lane; i < 16 * 8; i += 32) {
        bs[i] = b[i];
    }
    __syncwarp();
    unsigned ra[4];
    unsigned rb[2];
    const unsigned a_at =
        static_cast<unsigned>(__cvta_generic_to_shared(as + (lane % 16) * 16 + (lane / 16) * 8));
    const unsigned b_at = static_cast<unsigned>(__cvta_generic_to_shared(bs + (lane % 16) * 8));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(ra[0]), "=r"(ra[1]), "=r"(ra[2]), "=r"(ra[3])
                 : "r"(a_at));
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(rb[0]), "=r"(rb[1])
                 : "r"(b_at));
    float c[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(ra[0]), "r"(ra[1]), "r"(ra[2]), "r"(ra[3]), "r"(rb[0]), "r"(rb[1]));
    const int group = lane / 4;
    const int member = lane % 4;
    d[group * 8 + member * 2] = c[0];
    d[group * 8 + member * 2 + 1] = c[1];
    d[(group + 8) * 8 + member * 2] = c[2];
    d[(group + 8) * 8 + member * 2 + 1] = c[3];
}
