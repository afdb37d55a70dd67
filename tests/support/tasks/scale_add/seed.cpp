// SPDX-License-Identifier: Apache-2.0
//!kwright task=scale_add target=cpu
//!tune BLOCK = {1, 4, 8}
#define BLOCK 1
//!tune TAG = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
#define TAG 1
static_assert(TAG > 0, "only there to make the space larger");
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
