// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_90a -std=c++17 -lineinfo tensor_gemm.cu
// D = A B^T in bf16, 64 x 64 of D a block: a producer warp and a consumer warpgroup with two stages.
// The two blocks of a cluster lie side by side in N: each brings half of the tile of A to both by
// multicast, and its own tile of B; a stage is free when the consumers of both have read it.
struct alignas(64) TensorMap {
    unsigned long long opaque[16];
};

constexpr int k_stages = 2;
constexpr int k_tile_bytes = 64 * 64 * 2;

__device__ __forceinline__ unsigned long long descriptor(unsigned at) {
    return static_cast<unsigned long long>((at & 0x3FFFF) >> 4) | (1ull << 16) | (64ull << 32) |
           (1ull << 62);
}

__device__ __forceinline__ void wait(unsigned barrier, unsigned parity) {
    unsigned ready = 0;
    while (ready == 0) {
        asm volatile(
            "{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
            "selp.u32 %0, 1, 0, p; }"
            : "=r"(ready)
            : "r"(barrier), "r"(parity)
            : "memory");
    }
}

__device__ __forceinline__ void cluster_sync() {
    asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
    asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}

__device__ void produce(
    const TensorMap* a, const TensorMap* b, unsigned tiles, unsigned full, unsigned empty, int steps) {
    unsigned rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    const int row = static_cast<int>(blockIdx.y) * 64;
    const int column = static_cast<int>(blockIdx.x) * 64;
    for (int k = 0; k < steps; ++k) {
        const int stage = k % k_stages;
        const unsigned at = tiles + stage * 2 * k_tile_bytes;
        wait(empty + 8 * stage, (k / k_stages & 1) ^ 1);
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(full + 8 * stage),
                     "r"(2 * k_tile_bytes));
        asm volatile(
            "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
            ".multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(at + rank * (k_tile_bytes / 2)),
            "l"(a),
            "r"(k * 64),
            "r"(row + static_cast<int>(rank) * 32),
            "r"(full + 8 * stage),
            "h"(static_cast<unsigned short>(3))
            : "memory");
        asm volatile(
            "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
            "[%0], [%1, {%2, %3}], [%4];" ::"r"(at + k_tile_bytes),
            "l"(b),
            "r"(k * 64),
            "r"(column),
            "r"(full + 8 * stage)
            : "memory");
    }
}

__device__ void consume(float* d, int n, unsigned tiles, unsigned full, unsigned empty, int steps) {
    float c[32];
    for (int i = 0; i < 32; ++i) {
        c[i] = 0.0f;
    }
    for (int k = 0; k < steps; ++k) {
        const int stage = k % k_stages;
        const unsigned at = tiles + stage * 2 * k_tile_bytes;
        wait(full + 8 * stage, k / k_stages & 1);
        asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
        for (int i = 0; i < 4; ++i) {
            asm volatile(
                "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
                "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
                "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
                "%32, %33, 1, 1, 1, 0, 0;"
                : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]), "+f"(c[4]), "+f"(c[5]),
                  "+f"(c[6]), "+f"(c[7]), "+f"(c[8]), "+f"(c[9]), "+f"(c[10]), "+f"(c[11]),
                  "+f"(c[12]), "+f"(c[13]), "+f"(c[14]), "+f"(c[15]), "+f"(c[16]), "+f"(c[17]),
                  "+f"(c[18]), "+f"(c[19]), "+f"(c[20]), "+f"(c[21]), "+f"(c[22]), "+f"(c[23]),
                  "+f"(c[24]), "+f"(c[25]), "+f"(c[26]), "+f"(c[27]), "+f"(c[28]), "+f"(c[29]),
                  "+f"(c[30]), "+f"(c[31])
                : "l"(descriptor(at + i * 32)), "l"(descriptor(at + k_tile_bytes + i * 32)));
        }
        asm volatile("wgmma.commit_group.sync.aligned;");
        asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
        if (threadIdx.x % 128 < 2) {  // one thread for each block of the cluster
            asm volatile(
                "{ .reg .b32 there; mapa.shared::cluster.u32 there, %0, %1;\n"
                "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there]; }" ::"r"(
                    empty + 8 * stage),
                "r"(static_cast<unsigned>(threadIdx.x % 128))
                : "memory");
        }
    }
    const int t = static_cast<int>(threadIdx.x % 128);
    const int row = static_cast<int>(blockIdx.y) * 64 + t / 32 * 16 + t % 32 / 4;
    const int column = static_cast<int>(blockIdx.x) * 64 + t % 4 * 2;
    for (int i = 0; i < 8; ++i) {
        for (int j = 0; j < 4; ++j) {
            d[static_cast<long long>(row + j / 2 * 8) * n + column + i * 8 + j % 2] = c[4 * i + j];
        }
    }
}

extern "C" __global__ void __cluster_dims__(2, 1, 1) __launch_bounds__(256) tensor_gemm(
    const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b, float* d, int n, int k) {
    extern __shared__ __align__(1024) unsigned char dynamic[];
    __shared__ __align__(8) unsigned long long barriers[2 * k_stages];
    const unsigned tiles = (static_cast<unsigned>(__cvta_generic_to_shared(dynamic)) + 1023) & ~1023u;
    const unsigned full = static_cast<unsigned>(__cvta_generic_to_shared(barriers));
    const unsigned empty = full + 8 * k_stages;
    if (threadIdx.x == 0) {
        for (int i = 0; i < k_stages; ++i) {
            asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(full + 8 * i));
            asm volatile("mbarrier.init.shared::cta.b64 [%0], 2;" ::"r"(empty + 8 * i));
        }
        asm volatile("fence.mbarrier_init.release.cluster;");
    }
    cluster_sync();
    const int steps = (k + 63) / 64;
    if (threadIdx.x == 128) {
        produce(&a, &b, tiles, full, empty, steps);
    }
    if (threadIdx.x < 128) {
        consume(d, n, tiles, full, empty, steps);
    }
    __syncwarp();
    cluster_sync();
}
