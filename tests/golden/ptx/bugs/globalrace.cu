// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo globalrace.cu
// Seeded races of blocks in global memory; see memcheck.cu.

// case block_sum: grid=4 block=64 n=1 in=256 out=1 zeroed
extern "C" __global__ void block_sum_bug(const float* in, float* out, int n) {
    if (threadIdx.x == 0) {
        out[0] += in[blockIdx.x];  // BUG global_race
    }
}
extern "C" __global__ void block_sum_fixed(const float* in, float* out, int n) {
    if (threadIdx.x == 0) {
        atomicAdd(out, in[blockIdx.x]);
    }
}

// case overlap: grid=4 block=64 n=257 in=257 out=257
extern "C" __global__ void overlap_bug(const float* in, float* out, int n) {
    const int i = blockIdx.x * 64 + threadIdx.x;
    out[i] = in[i];  // BUG global_race
    if (threadIdx.x == 63) {
        out[i + 1] = -1.0f;  // BUG global_race
    }
}
extern "C" __global__ void overlap_fixed(const float* in, float* out, int n) {
    const int i = blockIdx.x * 64 + threadIdx.x;
    out[i] = in[i];
    if (i == 255) {
        out[i + 1] = -1.0f;
    }
}

// case neighbour: grid=4 block=64 n=256 in=256 out=512 zeroed
extern "C" __global__ void neighbour_bug(const float* in, float* out, int n) {
    const int i = blockIdx.x * 64 + threadIdx.x;
    out[i] = in[i];
    __syncthreads();
    out[n + i] = out[(i + 64) % n];  // BUG global_race
}
extern "C" __global__ void neighbour_fixed(const float* in, float* out, int n) {
    const int i = blockIdx.x * 64 + threadIdx.x;
    out[i] = in[i];
    __syncthreads();
    out[n + i] = out[i / 64 * 64 + (i + 1) % 64];
}

// case last_block: grid=4 block=32 n=4 in=128 out=6 zeroed
extern "C" __global__ void last_block_bug(const float* in, float* out, int n) {
    __shared__ bool last;
    if (threadIdx.x == 0) {
        out[1 + blockIdx.x] = in[blockIdx.x * 32];
        // No fence: the sum below may not see it.
        const unsigned done = atomicAdd(reinterpret_cast<unsigned*>(out) + 5, 1u);
        last = done == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0) {
        float sum = 0.0f;
        for (int i = 0; i < n; ++i) {
            sum += out[1 + i];  // BUG global_race
        }
        out[0] = sum;
    }
}
extern "C" __global__ void last_block_fixed(const float* in, float* out, int n) {
    __shared__ bool last;
    if (threadIdx.x == 0) {
        out[1 + blockIdx.x] = in[blockIdx.x * 32];
        __threadfence();
        const unsigned done = atomicAdd(reinterpret_cast<unsigned*>(out) + 5, 1u);
        last = done == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0) {
        __threadfence();
        float sum = 0.0f;
        for (int i = 0; i < n; ++i) {
            sum += out[1 + i];
        }
        out[0] = sum;
    }
}

// case early_total: grid=4 block=32 n=4 in=128 out=5 zeroed
extern "C" __global__ void early_total_bug(const float* in, float* out, int n) {
    if (threadIdx.x == 0) {
        out[1 + blockIdx.x] = out[0];  // BUG global_race WARNING
        atomicAdd(out, in[blockIdx.x]);
    }
}
extern "C" __global__ void early_total_fixed(const float* in, float* out, int n) {
    if (threadIdx.x == 0) {
        out[1 + blockIdx.x] = atomicAdd(out, in[blockIdx.x]) * 0.0f;
    }
}

// case reset: grid=4 block=32 n=4 in=128 out=1 zeroed
extern "C" __global__ void reset_bug(const float* in, float* out, int n) {
    if (threadIdx.x == 0) {
        if (static_cast<int>(blockIdx.x) == n - 1) {
            out[0] = 0.0f;  // BUG global_race
        } else {
            atomicAdd(out, in[blockIdx.x]);
        }
    }
}
extern "C" __global__ void reset_fixed(const float* in, float* out, int n) {
    if (threadIdx.x == 0) {
        if (static_cast<int>(blockIdx.x) == n) {
            out[0] = 0.0f;
        } else {
            atomicAdd(out, in[blockIdx.x]);
        }
    }
}
