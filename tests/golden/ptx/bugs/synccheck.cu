// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo synccheck.cu
// Seeded misuse of barriers and member masks; see memcheck.cu.

// case half_warp_barrier: grid=1 block=64 n=40 in=64 out=64
extern "C" __global__ void half_warp_barrier_bug(const float* in, float* out, int n) {
    __shared__ float tile[64];
    tile[threadIdx.x] = in[threadIdx.x];
    if (static_cast<int>(threadIdx.x) < n) {
        __syncthreads();  // BUG divergent_barrier shared_race barrier_after_exit
    }
    out[threadIdx.x] = tile[threadIdx.x];
}
extern "C" __global__ void half_warp_barrier_fixed(const float* in, float* out, int n) {
    __shared__ float tile[64];
    tile[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = tile[threadIdx.x];
}

// case two_barriers: grid=1 block=32 n=16 in=32 out=32
extern "C" __global__ void two_barriers_bug(const float* in, float* out, int n) {
    if (static_cast<int>(threadIdx.x) < n) {
        out[threadIdx.x] = in[threadIdx.x];
        __syncthreads();  // BUG divergent_barrier
    } else {
        out[threadIdx.x] = -in[threadIdx.x];
        __syncthreads();  // BUG divergent_barrier
        out[threadIdx.x] += 1.0f;
    }
}
extern "C" __global__ void two_barriers_fixed(const float* in, float* out, int n) {
    if (static_cast<int>(threadIdx.x) < n) {
        out[threadIdx.x] = in[threadIdx.x];
    } else {
        out[threadIdx.x] = -in[threadIdx.x];
    }
    __syncthreads();
    if (static_cast<int>(threadIdx.x) >= n) {
        out[threadIdx.x] += 1.0f;
    }
}

// case early_return: grid=1 block=64 n=32 in=64 out=32
extern "C" __global__ void early_return_bug(const float* in, float* out, int n) {
    __shared__ float tile[64];
    if (static_cast<int>(threadIdx.x) >= n) {
        return;
    }
    tile[threadIdx.x] = in[threadIdx.x];
    __syncthreads();  // BUG barrier_after_exit
    out[threadIdx.x] = tile[n - 1 - threadIdx.x];
}
extern "C" __global__ void early_return_fixed(const float* in, float* out, int n) {
    __shared__ float tile[64];
    tile[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < n) {
        out[threadIdx.x] = tile[n - 1 - threadIdx.x];
    }
}

// case missing_warps: grid=1 block=128 n=64 in=128 out=128
extern "C" __global__ void missing_warps_bug(const float* in, float* out, int n) {
    if (threadIdx.x < 64) {
        asm volatile("bar.sync 1, 96;" ::: "memory");  // BUG divergent_barrier
    }
    out[threadIdx.x] = in[threadIdx.x];
}
extern "C" __global__ void missing_warps_fixed(const float* in, float* out, int n) {
    if (threadIdx.x < 96) {
        asm volatile("bar.sync 1, 96;" ::: "memory");
    }
    out[threadIdx.x] = in[threadIdx.x];
}

// case odd_count: grid=1 block=64 n=64 in=64 out=64
extern "C" __global__ void odd_count_bug(const float* in, float* out, int n) {
    asm volatile("bar.sync 1, %0;" ::"r"(n - 1) : "memory");  // BUG invalid_barrier
    out[threadIdx.x] = in[threadIdx.x];
}
extern "C" __global__ void odd_count_fixed(const float* in, float* out, int n) {
    asm volatile("bar.sync 1, %0;" ::"r"(n) : "memory");
    out[threadIdx.x] = in[threadIdx.x];
}

// case branch_shuffle: grid=1 block=32 n=20 in=32 out=32
extern "C" __global__ void branch_shuffle_bug(const float* in, float* out, int n) {
    float x = in[threadIdx.x];
    if (static_cast<int>(threadIdx.x) < n) {
        x += __shfl_xor_sync(0xFFFFFFFFu, x, 1);  // BUG unconverged_warp_op exited_lane_in_mask
    }
    out[threadIdx.x] = x;
}
extern "C" __global__ void branch_shuffle_fixed(const float* in, float* out, int n) {
    float x = in[threadIdx.x];
    const float other = __shfl_xor_sync(0xFFFFFFFFu, x, 1);
    if (static_cast<int>(threadIdx.x) < n) {
        x += other;
    }
    out[threadIdx.x] = x;
}

// case branch_ballot: grid=1 block=32 n=16 in=32 out=32
extern "C" __global__ void branch_ballot_bug(const float* in, float* out, int n) {
    unsigned votes = 0;
    if (static_cast<int>(threadIdx.x) < n) {
        votes = __ballot_sync(0xFFFFFFFFu, in[threadIdx.x] > 3.0f);  // BUG unconverged_warp_op exited_lane_in_mask
    }
    out[threadIdx.x] = static_cast<float>(votes);
    __syncwarp();
    out[threadIdx.x] += 1.0f;
}
extern "C" __global__ void branch_ballot_fixed(const float* in, float* out, int n) {
    unsigned votes = 0;
    if (static_cast<int>(threadIdx.x) < n) {
        votes = __ballot_sync(0x0000FFFFu, in[threadIdx.x] > 3.0f);
    }
    out[threadIdx.x] = static_cast<float>(votes);
    __syncwarp();
    out[threadIdx.x] += 1.0f;
}

// case foreign_mask: grid=1 block=32 n=16 in=32 out=32
extern "C" __global__ void foreign_mask_bug(const float* in, float* out, int n) {
    float x = in[threadIdx.x];
    x += __shfl_down_sync(0x0000FFFFu, x, 1, 16);  // BUG invalid_mask
    out[threadIdx.x] = x;
}
extern "C" __global__ void foreign_mask_fixed(const float* in, float* out, int n) {
    float x = in[threadIdx.x];
    x += __shfl_down_sync(0xFFFFFFFFu, x, 1, 16);
    out[threadIdx.x] = x;
}

// case exited_lane: grid=1 block=32 n=24 in=32 out=24
extern "C" __global__ void exited_lane_bug(const float* in, float* out, int n) {
    if (static_cast<int>(threadIdx.x) >= n) {
        return;
    }
    float x = in[threadIdx.x];
    x += __shfl_xor_sync(0xFFFFFFFFu, x, 1);  // BUG exited_lane_in_mask unconverged_warp_op
    out[threadIdx.x] = x;
}
extern "C" __global__ void exited_lane_fixed(const float* in, float* out, int n) {
    if (static_cast<int>(threadIdx.x) >= n) {
        return;
    }
    float x = in[threadIdx.x];
    x += __shfl_xor_sync(0x00FFFFFFu, x, 1);
    out[threadIdx.x] = x;
}

// case warp_barrier: grid=1 block=32 n=16 in=32 out=32
extern "C" __global__ void warp_barrier_bug(const float* in, float* out, int n) {
    __shared__ float tile[32];
    tile[threadIdx.x] = in[threadIdx.x];
    if (static_cast<int>(threadIdx.x) < n) {
        __syncwarp();  // BUG unconverged_warp_op exited_lane_in_mask
        tile[threadIdx.x] += 1.0f;
    } else {
        tile[threadIdx.x] += in[0];
    }
    out[threadIdx.x] = tile[threadIdx.x];
}
extern "C" __global__ void warp_barrier_fixed(const float* in, float* out, int n) {
    __shared__ float tile[32];
    tile[threadIdx.x] = in[threadIdx.x];
    if (static_cast<int>(threadIdx.x) < n) {
        __syncwarp(0x0000FFFFu);
        tile[threadIdx.x] += 1.0f;
    } else {
        tile[threadIdx.x] += in[0];
    }
    out[threadIdx.x] = tile[threadIdx.x];
}

// case tile_absent: grid=1 block=32 n=28 in=32 out=32
extern "C" __global__ void tile_absent_bug(const float* in, float* out, int n) {
    const unsigned tile = 0xFFu << (threadIdx.x & ~7u);
    float x = in[threadIdx.x];
    if (static_cast<int>(threadIdx.x) < n) {
        x += __shfl_xor_sync(tile, x, 1, 8);  // BUG unconverged_warp_op exited_lane_in_mask
    }
    out[threadIdx.x] = x;
}
extern "C" __global__ void tile_absent_fixed(const float* in, float* out, int n) {
    const unsigned tile = 0xFFu << (threadIdx.x & ~7u);
    float x = in[threadIdx.x];
    if (static_cast<int>(threadIdx.x) < n - 4) {
        x += __shfl_xor_sync(tile, x, 1, 8);
    }
    out[threadIdx.x] = x;
}

// case tile_unnamed: grid=1 block=32 n=8 in=32 out=32
extern "C" __global__ void tile_unnamed_bug(const float* in, float* out, int n) {
    // The first lane of a tile is left out.
    const unsigned tile = 0xFEu << (threadIdx.x & ~7u);
    out[threadIdx.x] = __shfl_xor_sync(tile, in[threadIdx.x], 2, 8);  // BUG invalid_mask unconverged_warp_op
}
extern "C" __global__ void tile_unnamed_fixed(const float* in, float* out, int n) {
    const unsigned tile = 0xFFu << (threadIdx.x & ~7u);
    out[threadIdx.x] = __shfl_xor_sync(tile, in[threadIdx.x], 2, 8);
}

// case tiles_overlap: grid=1 block=32 n=16 in=32 out=32
extern "C" __global__ void tiles_overlap_bug(const float* in, float* out, int n) {
    const unsigned tile = static_cast<int>(threadIdx.x) < n ? 0x0001FFFFu : 0xFFFF0000u;
    out[threadIdx.x] = static_cast<float>(__ballot_sync(tile, in[threadIdx.x] > 20.0f));  // BUG unconverged_warp_op exited_lane_in_mask
}
extern "C" __global__ void tiles_overlap_fixed(const float* in, float* out, int n) {
    const unsigned tile = static_cast<int>(threadIdx.x) < n ? 0x0000FFFFu : 0xFFFF0000u;
    out[threadIdx.x] = static_cast<float>(__ballot_sync(tile, in[threadIdx.x] > 20.0f));
}

// case tile_barrier: grid=1 block=32 n=12 in=32 out=32
extern "C" __global__ void tile_barrier_bug(const float* in, float* out, int n) {
    const unsigned tile = 0xFFu << (threadIdx.x & ~7u);
    if (static_cast<int>(threadIdx.x) != n) {
        __syncwarp(tile);  // BUG unconverged_warp_op exited_lane_in_mask
    }
    out[threadIdx.x] = in[threadIdx.x];
}
extern "C" __global__ void tile_barrier_fixed(const float* in, float* out, int n) {
    const unsigned tile = 0xFFu << (threadIdx.x & ~7u);
    if (static_cast<int>(threadIdx.x) / 8 != n / 8) {
        __syncwarp(tile);
    }
    out[threadIdx.x] = in[threadIdx.x];
}
