// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 -lineinfo block_scan.cu
// Inclusive prefix sum of one block in dynamic shared memory, Hillis-Steele.
extern "C" __global__ void block_scan(const int* x, int* y, int n) {
    extern __shared__ int buffer[];
    int* from = buffer;
    int* to = buffer + blockDim.x;
    const int t = threadIdx.x;
    from[t] = t < n ? x[t] : 0;
    __syncthreads();
    for (unsigned step = 1; step < blockDim.x; step *= 2) {
        to[t] = t >= static_cast<int>(step) ? from[t] + from[t - step] : from[t];
        __syncthreads();
        int* const swap = from;
        from = to;
        to = swap;
    }
    if (t < n) {
        y[t] = from[t];
    }
}
