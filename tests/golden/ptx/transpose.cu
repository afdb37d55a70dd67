// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 transpose.cu
// y = transpose(x): through a padded tile of f32, and bytes through prmt.
extern "C" __global__ void transpose_f32(const float* x, float* y, int rows, int columns) {
    __shared__ float tile[32][33];
    const int column = blockIdx.x * 32 + threadIdx.x;
    for (int j = 0; j < 32; j += 8) {
        const int row = blockIdx.y * 32 + threadIdx.y + j;
        if (row < rows && column < columns) {
            tile[threadIdx.y + j][threadIdx.x] = x[row * columns + column];
        }
    }
    __syncthreads();
    const int out_column = blockIdx.y * 32 + threadIdx.x;
    for (int j = 0; j < 32; j += 8) {
        const int out_row = blockIdx.x * 32 + threadIdx.y + j;
        if (out_row < columns && out_column < rows) {
            y[out_row * rows + out_column] = tile[threadIdx.x][threadIdx.y + j];
        }
    }
}

extern "C" __global__ void transpose_4x4_bytes(const uint4* x, uint4* y, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        const uint4 v = x[i];
        const unsigned ab_low = __byte_perm(v.x, v.y, 0x5140);
        const unsigned cd_low = __byte_perm(v.z, v.w, 0x5140);
        const unsigned ab_high = __byte_perm(v.x, v.y, 0x7362);
        const unsigned cd_high = __byte_perm(v.z, v.w, 0x7362);
        y[i] = make_uint4(
            __byte_perm(ab_low, cd_low, 0x5410),
            __byte_perm(ab_low, cd_low, 0x7632),
            __byte_perm(ab_high, cd_high, 0x5410),
            __byte_perm(ab_high, cd_high, 0x7632));
    }
}
