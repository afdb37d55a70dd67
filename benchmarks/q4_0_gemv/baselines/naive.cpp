// SPDX-License-Identifier: Apache-2.0
// The generic loop of ggml_vec_dot_q4_0_q8_0, one row after the other.
#include "q4_0_gemv.h"

#include <immintrin.h>

#include <string.h>

namespace {

float half_at(const uint8_t* p) {
    uint16_t h;
    memcpy(&h, p, 2);
    return _cvtsh_ss(h);
}

}  // namespace

extern "C" void q4_0_gemv(
    const uint8_t* w, const uint8_t* x, float* y, const void* /*packed*/, int64_t N, int64_t K) {
    const int64_t blocks = K / 32;
    for (int64_t n = 0; n < N; ++n) {
        float sum = 0.0f;
        for (int64_t b = 0; b < blocks; ++b) {
            const uint8_t* wb = w + (n * blocks + b) * 18;
            const uint8_t* xb = x + b * 34;
            const int8_t* c = reinterpret_cast<const int8_t*>(xb + 2);
            int dot = 0;
            for (int j = 0; j < 16; ++j) {
                dot += ((wb[2 + j] & 15) - 8) * c[j];
                dot += ((wb[2 + j] >> 4) - 8) * c[j + 16];
            }
            sum += static_cast<float>(dot) * half_at(wb) * half_at(xb);
        }
        y[n] = sum;
    }
}
