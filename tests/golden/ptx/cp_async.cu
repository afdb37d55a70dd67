// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo cp_async.cu
// y = 2 x, tile by tile, the next tile on its way while this one is used.
extern "C" __global__ void __launch_bounds__(64)
    double_buffered(const float4* x, float4* y, int tiles) {
    __shared__ float4 buffer[2][64];
    const int t = threadIdx.x;
    unsigned to[2];
    for (int i = 0; i < 2; ++i) {
        to[i] = static_cast<unsigned>(__cvta_generic_to_shared(&buffer[i][t]));
    }
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to[0]), "l"(x + t));
    asm volatile("cp.async.commit_group;");
    for (int i = 0; i < tiles; ++i) {
        if (i + 1 < tiles) {
            const int bytes = 16;
            asm volatile(
                "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to[(i + 1) % 2]),
                "l"(x + (i + 1) * 64 + t),
                "r"(bytes));
        }
        asm volatile("cp.async.commit_group;");
        asm volatile("cp.async.wait_group 1;" ::: "memory");
        __syncthreads();
        const float4 v = buffer[i % 2][63 - t];
        y[i * 64 + 63 - t] = make_float4(v.x * 2, v.y * 2, v.z * 2, v.w * 2);
        __syncthreads();
    }
    asm volatile("cp.async.wait_all;" ::: "memory");
}
