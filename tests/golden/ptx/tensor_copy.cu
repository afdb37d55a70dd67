// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_90a -std=c++17 -lineinfo tensor_copy.cu
// Seeded bugs of tensor copies, each with a correct twin; the map has boxes of 8 x 16 floats.
// The line with BUG is found in NAME_bug, or it never ends; NAME_fixed is clean.
struct alignas(64) TensorMap {
    unsigned long long opaque[16];
};

__device__ __forceinline__ unsigned shared_address(const void* p) {
    return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

__device__ __forceinline__ void init(unsigned long long* barrier) {
    if (threadIdx.x == 0) {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared_address(barrier)));
        asm volatile("fence.mbarrier_init.release.cluster;");
    }
    __syncthreads();
}

__device__ __forceinline__ void load(
    const TensorMap* map, void* to, unsigned long long* barrier, int x, int y, unsigned bytes) {
    asm volatile(
        "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
        "r"(bytes));
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes "
        "[%0], [%1, {%2, %3}], [%4];" ::"r"(shared_address(to)),
        "l"(map),
        "r"(x),
        "r"(y),
        "r"(shared_address(barrier))
        : "memory");
}

__device__ __forceinline__ void wait(unsigned long long* barrier, unsigned parity) {
    unsigned ready = 0;
    while (ready == 0) {
        asm volatile(
            "{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
            "selp.u32 %0, 1, 0, p; }"
            : "=r"(ready)
            : "r"(shared_address(barrier)), "r"(parity)
            : "memory");
    }
}

// case no_wait: nobody waits for the copy
extern "C" __global__ void no_wait_bug(const __grid_constant__ TensorMap map, float* out) {
    __shared__ __align__(128) float tile[128];
    __shared__ __align__(8) unsigned long long barrier;
    init(&barrier);
    if (threadIdx.x == 0) {
        load(&map, tile, &barrier, 0, 0, sizeof(tile));
    }
    __syncthreads();
    out[threadIdx.x] = tile[threadIdx.x];  // BUG async_copy_not_waited
}
extern "C" __global__ void no_wait_fixed(const __grid_constant__ TensorMap map, float* out) {
    __shared__ __align__(128) float tile[128];
    __shared__ __align__(8) unsigned long long barrier;
    init(&barrier);
    if (threadIdx.x == 0) {
        load(&map, tile, &barrier, 0, 0, sizeof(tile));
    }
    wait(&barrier, 0);
    out[threadIdx.x] = tile[threadIdx.x];
}

// case stale_tile: the second wait is for the first phase, which is over: stale data or no end
extern "C" __global__ void stale_tile_bug(const __grid_constant__ TensorMap map, float* out) {
    __shared__ __align__(128) float tile[128];
    __shared__ __align__(8) unsigned long long barrier;
    init(&barrier);
    float sum = 0;
    for (int k = 0; k < 2; ++k) {
        if (threadIdx.x == 0) {
            load(&map, tile, &barrier, 0, 8 * k, sizeof(tile));
        }
        wait(&barrier, 0);
        sum += tile[threadIdx.x];  // BUG hang
        __syncthreads();
    }
    out[threadIdx.x] = sum;
}
extern "C" __global__ void stale_tile_fixed(const __grid_constant__ TensorMap map, float* out) {
    __shared__ __align__(128) float tile[128];
    __shared__ __align__(8) unsigned long long barrier;
    init(&barrier);
    float sum = 0;
    for (int k = 0; k < 2; ++k) {
        if (threadIdx.x == 0) {
            load(&map, tile, &barrier, 0, 8 * k, sizeof(tile));
        }
        wait(&barrier, k & 1);
        sum += tile[threadIdx.x];
        __syncthreads();
    }
    out[threadIdx.x] = sum;
}

// case overwritten: nothing makes the second copy wait for the readers of the first
extern "C" __global__ void overwritten_bug(const __grid_constant__ TensorMap map, float* out) {
    __shared__ __align__(128) float tile[128];
    __shared__ __align__(8) unsigned long long barrier;
    init(&barrier);
    float sum = 0;
    for (int k = 0; k < 2; ++k) {
        if (threadIdx.x == 0) {
            load(&map, tile, &barrier, 0, 8 * k, sizeof(tile));
        }
        wait(&barrier, k & 1);
        sum += tile[threadIdx.x];  // BUG shared_race async_copy_not_waited
    }
    out[threadIdx.x] = sum;
}
extern "C" __global__ void overwritten_fixed(const __grid_constant__ TensorMap map, float* out) {
    __shared__ __align__(128) float tile[128];
    __shared__ __align__(8) unsigned long long barrier;
    init(&barrier);
    float sum = 0;
    for (int k = 0; k < 2; ++k) {
        if (threadIdx.x == 0) {
            load(&map, tile, &barrier, 0, 8 * k, sizeof(tile));
        }
        wait(&barrier, k & 1);
        sum += tile[threadIdx.x];
        __syncthreads();
    }
    out[threadIdx.x] = sum;
}

// case wrong_bytes: more is expected than comes, so the wait never ends
extern "C" __global__ void wrong_bytes_bug(const __grid_constant__ TensorMap map, float* out) {
    __shared__ __align__(128) float tile[128];
    __shared__ __align__(8) unsigned long long barrier;
    init(&barrier);
    if (threadIdx.x == 0) {
        load(&map, tile, &barrier, 0, 0, 2 * sizeof(tile));
    }
    wait(&barrier, 0);  // BUG hang
    out[threadIdx.x] = tile[threadIdx.x];
}
extern "C" __global__ void wrong_bytes_fixed(const __grid_constant__ TensorMap map, float* out) {
    __shared__ __align__(128) float tile[128];
    __shared__ __align__(8) unsigned long long barrier;
    init(&barrier);
    if (threadIdx.x == 0) {
        load(&map, tile, &barrier, 0, 0, sizeof(tile));
    }
    wait(&barrier, 0);
    out[threadIdx.x] = tile[threadIdx.x];
}

// case small_box: the box has half the rows that the kernel reads
extern "C" __global__ void small_box_bug(const __grid_constant__ TensorMap map, float* out) {
    __shared__ __align__(128) float tile[256];
    __shared__ __align__(8) unsigned long long barrier;
    init(&barrier);
    if (threadIdx.x == 0) {
        load(&map, tile, &barrier, 0, 0, sizeof(tile) / 2);
    }
    wait(&barrier, 0);
    out[threadIdx.x] = tile[threadIdx.x] + tile[threadIdx.x + 128];  // BUG uninitialised_read
}
extern "C" __global__ void small_box_fixed(const __grid_constant__ TensorMap map, float* out) {
    __shared__ __align__(128) float tile[256];
    __shared__ __align__(8) unsigned long long barrier;
    init(&barrier);
    if (threadIdx.x == 0) {
        load(&map, tile, &barrier, 0, 0, sizeof(tile) / 2);
    }
    wait(&barrier, 0);
    __syncthreads();
    if (threadIdx.x == 0) {
        load(&map, tile + 128, &barrier, 0, 8, sizeof(tile) / 2);
    }
    wait(&barrier, 1);
    out[threadIdx.x] = tile[threadIdx.x] + tile[threadIdx.x + 128];
}
