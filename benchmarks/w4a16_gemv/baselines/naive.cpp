// SPDX-License-Identifier: Apache-2.0
// The loop one writes first: decode a code, scale it, multiply, add in f32.
#include "w4a16_gemv.h"

#include <immintrin.h>

extern "C" void w4a16_gemv(
    const uint8_t* w,
    const kw_f16* s,
    const kw_f16* x,
    kw_f16* y,
    const void* /*packed*/,
    int64_t N,
    int64_t K) {
    for (int64_t n = 0; n < N; ++n) {
        float sum = 0.0f;
        for (int64_t k = 0; k < K; ++k) {
            const uint8_t byte = w[n * (K / 2) + k / 2];
            const int code = (k % 2 == 0) ? byte & 15 : byte >> 4;
            const float scale = _cvtsh_ss(s[n * (K / 128) + k / 128]);
            sum += static_cast<float>(code - 8) * scale * _cvtsh_ss(x[k]);
        }
        y[n] = _cvtss_sh(sum, 0);
    }
}
