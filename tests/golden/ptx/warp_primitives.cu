// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 warp_primitives.cu
// shfl, vote, match, redux, activemask.
extern "C" __global__ void warp_reduce(const float* x, float* y) {
    float v = x[blockIdx.x * 32 + threadIdx.x];
    for (int step = 16; step > 0; step /= 2) {
        v += __shfl_down_sync(0xFFFFFFFFu, v, step);
    }
    if (threadIdx.x == 0) {
        y[blockIdx.x] = v;
    }
}

extern "C" __global__ void warp_scan(const int* x, int* y) {
    int v = x[threadIdx.x];
    for (int step = 1; step < 32; step *= 2) {
        const int below = __shfl_up_sync(0xFFFFFFFFu, v, step);
        v += static_cast<int>(threadIdx.x) >= step ? below : 0;
    }
    y[threadIdx.x] = v;
}

extern "C" __global__ void warp_votes(const int* x, unsigned* y) {
    const int v = x[threadIdx.x];
    int all_same = 0;
    unsigned* out = y + threadIdx.x * 12;
    out[0] = __ballot_sync(0xFFFFFFFFu, v > 3);
    out[1] = __any_sync(0xFFFFFFFFu, v > 30);
    out[2] = __all_sync(0xFFFFFFFFu, v >= 0);
    out[3] = __match_any_sync(0xFFFFFFFFu, v);
    out[4] = __match_all_sync(0xFFFFFFFFu, v / 64, &all_same);
    out[5] = all_same;
    out[6] = __reduce_add_sync(0xFFFFFFFFu, static_cast<unsigned>(v));
    out[7] = __reduce_max_sync(0xFFFFFFFFu, v);
    out[8] = __reduce_xor_sync(0xFFFFFFFFu, static_cast<unsigned>(v));
    out[9] = __shfl_sync(0xFFFFFFFFu, v, v, 8);
    out[10] = __popc(out[0]) + __clz(v) + __ffs(v) + __brev(v);
    if (v & 1) {
        out[11] = __activemask();
    }
}
