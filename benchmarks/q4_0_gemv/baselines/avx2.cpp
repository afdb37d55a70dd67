// SPDX-License-Identifier: Apache-2.0
// The AVX2 scheme of ggml's row dot product on the canonical blocks: nibbles to bytes, offset
// subtracted, sign trick into maddubs, one FMA with the product of the two scales a block.
#include "q4_0_gemv.h"

#include <immintrin.h>

#include <string.h>

namespace {

float half_at(const uint8_t* p) {
    uint16_t h;
    memcpy(&h, p, 2);
    return _cvtsh_ss(h);
}

__m256i codes_at(const uint8_t* p) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m256i both = _mm256_set_m128i(_mm_srli_epi16(v, 4), v);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

__m256 block_dot(const uint8_t* wb, const uint8_t* xb) {
    const __m256i q = _mm256_sub_epi8(codes_at(wb + 2), _mm256_set1_epi8(8));
    const __m256i c = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(xb + 2));
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_sign_epi8(q, q), _mm256_sign_epi8(c, q));
    return _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

float horizontal_sum(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

}  // namespace

extern "C" void q4_0_gemv(
    const uint8_t* w, const uint8_t* x, float* y, const void* /*packed*/, int64_t N, int64_t K) {
    const int64_t blocks = K / 32;
    for (int64_t n = 0; n < N; ++n) {
        const uint8_t* row = w + n * blocks * 18;
        __m256 sum = _mm256_setzero_ps();
        for (int64_t b = 0; b < blocks; ++b) {
            const uint8_t* wb = row + b * 18;
            const uint8_t* xb = x + b * 34;
            const __m256 scale = _mm256_set1_ps(half_at(wb) * half_at(xb));
            sum = _mm256_fmadd_ps(scale, block_dot(wb, xb), sum);
        }
        y[n] = horizontal_sum(sum);
    }
}
