// SPDX-License-Identifier: Apache-2.0
// One linear layer of a Llama, one token: weights are quantised to 4 bits (symmetric, groups of 128
// along k, f16 scales), then multiplied by the exported kernel and by the loop that one writes
// first.
//   llama_linear [N K]      default 4096 4096: attention's output projection of an 8B model
#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <kwk/w4a16_gemv.hpp>
#include <random>
#include <vector>

namespace {

constexpr std::int64_t k_group = 128;
constexpr int k_rounds = 21;

/// Finite values: the bits moved into place are the value over 2^112.
float from_half(kwk_f16 half) {
    const float magnitude =
        std::bit_cast<float>(static_cast<std::uint32_t>(half & 0x7fff) << 13) * 0x1p112f;
    return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

/// Finite values of ordinary size, to nearest; ties away from zero do for an example.
kwk_f16 to_half(float value) {
    int exponent = 0;
    const float fraction = std::frexp(std::fabs(value), &exponent);  // [0.5, 1)
    const int sign = std::signbit(value) ? 0x8000 : 0;
    if (fraction == 0 || exponent < -13) {
        return static_cast<kwk_f16>(sign | std::lround(std::ldexp(std::fabs(value), 24)));
    }
    return static_cast<kwk_f16>(
        sign + ((exponent + 14) << 10) + std::lround(std::ldexp(fraction, 11)) - 1024);
}

struct Layer {
    std::int64_t n, k;
    std::vector<float> weights;  // [n][k], as trained
    kwk::buffer codes;           // two a byte, the even k in the low nibble, offset 8
    kwk::buffer scales;          // f16 [n][k / 128]
};

void quantise(Layer& layer) {
    auto* codes = layer.codes.as<std::uint8_t>();
    auto* scales = layer.scales.as<kwk_f16>();
    for (std::int64_t begin = 0; begin < layer.n * layer.k; begin += k_group) {
        const float* w = layer.weights.data() + begin;
        float largest = 0;
        for (std::int64_t i = 0; i < k_group; ++i) {
            largest = std::max(largest, std::fabs(w[i]));
        }
        const kwk_f16 half = to_half(largest / 7);
        const float scale = from_half(half);
        scales[begin / k_group] = half;
        for (std::int64_t i = 0; i < k_group; i += 2) {
            const auto code = [&](float value) {
                const float q = scale > 0 ? std::round(value / scale) : 0.0f;
                return static_cast<unsigned>(std::clamp(q, -8.0f, 7.0f) + 8);
            };
            codes[(begin + i) / 2] = static_cast<std::uint8_t>(code(w[i]) | code(w[i + 1]) << 4);
        }
    }
}

void naive(const Layer& layer, const kwk_f16* x, float* y) {
    const auto* codes = layer.codes.as<std::uint8_t>();
    const auto* scales = layer.scales.as<kwk_f16>();
    for (std::int64_t n = 0; n < layer.n; ++n) {
        float sum = 0;
        for (std::int64_t k = 0; k < layer.k; ++k) {
            const int byte = codes[(n * layer.k + k) / 2];
            const int code = (k % 2 == 0 ? byte & 15 : byte >> 4) - 8;
            sum += static_cast<float>(code) * from_half(scales[(n * layer.k + k) / k_group]) *
                   from_half(x[k]);
        }
        y[n] = sum;
    }
}

template <class Run>
double median_us(int rounds, Run run) {
    std::vector<double> times;
    for (int i = 0; i < rounds; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        run();
        times.push_back(
            std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
                .count());
    }
    std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
    return times[static_cast<std::size_t>(rounds) / 2];
}

}  // namespace

int main(int argc, char** argv) {
    Layer layer{
        argc > 2 ? std::atoll(argv[1]) : 4096, argc > 2 ? std::atoll(argv[2]) : 4096, {}, {}, {}};
    if (layer.n < 1 || layer.k < k_group || layer.k % k_group != 0) {
        std::fprintf(stderr, "usage: llama_linear [N K]   K is a multiple of 128\n");
        return 2;
    }
    layer.weights.resize(static_cast<std::size_t>(layer.n * layer.k));
    layer.codes = kwk::buffer(static_cast<std::size_t>(layer.n * layer.k / 2));
    layer.scales = kwk::buffer(static_cast<std::size_t>(layer.n * layer.k / k_group) * 2);
    kwk::buffer x(static_cast<std::size_t>(layer.k) * 2);
    kwk::buffer y(static_cast<std::size_t>(layer.n) * 2);
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float& w : layer.weights) {
        w = 0.02f * normal(random);
    }
    for (std::int64_t k = 0; k < layer.k; ++k) {
        x.as<kwk_f16>()[k] = to_half(normal(random));
    }
    quantise(layer);

    auto args = kwk::make<kwk::w4a16_gemv_args>();
    args.w = layer.codes.as<std::uint8_t>();
    args.s = layer.scales.as<kwk_f16>();
    args.x = x.as<kwk_f16>();
    args.y = y.as<kwk_f16>();
    args.N = layer.n;
    args.K = layer.k;
    try {
        const kwk::buffer packed = kwk::prepare(args);
        args.packed = packed.data();
        std::fputs(kwk::explain(args).c_str(), stdout);
        kwk::call(args);
        const double kernel = median_us(k_rounds, [&] { kwk::call(args); });
        std::vector<float> want(static_cast<std::size_t>(layer.n));
        const double plain = median_us(3, [&] { naive(layer, x.as<kwk_f16>(), want.data()); });
        float worst = 0;
        float size = 0;
        for (std::int64_t n = 0; n < layer.n; ++n) {
            const float value = want[static_cast<std::size_t>(n)];
            worst = std::max(worst, std::fabs(from_half(y.as<kwk_f16>()[n]) - value));
            size = std::max(size, std::fabs(value));
        }
        std::printf(
            "exported %.1f us, naive %.1f us: %.1fx; largest difference %.2g of %.2g\n",
            kernel,
            plain,
            plain / kernel,
            static_cast<double>(worst),
            static_cast<double>(size));
        return worst <= 2e-3f * size ? 0 : 1;
    } catch (const kwk::error& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 1;
    }
}
