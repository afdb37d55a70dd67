// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_90a hopper_tensor.cu
// A two-dimensional tensor copy, wgmma on bf16 from shared memory, elect.
struct alignas(64) TensorMap {
    unsigned long long opaque[16];
};

__device__ unsigned long long descriptor(unsigned at) {
    return static_cast<unsigned long long>((at & 0x3FFFF) >> 4) | (1ull << 16) | (64ull << 32) |
           (1ull << 62);
}

extern "C" __global__ void __launch_bounds__(128) tensor_wgmma(
    const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b, float* d) {
    extern __shared__ __align__(1024) unsigned char tiles[];
    __shared__ __align__(8) unsigned long long barrier;
    const unsigned at = static_cast<unsigned>(__cvta_generic_to_shared(&barrier));
    const unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(tiles));
    if (threadIdx.x == 0) {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(at));
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(at), "r"(9216));
        asm volatile(
            "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
            "[%0], [%1, {%3, %4}], [%2];" ::"r"(to),
            "l"(&a),
            "r"(at),
            "r"(0),
            "r"(static_cast<int>(blockIdx.x) * 64)
            : "memory");
        asm volatile(
            "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
            "[%0], [%1, {%3, %4}], [%2];" ::"r"(to + 8192),
            "l"(&b),
            "r"(at),
            "r"(0),
            "r"(0)
            : "memory");
    }
    __syncthreads();
    unsigned ready = 0;
    while (ready == 0) {
        asm volatile(
            "{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, "
            "0, p; }"
            : "=r"(ready)
            : "r"(at), "r"(0)
            : "memory");
    }
    float c[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
    for (int k = 0; k < 4; ++k) {
        asm volatile(
            "{ .reg .pred p; setp.ne.b32 p, %6, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%0, %1, %2, %3}, %4, %5, p, 1, "
            "1, 0, 0; }"
            : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
            : "l"(descriptor(to + k * 32)), "l"(descriptor(to + 8192 + k * 32)), "r"(k));
    }
    asm volatile("wgmma.commit_group.sync.aligned;");
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    unsigned leader = 0;
    asm volatile("{ .reg .pred p; elect.sync _|p, 0xFFFFFFFF; @p mov.u32 %0, 1; }" : "+r"(leader));
    for (int i = 0; i < 4; ++i) {
        d[(blockIdx.x * 128 + threadIdx.x) * 4 + i] = c[i] + (leader > 1 ? 1.0f : 0.0f);
    }
}
