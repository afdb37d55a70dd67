// SPDX-License-Identifier: Apache-2.0
//!kwright task=scale_add target=cpu
//!tune BLOCK = {1, 4, 8}
#define BLOCK 1
void scale_add(const float* w, const float* x, float* y, const void*, int64_t N) {
    int64_t i = 0;
    for (; i + BLOCK <= N; i += BLOCK) {
        for (int64_t j = 0; j < BLOCK; ++j) {
            y[i + j] = w[i + j] * x[i + j] + 1.0f;
        }
    }
    for (; i < N; ++i) {
        y[i] = w[i] * x[i] + 1.0f;
    }
}
