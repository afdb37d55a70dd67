// SPDX-License-Identifier: Apache-2.0
// The oracle, all sums in f64. Scale and zero are folded into the query once a group of tokens
// (exact enough in f64), and loops run along tokens or channels so that the compiler vectorises
// them.
//
// The magnitude that scales the tolerance follows a first-order perturbation of the softmax:
//   y = sum p v,  dy = sum p * (ds * (v - y) + rounding of v, p and the sum)
//   mag = sum p * (1 + E) * (|code * v_scale| + |v_zero|) + |y| * sum p * E
// with E[t] = (S[t] + max S) * sqrt(128 / (L + 128)) and S[t] = sum |q| * (|code * k_scale| +
// |k_zero|) / sqrt(128): a score is a sum of 128 products, the task's k = L + 128 counts the long
// sums.
#include "int4_kv_attention_reference.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

constexpr int k_channels = 128;
constexpr int k_group = 128;  // tokens that share a key scale
constexpr int k_tile = 32;    // tokens unpacked together; divides k_group
const double k_softmax_scale = 1.0 / std::sqrt(128.0);

double from_f16(kw_f16 h) {
    const int exponent = (h >> 10) & 31;
    const int mantissa = h & 1023;
    const double a =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    return (h & 0x8000) != 0 ? -a : a;
}

struct Scores {
    std::vector<double> value;      // [L]
    std::vector<double> magnitude;  // [L]
};

// A query with a group's scales and zeros folded in.
struct Folded {
    double scaled[k_channels];
    double scaled_abs[k_channels];
    double offset = 0;
    double offset_abs = 0;
};

Folded fold(const kw_f16* q, const kw_f16* scale, const kw_f16* zero) {
    Folded f;
    for (int c = 0; c < k_channels; ++c) {
        const double x = from_f16(q[c]) * k_softmax_scale;
        f.scaled[c] = x * from_f16(scale[c]);
        f.scaled_abs[c] = std::fabs(f.scaled[c]);
        f.offset += x * from_f16(zero[c]);
        f.offset_abs += std::fabs(x * from_f16(zero[c]));
    }
    return f;
}

// codes[c][t] of up to 32 tokens; absent ones are zero.
void unpack_columns(const std::uint8_t* bytes, int count, double codes[k_channels][k_tile]) {
    std::memset(codes, 0, sizeof(double) * k_channels * k_tile);
    for (int t = 0; t < count; ++t) {
        for (int j = 0; j < k_channels / 2; ++j) {
            codes[2 * j][t] = bytes[t * 64 + j] & 15;
            codes[2 * j + 1][t] = bytes[t * 64 + j] >> 4;
        }
    }
}

void score_tile(
    const Folded& f, const double codes[k_channels][k_tile], int count, double* s, double* mag) {
    double value[k_tile] = {};
    double magnitude[k_tile] = {};
    for (int c = 0; c < k_channels; ++c) {
        for (int t = 0; t < k_tile; ++t) {
            value[t] += f.scaled[c] * codes[c][t];
            magnitude[t] += f.scaled_abs[c] * codes[c][t];
        }
    }
    for (int t = 0; t < count; ++t) {
        s[t] = value[t] + f.offset;
        mag[t] = magnitude[t] + f.offset_abs;
    }
}

// Scores become probabilities; magnitudes become p * E. Returns sum p * E.
double soften(Scores& scores) {
    const std::size_t length = scores.value.size();
    double largest = scores.value[0];
    double widest = 0;
    for (std::size_t t = 0; t < length; ++t) {
        largest = scores.value[t] > largest ? scores.value[t] : largest;
        widest = scores.magnitude[t] > widest ? scores.magnitude[t] : widest;
    }
    double sum = 0;
    for (double& s : scores.value) {
        s = std::exp(s - largest);
        sum += s;
    }
    const double shrink = std::sqrt(128.0 / (static_cast<double>(length) + 128.0));
    double sensitivity = 0;
    for (std::size_t t = 0; t < length; ++t) {
        scores.value[t] /= sum;
        scores.magnitude[t] = scores.value[t] * (scores.magnitude[t] + widest) * shrink;
        sensitivity += scores.magnitude[t];
    }
    return sensitivity;
}

// Adds one token: code * weight for the channels, the zero as a sum of its own.
struct Accumulator {
    double value[k_channels] = {};
    double magnitude[k_channels] = {};
    double offset = 0;
    double offset_abs = 0;

    void add(const double* codes, double p, double pe, double scale, double zero) {
        const double weight = p * scale;
        const double weight_abs = (p + pe) * std::fabs(scale);
        for (int c = 0; c < k_channels; ++c) {
            value[c] += weight * codes[c];
            magnitude[c] += weight_abs * codes[c];
        }
        offset += p * zero;
        offset_abs += (p + pe) * std::fabs(zero);
    }
};

// Where a key/value head's part of every argument begins.
struct Head {
    const kw_f16* q;
    const std::uint8_t* k_codes;
    const kw_f16* k_scale;
    const kw_f16* k_zero;
    const std::uint8_t* v_codes;
    const kw_f16* v_scale;
    const kw_f16* v_zero;
};

void score(const Head& head, std::vector<Scores>& scores, std::int64_t L) {
    alignas(64) double codes[k_channels][k_tile];
    std::vector<Folded> folded(scores.size());
    for (std::int64_t t = 0; t < L; t += k_tile) {
        const int count = static_cast<int>(L - t < k_tile ? L - t : k_tile);
        const std::int64_t group = t / k_group * k_channels;
        unpack_columns(head.k_codes + t * 64, count, codes);
        for (std::size_t g = 0; g < scores.size(); ++g) {
            if (t % k_group == 0) {
                folded[g] =
                    fold(head.q + g * k_channels, head.k_scale + group, head.k_zero + group);
            }
            score_tile(
                folded[g],
                codes,
                count,
                &scores[g].value[static_cast<std::size_t>(t)],
                &scores[g].magnitude[static_cast<std::size_t>(t)]);
        }
    }
}

void attend(const Head& head, double* y_ref, double* y_mag, std::int64_t G, std::int64_t L) {
    std::vector<Scores> scores(static_cast<std::size_t>(G));
    for (Scores& s : scores) {
        s.value.resize(static_cast<std::size_t>(L));
        s.magnitude.resize(static_cast<std::size_t>(L));
    }
    score(head, scores, L);
    std::vector<Accumulator> sums(scores.size());
    std::vector<double> sensitivity;
    for (Scores& s : scores) {
        sensitivity.push_back(soften(s));
    }
    for (std::int64_t t = 0; t < L; ++t) {
        double codes[k_channels];
        for (int j = 0; j < k_channels / 2; ++j) {
            codes[2 * j] = head.v_codes[t * 64 + j] & 15;
            codes[2 * j + 1] = head.v_codes[t * 64 + j] >> 4;
        }
        const double scale = from_f16(head.v_scale[t]);
        const double zero = from_f16(head.v_zero[t]);
        const auto at = static_cast<std::size_t>(t);
        for (std::size_t g = 0; g < sums.size(); ++g) {
            sums[g].add(codes, scores[g].value[at], scores[g].magnitude[at], scale, zero);
        }
    }
    for (std::size_t g = 0; g < sums.size(); ++g) {
        for (std::size_t c = 0; c < k_channels; ++c) {
            const double y = sums[g].value[c] + sums[g].offset;
            y_ref[g * k_channels + c] = y;
            y_mag[g * k_channels + c] =
                sums[g].magnitude[c] + sums[g].offset_abs + std::fabs(y) * sensitivity[g];
        }
    }
}

}  // namespace

void int4_kv_attention_reference(
    const kw_f16* q,
    const std::uint8_t* k_codes,
    const kw_f16* k_scale,
    const kw_f16* k_zero,
    const std::uint8_t* v_codes,
    const kw_f16* v_scale,
    const kw_f16* v_zero,
    double* y_ref,
    double* y_mag,
    std::int64_t B,
    std::int64_t HK,
    std::int64_t G,
    std::int64_t L) {
    const std::int64_t groups = (L + k_group - 1) / k_group;
    for (std::int64_t h = 0; h < B * HK; ++h) {
        const Head head = {
            q + h * G * k_channels,
            k_codes + h * L * 64,
            k_scale + h * groups * k_channels,
            k_zero + h * groups * k_channels,
            v_codes + h * L * 64,
            v_scale + h * L,
            v_zero + h * L};
        attend(head, y_ref + h * G * k_channels, y_mag + h * G * k_channels, G, L);
    }
}
