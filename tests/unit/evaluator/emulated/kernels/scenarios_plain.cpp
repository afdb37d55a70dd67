// SPDX-License-Identifier: Apache-2.0
// Integers, words of a warp, atomics, shared memory, several launches.
#include "tests/unit/evaluator/emulated/kernels/scenarios.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace kw::emu::test {
namespace {

using Ints = std::vector<std::int32_t>;
using Words = std::vector<std::uint32_t>;

void block_scan(Device& device) {
    const Ints x = ints(100, -99, 99);
    must(
        device,
        "block_scan",
        shape(1, 128, 1024),
        {device.input("x", x), device.output<std::int32_t>("y", 100), value(100)});
    Ints want(100);
    std::inclusive_scan(x.begin(), x.end(), want.begin());
    equal(device, "y", want);
}

void warp_reduce(Device& device) {
    const std::vector<float> x = eighths(96);
    must(device, "warp_reduce", shape(3, 32), {device.input("x", x), device.output<float>("y", 3)});
    std::vector<float> want(3);
    for (std::size_t i = 0; i < x.size(); ++i) {
        want[i / 32] += x[i];
    }
    equal(device, "y", want);
}

void warp_scan(Device& device) {
    const Ints x = ints(32, -99, 99);
    must(
        device,
        "warp_scan",
        shape(1, 32),
        {device.input("x", x), device.output<std::int32_t>("y", 32)});
    Ints want(32);
    std::inclusive_scan(x.begin(), x.end(), want.begin());
    equal(device, "y", want);
}

void barrier_phases(Device& device) {
    const Ints x = ints(64, -99, 99);
    must(
        device,
        "barrier_phases",
        shape(1, 64),
        {device.input("x", x), device.output<std::int32_t>("y", 64)});
    Ints want;
    for (std::size_t i = 0; i < 64; ++i) {
        want.push_back(x[63 - (i ^ 1)] + 1);
    }
    equal(device, "y", want);
}

void many_cases(Device& device) {
    const Ints kind = ints(64, 0, 10);
    const Ints y = ints(72, 1, 20, 5);
    must(device, "many_cases", shape(1, 64), {device.input("kind", kind), device.in_out("y", y)});
    Ints want = y;
    for (std::size_t i = 0; i < 64; ++i) {
        const int v = static_cast<int>(i);
        const Ints results{
            v * 3 + 1,
            v ^ y[0],
            v - y[1] * 7,
            y[2] / (v + 1),
            ~v,
            static_cast<int>(static_cast<unsigned>(v) << y[3]),
            std::popcount(static_cast<unsigned>(v)),
            y[i % 8],
            -v,
            0,
            0};
        want[8 + i] = results[static_cast<std::size_t>(kind[i])];
    }
    equal(device, "y", want);
}

void transpose_f32(Device& device) {
    constexpr std::size_t rows = 37;
    constexpr std::size_t columns = 45;
    const std::vector<float> x = eighths(rows * columns);
    Launch launch = shape(2, 32);
    launch.grid[1] = 2;
    launch.block[1] = 8;
    must(
        device,
        "transpose_f32",
        launch,
        {device.input("x", x),
         device.output<float>("y", x.size()),
         value(int{rows}),
         value(int{columns})});
    std::vector<float> want(x.size());
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
            want[c * rows + r] = x[r * columns + c];
        }
    }
    equal(device, "y", want);
}

void transpose_bytes(Device& device) {
    const Words noisy = noise(4 * 20);
    std::vector<std::uint8_t> x(noisy.size() * 4);
    std::memcpy(x.data(), noisy.data(), x.size());
    must(
        device,
        "transpose_4x4_bytes",
        shape(1, 32),
        {device.input("x", x), device.output<std::uint8_t>("y", x.size()), value(20)});
    std::vector<std::uint8_t> want(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        want[i / 16 * 16 + i % 4 * 4 + i / 4 % 4] = x[i];
    }
    equal(device, "y", want);
}

void dp4a_gemv(Device& device) {
    constexpr std::size_t rows = 3;
    constexpr std::size_t words = 70;
    std::vector<std::int8_t> w;
    std::vector<std::int8_t> x;
    for (const int v : ints(rows * words * 4, -128, 127)) {
        w.push_back(static_cast<std::int8_t>(v));
    }
    for (const int v : ints(words * 4, -128, 127, 4)) {
        x.push_back(static_cast<std::int8_t>(v));
    }
    const std::vector<float> scale{0.5F, 2.0F, 0.25F};
    must(
        device,
        "dp4a_gemv",
        shape(rows, 64),
        {device.input("w", w),
         device.input("x", x),
         device.input("scale", scale),
         device.output<float>("y", rows),
         value(int{words})});
    std::vector<float> want;
    for (std::size_t r = 0; r < rows; ++r) {
        int sum = 0;
        for (std::size_t k = 0; k < words * 4; ++k) {
            sum += w[r * words * 4 + k] * x[k];
        }
        want.push_back(scale[r] * static_cast<float>(sum));
    }
    equal(device, "y", want);
}

void dp2a_mixed(Device& device) {
    const Ints a = ints(2 * 40, -32768, 32767);
    const std::vector<std::int16_t> pairs(a.begin(), a.end());
    const Words b = noise(40, 6);
    const Ints c = ints(40, -1000, 1000);
    must(
        device,
        "dp2a_mixed",
        shape(2, 32),
        {device.input("a", pairs),
         device.input("b", b),
         device.input("c", c),
         device.output<std::int32_t>("d", 40),
         value(40)});
    Ints want;
    for (std::size_t i = 0; i < 40; ++i) {
        int sum = c[i];
        for (std::size_t j = 0; j < 4; ++j) {
            // A negative x reaches into the half of y: the kernel joins them by "or".
            const int pair = pairs[2 * i] | pairs[2 * i + 1] * 65536;
            const int factor = j % 2 == 0 ? pairs[2 * i] : pair >> 16;
            sum += factor * static_cast<std::int8_t>(b[i] >> (8 * j));
        }
        want.push_back(sum);
    }
    equal(device, "d", want);
}

/// Two launches through a workspace.
void split_sum(Device& device) {
    const std::vector<float> v = eighths(1000);
    const std::vector<double> x(v.begin(), v.end());
    const Argument partial = device.in_out("partial", std::vector<double>(3 * 4, -1.0));
    must(device, "split_sum", shape(3, 128), {device.input("x", x), partial, value(1000)});
    must(device, "add_partial", shape(1, 1), {partial, device.output<double>("sum", 1), value(12)});
    equal(device, "sum", std::vector<double>{std::accumulate(x.begin(), x.end(), 0.0)});
}

void polynomial(Device& device) {
    const Ints x = ints(32, -50, 50);
    const std::vector<float> u = eighths(32);
    must(
        device,
        "polynomial",
        shape(1, 32),
        {device.input("x", x),
         device.output<std::int32_t>("y", 32),
         device.input("u", u),
         device.output<float>("v", 32)});
    Ints y;
    std::vector<float> v;
    for (std::size_t i = 0; i < 32; ++i) {
        y.push_back(7 - 3 * x[i] + 2 * x[i] * x[i] + x[i] * x[i] * x[i]);
        v.push_back(0.5F - 2 * u[i] + 4 * u[i] * u[i]);
    }
    equal(device, "y", y);
    equal(device, "v", v);
}

void max_of_all(Device& device) {
    const std::vector<float> x = eighths(300, 11);
    const Argument most = device.in_out("most", std::vector<float>{0.125F});
    must(device, "max_of_all", shape(2, 64), {device.input("x", x), most, value(300)});
    equal(device, "most", std::vector<float>{*std::ranges::max_element(x)});
}

void atomic_kinds(Device& device) {
    const Ints x = ints(2 * 96, -30000, 30000);
    must(
        device,
        "atomic_kinds",
        shape(2, 96),
        {device.input("x", x),
         device.in_out("wide", std::vector<std::uint64_t>{5}),
         device.in_out("out", Ints{0, 0, -40000, 1 << 30, 0, 0})});
    std::uint64_t wide = 5;
    Ints out{0, 0, -40000, 1 << 30, 0, 77};
    for (const int v : x) {
        wide += static_cast<std::uint64_t>(static_cast<std::int64_t>(v)) << 20;
        out[0] ^= v;
        out[1] |= static_cast<int>(1U << (static_cast<unsigned>(v) & 31));
        out[2] = std::max(out[2], v);
        out[3] = std::min(out[3], v);
    }
    out[4] = 2 * (96 % 10);  // each block's ring goes 0 to 9
    equal(device, "wide", std::vector<std::uint64_t>{wide});
    equal(device, "out", out);
}

void int4_unpack(Device& device) {
    const Words q = noise(50);
    must(
        device,
        "int4_unpack",
        shape(2, 32),
        {device.input("q", q), device.output<std::int8_t>("y", 400), value(50)});
    std::vector<std::int8_t> want;
    for (const std::uint32_t word : q) {
        for (unsigned j = 0; j < 8; ++j) {
            const int nibble = static_cast<int>(word >> (4 * j) & 15);
            want.push_back(static_cast<std::int8_t>(nibble > 7 ? nibble - 16 : nibble));
        }
    }
    equal(device, "y", want);
}

void shared_of_two_types(Device& device) {
    const Ints v = ints(64, -32768, 32767);
    const std::vector<std::int16_t> x(v.begin(), v.end());
    must(
        device,
        "shared_of_two_types",
        shape(1, 64, 64 * 10),
        {device.input("x", x), device.output<std::int64_t>("y", 64), value(50)});
    std::vector<std::int64_t> want(64);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < 64; ++i) {
        sum += i < 50 ? std::int64_t{x[i]} * x[i] : 0;
        want[63 - i] = sum;
    }
    equal(device, "y", want);
}

void collatz(Device& device) {
    Words x(64);
    std::iota(x.begin(), x.end(), 1U);
    must(
        device,
        "collatz",
        shape(1, 64),
        {device.input("x", x), device.output<std::int32_t>("steps", 64)});
    Ints want;
    for (std::uint64_t v : x) {
        int count = 0;
        for (; v > 1; ++count) {
            v = v % 2 == 0 ? v / 2 : 3 * v + 1;
        }
        want.push_back(count);
    }
    equal(device, "steps", want);
}

void sieve(Device& device) {
    constexpr std::size_t n = 500;
    must(
        device,
        "sieve",
        shape(1, 64, 64),
        {device.output<std::uint8_t>("prime", n), value(int{n})});
    std::vector<std::uint8_t> want(n, 1);
    for (std::size_t i = 0; i < n; ++i) {
        bool prime = i > 1;
        for (std::size_t d = 2; d * d <= i; ++d) {
            prime = prime && i % d != 0;
        }
        want[i] = prime ? 1 : 0;
    }
    equal(device, "prime", want);
}

void read_globals(Device& device) {
    must(device, "read_globals", shape(1, 1), {device.output<double>("y", 5), value(1)});
    const double ones = 18446744073709551615.0;
    equal(
        device,
        "y",
        std::vector<double>{1 + 'b' + 7.0, 0, 1 + 2.0, 1.0, ones + 4000000000.0 - 3 + 7});
}

void transpose_stmatrix(Device& device) {
    const Words x = noise(32);
    must(
        device,
        "transpose_stmatrix",
        shape(1, 32),
        {device.input("x", x), device.output<std::uint32_t>("y", 32)});
    std::vector<std::uint16_t> tile(64);
    std::memcpy(tile.data(), x.data(), 128);
    std::vector<std::uint16_t> want(64);
    for (std::size_t i = 0; i < 64; ++i) {
        want[i % 8 * 8 + i / 8] = tile[i];
    }
    Words words(32);
    std::memcpy(words.data(), want.data(), 128);
    equal(device, "y", words);
}

void top2(Device& device) {
    Ints order(8);
    std::vector<float> logits;
    Ints experts;
    std::vector<double> weights;
    for (std::uint32_t token = 0; token < 20; ++token) {
        std::iota(order.begin(), order.end(), 0);
        std::ranges::sort(
            order, {}, [&](int e) { return (static_cast<unsigned>(e) + token) * 2654435761U; });
        std::vector<float> row(8);
        for (std::size_t i = 0; i < 8; ++i) {
            row[static_cast<std::size_t>(order[i])] = static_cast<float>(i) / 4;
        }
        logits.insert(logits.end(), row.begin(), row.end());
        experts.insert(experts.end(), {order[7], order[6]});
        const double share = 1 / (1 + std::exp(-0.25));
        weights.insert(weights.end(), {share, 1 - share});
    }
    must(
        device,
        "top2",
        shape(1, 32),
        {device.input("logits", logits),
         device.output<std::int32_t>("experts", 40),
         device.output<float>("weights", 40),
         value(20)});
    equal(device, "experts", experts);
    near(doubles(device.read<float>("weights")), weights, 1e-6);
}

}  // namespace

std::vector<Scenario> plain_scenarios() {
    return {
        {"block_scan", "block_scan", block_scan},
        {"warp_primitives", "warp_reduce", warp_reduce},
        {"warp_primitives", "warp_scan", warp_scan},
        {"pipeline", "barrier_phases", barrier_phases},
        {"integers", "many_cases", many_cases},
        {"transpose", "transpose_f32", transpose_f32},
        {"transpose", "transpose_4x4_bytes", transpose_bytes},
        {"dp4a_gemv", "dp4a_gemv", dp4a_gemv},
        {"dp4a_gemv", "dp2a_mixed", dp2a_mixed},
        {"language", "add_partial", split_sum},
        {"language", "polynomial", polynomial},
        {"language", "max_of_all", max_of_all},
        {"language", "atomic_kinds", atomic_kinds},
        {"language", "int4_unpack", int4_unpack},
        {"language", "shared_of_two_types", shared_of_two_types},
        {"language", "collatz", collatz},
        {"language", "sieve", sieve},
        {"globals", "read_globals", read_globals},
        {"matrix_moves", "transpose_stmatrix", transpose_stmatrix},
        {"moe_route", "top2", top2}};
}

}  // namespace kw::emu::test
