// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_89 mma_variants.cu
// One warp, one product of each: registers in as they are stored, registers out.
extern "C" __global__ void mma_f16_f16(const unsigned* in, unsigned* out) {
    const unsigned* r = in + threadIdx.x * 8;
    unsigned d[2];
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%0, %1}, {%2, %3, %4, %5}, {%6, %7}, "
        "{%8, %9};"
        : "=r"(d[0]), "=r"(d[1])
        : "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]), "r"(r[4]), "r"(r[5]), "r"(r[6]), "r"(r[7]));
    out[threadIdx.x * 2] = d[0];
    out[threadIdx.x * 2 + 1] = d[1];
}

extern "C" __global__ void mma_tf32(const unsigned* in, float* out) {
    const unsigned* r = in + threadIdx.x * 6;
    float d[4] = {};
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]), "r"(r[4]), "r"(r[5]));
    for (int i = 0; i < 4; ++i) {
        out[threadIdx.x * 4 + i] = d[i];
    }
}

extern "C" __global__ void mma_e4m3(const unsigned* in, float* out) {
    const unsigned* r = in + threadIdx.x * 6;
    float d[4] = {};
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e5m2.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]), "r"(r[4]), "r"(r[5]));
    for (int i = 0; i < 4; ++i) {
        out[threadIdx.x * 4 + i] = d[i];
    }
}

extern "C" __global__ void mma_s4_u4(const unsigned* in, int* out) {
    const unsigned* r = in + threadIdx.x * 6;
    int d[4] = {};
    asm volatile(
        "mma.sync.aligned.m16n8k64.row.col.satfinite.s32.s4.u4.s32 {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]), "r"(r[4]), "r"(r[5]));
    for (int i = 0; i < 4; ++i) {
        out[threadIdx.x * 4 + i] = d[i];
    }
}

extern "C" __global__ void mma_b1(const unsigned* in, int* out) {
    const unsigned* r = in + threadIdx.x * 6;
    int d[4] = {};
    asm volatile(
        "mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]), "r"(r[4]), "r"(r[5]));
    for (int i = 0; i < 4; ++i) {
        out[threadIdx.x * 4 + i] = d[i];
    }
}
