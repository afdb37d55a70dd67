// SPDX-License-Identifier: Apache-2.0
// Floating point of 4 to 64 bits: conversions, mathematics, quantisation, products of tiles.
#include "evaluator/scalar.hpp"
#include "tests/unit/evaluator/emulated/kernels/scenarios.hpp"

#include <algorithm>
#include <complex>
#include <numbers>

namespace kw::emu::test {
namespace {

using Ints = std::vector<std::int32_t>;
using Words = std::vector<std::uint32_t>;
using Floats = std::vector<float>;
using Bits16 = std::vector<std::uint16_t>;

/// OCP 8-bit floats, exponent bits 4 (e4m3: no infinity) or 5.
double fp8_value(std::uint8_t code, bool e4m3) {
    const int mantissa_bits = e4m3 ? 3 : 2;
    const int bias = e4m3 ? 7 : 15;
    const int exponent = (code & 0x7F) >> mantissa_bits;
    const int mantissa = code & ((1 << mantissa_bits) - 1);
    const double sign = code > 127 ? -1 : 1;
    if (e4m3 ? (code & 0x7F) == 0x7F : exponent == 31) {
        return e4m3 || mantissa != 0 ? std::nan("") : sign * INFINITY;
    }
    const double fraction = exponent == 0 ? mantissa : mantissa + (1 << mantissa_bits);
    return sign * std::ldexp(fraction, std::max(exponent, 1) - bias - mantissa_bits);
}

/// The nearest, ties to even; beyond the largest finite one that one.
std::uint8_t fp8_code(double value, bool e4m3) {
    const std::uint8_t last = e4m3 ? 0x7E : 0x7B;
    std::uint8_t best = 0;
    for (std::uint8_t code = 0; code <= last; ++code) {
        const double distance = std::abs(fp8_value(code, e4m3) - std::abs(value));
        const double least = std::abs(fp8_value(best, e4m3) - std::abs(value));
        if (distance < least || (distance == least && code % 2 == 0)) {
            best = code;
        }
    }
    return static_cast<std::uint8_t>(best | (std::signbit(value) ? 0x80 : 0));
}

Floats fp8_inputs() {
    Floats x = eighths(60);
    for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = std::ldexp(x[i] + 0.0625F * static_cast<float>(i % 3), static_cast<int>(i % 16) - 8);
    }
    x.insert(x.end(), {1000.0F, -70000.0F, 0.0F, -0.0F});
    return x;
}

void to_fp8(Device& device) {
    const Floats x = fp8_inputs();
    must(
        device,
        "to_fp8",
        shape(1, 32),
        {device.input("x", x),
         device.output<std::uint8_t>("e4m3", 64),
         device.output<std::uint8_t>("e5m2", 64),
         value(32)});
    for (const bool e4m3 : {true, false}) {
        std::vector<std::uint8_t> want;
        for (const float v : x) {
            want.push_back(fp8_code(v, e4m3));
        }
        equal(device, e4m3 ? "e4m3" : "e5m2", want);
    }
}

void from_fp8(Device& device) {
    std::vector<std::uint8_t> codes(256);
    for (std::size_t i = 0; i < 256; ++i) {
        codes[i] = static_cast<std::uint8_t>(i);
    }
    must(
        device,
        "from_fp8",
        shape(2, 64),
        {device.input("e4m3", codes),
         device.input("e5m2", codes),
         device.output<float>("a", 256),
         device.output<float>("b", 256),
         value(128)});
    for (const bool e4m3 : {true, false}) {
        std::vector<double> want;
        for (const std::uint8_t code : codes) {
            want.push_back(fp8_value(code, e4m3));
        }
        near(doubles(device.read<float>(e4m3 ? "a" : "b")), want, 0);
    }
}

void fp8_round_trip(Device& device) {
    const Floats x = fp8_inputs();
    must(
        device,
        "e4m3_round_trip",
        shape(1, 64),
        {device.input("x", x), device.output<float>("y", 64), value(64)});
    std::vector<double> want;
    for (const float v : x) {
        want.push_back(fp8_value(fp8_code(v, true), true));
    }
    near(doubles(device.read<float>("y")), want, 0);
}

void quantise_e4m3(Device& device) {
    const Floats x = fp8_inputs();
    must(
        device,
        "quantise_e4m3",
        shape(1, 32),
        {device.input("x", x), device.output<std::uint8_t>("q", 64), value(0.5F), value(32)});
    std::vector<std::uint8_t> want;
    for (const float v : x) {
        want.push_back(fp8_code(v / 2, true));
    }
    equal(device, "q", want);
}

void math_f32(Device& device) {
    Floats x = eighths(60);
    std::ranges::replace(x, 0.0F, 0.5F);
    x.insert(x.end(), {1e6F, -20.0F, 1e-3F, 3.0F});
    must(
        device,
        "math_f32",
        shape(1, 64),
        {device.input("x", x), device.output<float>("y", 640), value(64)});
    std::vector<double> want;
    std::vector<double> got = doubles(device.read<float>("y"));
    for (std::size_t i = 0; i < 64; ++i) {
        const double v = x[i];
        const double fast = std::sin(v) + std::cos(v) + std::log2(std::abs(v)) + std::exp2(v);
        want.insert(
            want.end(),
            {std::sin(v),
             std::exp(v),
             std::log(std::abs(v) + 1),
             std::tanh(v),
             std::erf(v),
             std::pow(std::abs(v), 1.5),
             1 / v,
             std::sqrt(std::abs(v)),
             fast,
             v / (1 + std::exp(-v))});
        if (std::abs(v) > 1e5) {  // exp overflows, and fast functions promise nothing
            for (const std::size_t j : {1, 8}) {
                want[i * 10 + j] = got[i * 10 + j];
            }
        }
    }
    near(got, want, 4e-6);
}

void math_f64(Device& device) {
    const Floats v = eighths(64);
    const std::vector<double> x(v.begin(), v.end());
    must(
        device,
        "math_f64",
        shape(1, 64),
        {device.input("x", x), device.output<double>("y", 192), value(64)});
    std::vector<double> want;
    for (const double a : x) {
        want.insert(want.end(), {a / 3, std::exp(a), std::fma(a, a, std::sqrt(std::abs(a)))});
    }
    near(device.read<double>("y"), want, 1e-15);
}

void softmax(Device& device, const char* kernel, bool half) {
    constexpr std::size_t columns = 150;
    const Floats x = eighths(2 * columns);
    const Argument in = half ? device.input("x", halves(x)) : device.input("x", x);
    const Argument out =
        half ? device.output<std::uint16_t>("y", x.size()) : device.output<float>("y", x.size());
    must(device, kernel, shape(2, 64, half ? 0 : columns * 4), {in, out, value(int{columns})});
    std::vector<double> want;
    for (std::size_t r = 0; r < 2; ++r) {
        double sum = 0;
        for (std::size_t c = 0; c < columns; ++c) {
            sum += std::exp(x[r * columns + c]);
        }
        for (std::size_t c = 0; c < columns; ++c) {
            want.push_back(std::exp(x[r * columns + c]) / sum);
        }
    }
    near(
        half ? from_halves(device.read<std::uint16_t>("y")) : doubles(device.read<float>("y")),
        want,
        half ? 1e-4 : 1e-6);
}

void attention(Device& device) {
    constexpr std::size_t length = 20;
    constexpr std::size_t width = 64;
    const Floats q = eighths(2 * width);
    std::vector<std::int8_t> k;
    for (const int v : ints(length * width, -9, 9)) {
        k.push_back(static_cast<std::int8_t>(v));
    }
    const Floats scale(length, 0.0625F);
    const Floats v = eighths(length * width, 8);
    must(
        device,
        "attention_kv8",
        shape(2, 32),
        {device.input("q", q),
         device.input("k", k),
         device.input("k_scale", scale),
         device.input("v", halves(v)),
         device.output<float>("out", 2 * width),
         value(int{length})});
    std::vector<double> want;
    for (std::size_t query = 0; query < 2; ++query) {
        std::vector<double> share(length);
        double sum = 0;
        for (std::size_t t = 0; t < length; ++t) {
            double score = 0;
            for (std::size_t d = 0; d < width; ++d) {
                score += double{q[query * width + d]} * k[t * width + d];
            }
            share[t] = std::exp(score * 0.0625 * 0.125);
            sum += share[t];
        }
        for (std::size_t d = 0; d < width; ++d) {
            double value = 0;
            for (std::size_t t = 0; t < length; ++t) {
                value += share[t] / sum * v[t * width + d];
            }
            want.push_back(value);
        }
    }
    near(doubles(device.read<float>("out")), want, 1e-5);
}

void nf4_decode(Device& device) {
    static const double k_levels[16] = {
        -1.0,
        -0.6961928009986877,
        -0.5250730514526367,
        -0.39491748809814453,
        -0.28444138169288635,
        -0.18477343022823334,
        -0.09105003625154495,
        0.0,
        0.07958029955625534,
        0.16093020141124725,
        0.24611230194568634,
        0.33791524171829224,
        0.44070982933044434,
        0.5626170039176941,
        0.7229568362236023,
        1.0};
    std::vector<std::uint8_t> q;
    for (const int v : ints(80, 0, 255)) {
        q.push_back(static_cast<std::uint8_t>(v));
    }
    const Floats absmax{2.0F, 0.5F, 3.0F};
    must(
        device,
        "nf4_decode",
        shape(3, 32),
        {device.input("q", q),
         device.input("absmax", absmax),
         device.output<std::uint16_t>("y", 160),
         value(80)});
    std::vector<double> want;
    for (std::size_t i = 0; i < 80; ++i) {
        for (const int code : {q[i] >> 4, q[i] & 15}) {
            want.push_back(k_levels[code] * double{absmax[i / 32]});
        }
    }
    near(from_halves(device.read<std::uint16_t>("y")), want, 5e-4);
}

void rmsnorm_s8(Device& device) {
    constexpr std::size_t columns = 100;
    const Floats x = eighths(2 * columns);
    const Floats weight = eighths(columns, 21);
    must(
        device,
        "rmsnorm_s8",
        shape(2, 64),
        {device.input("x", brains(x)),
         device.input("weight", brains(weight)),
         device.output<std::int8_t>("q", x.size()),
         device.output<float>("scale", 2),
         value(int{columns}),
         value(1e-5F)});
    const auto q = device.read<std::int8_t>("q");
    for (std::size_t r = 0; r < 2; ++r) {
        double sum = 0;
        double most = 0;
        for (std::size_t c = 0; c < columns; ++c) {
            const double v = x[r * columns + c];
            sum += v * v;
            most = std::max(most, std::abs(v * double{weight[c]}));
        }
        const double rms = 1 / std::sqrt(sum / columns + 1e-5);
        const double step = most * rms / 127;
        near({double{device.read<float>("scale")[r]}}, {step}, 1e-6);
        for (std::size_t c = 0; c < columns; ++c) {
            const double exact = double{x[r * columns + c]} * rms * double{weight[c]} / step;
            REQUIRE(std::abs(q[r * columns + c] - exact) <= 0.501);
        }
    }
}

void kv_to_s8(Device& device) {
    constexpr std::size_t width = 48;
    const Floats x = eighths(3 * width);
    must(
        device,
        "kv_to_s8",
        shape(3, 32),
        {device.input("kv", halves(x)),
         device.output<std::int8_t>("q", x.size()),
         device.output<std::uint16_t>("scale", 3),
         value(int{width})});
    const auto q = device.read<std::int8_t>("q");
    const auto scale = from_halves(device.read<std::uint16_t>("scale"));
    for (std::size_t r = 0; r < 3; ++r) {
        double most = 0;
        for (std::size_t c = 0; c < width; ++c) {
            most = std::max(most, std::abs(double{x[r * width + c]}));
        }
        near({scale[r]}, {most / 127}, 1e-4);
        for (std::size_t c = 0; c < width; ++c) {
            REQUIRE(std::abs(q[r * width + c] - double{x[r * width + c]} * 127 / most) <= 0.501);
        }
    }
}

void w4a16_gemv(Device& device) {
    constexpr std::size_t rows = 6;
    constexpr std::size_t columns = 256;
    const Words wq = noise(rows * columns / 8);
    const Floats scale{0.5F, 0.25F, 1.0F, 0.125F, 0.5F, 2.0F, 1.0F, 1.0F, 0.5F, 0.25F, 0.5F, 1.0F};
    const Floats x = eighths(columns);
    Launch launch = shape(2, 32);
    launch.block[1] = 4;
    must(
        device,
        "w4a16_gemv",
        launch,
        {device.input("wq", wq),
         device.input("scale", halves(scale)),
         device.input("x", halves(x)),
         device.output<std::uint16_t>("y", rows),
         value(int{rows}),
         value(int{columns})});
    std::vector<double> want;
    for (std::size_t r = 0; r < rows; ++r) {
        double sum = 0;
        for (std::size_t k = 0; k < columns; ++k) {
            const std::uint32_t word = wq[(r * columns + k) / 8];
            const double q = static_cast<int>(word >> (4 * (k % 8)) & 15) - 8;
            sum += q * double{x[k]} * double{scale[(r * columns + k) / 128]};
        }
        want.push_back(sum);
    }
    near(from_halves(device.read<std::uint16_t>("y")), want, 5e-4);
}

void add_f32(Device& device, const char* kernel, std::size_t each) {
    const Floats x = eighths(96);
    const Floats y = eighths(96, 5);
    must(
        device,
        kernel,
        shape(3, 32),
        {device.input("x", x),
         device.input("y", y),
         device.output<float>("z", 96),
         value(static_cast<int>(96 / each))});
    Floats want;
    for (std::size_t i = 0; i < 96; ++i) {
        want.push_back(x[i] + y[i]);
    }
    equal(device, "z", want);
}

void add_16_bits(Device& device, const char* kernel, Bits16 (*bits)(const Floats&)) {
    const Floats x = eighths(130);
    const Floats y = eighths(130, 5);
    must(
        device,
        kernel,
        shape(3, 32),
        {device.input("x", bits(x)),
         device.input("y", bits(y)),
         device.output<std::uint16_t>("z", 130),
         value(65)});
    Floats want;
    for (std::size_t i = 0; i < 130; ++i) {
        want.push_back(x[i] + y[i]);
    }
    equal(device, "z", bits(want));
}

void half2_mix(Device& device) {
    const Floats x = eighths(128);
    const Floats y = eighths(128, 5);
    must(
        device,
        "half2_mix",
        shape(1, 32),
        {device.input("x", halves(x)),
         device.input("y", halves(y)),
         device.output<std::uint16_t>("z", 128),
         value(64)});
    Floats want;
    for (std::size_t i = 0; i < 128; ++i) {
        const std::size_t low = i / 2 * 2;
        const auto sum = [&](std::size_t j) {
            return 2 * x[j] + y[j];
        };
        const float top = std::max(std::abs(x[i]), -y[i]);
        want.push_back(x[low] < y[low + 1] ? sum(i ^ 1) + top : sum(i) - top);
    }
    equal(device, "z", halves(want));
}

void bf16_dot(Device& device) {
    const Floats x = eighths(200);
    const Floats y = eighths(200, 5);
    must(
        device,
        "bf16_dot",
        shape(1, 32),
        {device.input("x", brains(x)),
         device.input("y", brains(y)),
         device.output<float>("sum", 1),
         value(100)});
    float want = 0;
    for (std::size_t i = 0; i < 200; ++i) {
        want += x[i] * y[i];  // exact: multiples of 1/64
    }
    equal(device, "sum", Floats{want});
}

void complex_power(Device& device) {
    Floats x;
    for (std::size_t i = 0; i < 32; ++i) {
        const double angle = 2 * std::numbers::pi * static_cast<double>(i) / 32;
        x.insert(
            x.end(), {static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle))});
    }
    must(
        device,
        "complex_power",
        shape(1, 32),
        {device.input("x", x), device.output<float>("y", 64), value(13)});
    std::vector<double> want;
    for (std::size_t i = 0; i < 32; ++i) {
        const auto power = std::pow(std::complex<double>(x[2 * i], x[2 * i + 1]), 13);
        want.insert(want.end(), {power.real(), power.imag()});
    }
    near(doubles(device.read<float>("y")), want, 1e-5);
}

void atomic_halves(Device& device) {
    must(
        device,
        "atomic_halves",
        shape(2, 48),
        {device.in_out("h", Bits16(2)),
         device.in_out("b", Bits16(2)),
         device.in_out("f", Floats(4)),
         device.in_out("one", Bits16(2))});
    equal(device, "h", halves({96, 48}));
    equal(device, "b", brains({96, 192}));
    equal(device, "f", Floats{96, 192, 288, 384});
    equal(device, "one", halves({24, 0}));
}

/// One warp's m16n8k32 product, its fragments as the PTX ISA places them.
void mma_e4m3(Device& device) {
    std::vector<std::uint8_t> a(16 * 32);
    std::vector<std::uint8_t> b(8 * 32);  // by columns
    const Ints noisy = ints(a.size() + b.size(), -8, 8);
    for (std::size_t i = 0; i < a.size(); ++i) {
        a[i] = fp8_code(noisy[i], true);
    }
    for (std::size_t i = 0; i < b.size(); ++i) {
        b[i] = fp8_code(noisy[a.size() + i] / 2, false);
    }
    Words in(32 * 6);
    for (std::size_t lane = 0; lane < 32; ++lane) {
        const std::size_t group = lane / 4;
        const std::size_t k = lane % 4 * 4;
        for (std::size_t r = 0; r < 4; ++r) {
            std::memcpy(&in[lane * 6 + r], &a[(group + r % 2 * 8) * 32 + k + r / 2 * 16], 4);
        }
        for (std::size_t r = 0; r < 2; ++r) {
            std::memcpy(&in[lane * 6 + 4 + r], &b[group * 32 + k + r * 16], 4);
        }
    }
    must(
        device,
        "mma_e4m3",
        shape(1, 32),
        {device.input("in", in), device.output<float>("out", 128)});
    std::vector<double> want;
    for (std::size_t lane = 0; lane < 32; ++lane) {
        for (std::size_t i = 0; i < 4; ++i) {
            const std::size_t row = lane / 4 + i / 2 * 8;
            const std::size_t column = lane % 4 * 2 + i % 2;
            double sum = 0;
            for (std::size_t k = 0; k < 32; ++k) {
                sum += fp8_value(a[row * 32 + k], true) * fp8_value(b[column * 32 + k], false);
            }
            want.push_back(sum);
        }
    }
    near(doubles(device.read<float>("out")), want, 1e-6);
}

}  // namespace

std::vector<Scenario> number_scenarios() {
    return {
        {"fp8_convert", "to_fp8", to_fp8},
        {"fp8_convert", "from_fp8", from_fp8},
        {"fp8_software", "e4m3_round_trip", fp8_round_trip},
        {"rmsnorm_quantise", "quantise_e4m3", quantise_e4m3},
        {"rmsnorm_quantise", "rmsnorm_s8", rmsnorm_s8},
        {"math_functions", "math_f32", math_f32},
        {"math_functions", "math_f64", math_f64},
        {"softmax",
         "softmax_f32",
         [](Device& d) {
             softmax(d, "softmax_f32", false);
         }},
        {"softmax",
         "softmax_f16",
         [](Device& d) {
             softmax(d, "softmax_f16", true);
         }},
        {"attention", "attention_kv8", attention},
        {"nf4_decode", "nf4_decode", nf4_decode},
        {"moe_route", "kv_to_s8", kv_to_s8},
        {"w4a16_gemv", "w4a16_gemv", w4a16_gemv},
        {"vector_add",
         "add_f32",
         [](Device& d) {
             add_f32(d, "add_f32", 1);
         }},
        {"vector_add",
         "add_f32x4",
         [](Device& d) {
             add_f32(d, "add_f32x4", 4);
         }},
        {"vector_add",
         "add_f16x2",
         [](Device& d) {
             add_16_bits(d, "add_f16x2", halves);
         }},
        {"vector_add",
         "add_bf16x2",
         [](Device& d) {
             add_16_bits(d, "add_bf16x2", brains);
         }},
        {"language", "half2_mix", half2_mix},
        {"language", "bf16_dot", bf16_dot},
        {"language", "complex_power", complex_power},
        {"half_atomics", "atomic_halves", atomic_halves},
        {"mma_variants", "mma_e4m3", mma_e4m3}};
}

}  // namespace kw::emu::test
