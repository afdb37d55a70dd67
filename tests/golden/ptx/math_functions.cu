// SPDX-License-Identifier: Apache-2.0
// nvcc -ptx -arch=sm_80 math_functions.cu
// The library's sin (its large-argument path has a local array), exp, log, pow, tanh, erf;
// division.
extern "C" __global__ void math_f32(const float* x, float* y, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        const float v = x[i];
        float* out = y + i * 10;
        out[0] = sinf(v);
        out[1] = expf(v);
        out[2] = logf(fabsf(v) + 1.0f);
        out[3] = tanhf(v);
        out[4] = erff(v);
        out[5] = powf(fabsf(v), 1.5f);
        out[6] = 1.0f / v;
        out[7] = sqrtf(fabsf(v));
        out[8] = __sinf(v) + __cosf(v) + __log2f(fabsf(v)) + exp2f(v);
        out[9] = v / (1.0f + __expf(-v));
    }
}

extern "C" __global__ void math_f64(const double* x, double* y, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        y[i * 3] = x[i] / 3.0;
        y[i * 3 + 1] = exp(x[i]);
        y[i * 3 + 2] = fma(x[i], x[i], sqrt(fabs(x[i])));
    }
}
