// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_90a matrix_moves.cu
// An 8x8 tile of 16-bit elements transposed by stmatrix.trans and by ldmatrix.trans, and in
// registers.
extern "C" __global__ void transpose_stmatrix(const unsigned* x, unsigned* y) {
    __shared__ __align__(16) unsigned short tile[64];
    const unsigned at =
        static_cast<unsigned>(__cvta_generic_to_shared(tile + (threadIdx.x % 8) * 8));
    asm volatile("stmatrix.sync.aligned.m8n8.x1.trans.shared.b16 [%0], {%1};" ::"r"(at),
                 "r"(x[threadIdx.x])
                 : "memory");
    __syncwarp();
    y[threadIdx.x] = reinterpret_cast<const unsigned*>(tile)[threadIdx.x];
}

extern "C" __global__ void transpose_movmatrix(const unsigned* x, unsigned* y) {
    unsigned moved;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;"
                 : "=r"(moved)
                 : "r"(x[threadIdx.x]));
    y[threadIdx.x] = moved;
}
