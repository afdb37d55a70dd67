// SPDX-License-Identifier: Apache-2.0
// The references against packers written from the formats' definitions: a reference that misreads
// its layout would agree with a baseline that misreads it the same way.
#include "evaluator/formats/bitplane.hpp"
#include "evaluator/formats/ggml.hpp"
#include "evaluator/formats/minifloat.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/benchmarks/task_bench.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>

using namespace kw::formats;
using namespace kw::test;

namespace {

void call_reference(const TaskBench& bench, std::vector<void*> pointers) {
    entry_of(bench.reference(), "kw_reference")(pointers.data());
}

}  // namespace

TEST_CASE("ggml blocks: quantised values are within half a step and zero blocks stay zero") {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (int round = 0; round < 200; ++round) {
        std::array<float, 32> x{};
        float most = 0;
        for (float& v : x) {
            v = round == 0 ? 0.0F : normal(random);
            most = std::max(most, std::fabs(v));
        }
        const auto four = from_q4_0(to_q4_0(x));
        const auto eight = from_q8_0(to_q8_0(x));
        for (std::size_t j = 0; j < 32; ++j) {
            // Q4_0 has no +8: the opposite extreme may be off by a whole step.
            CHECK(std::fabs(four[j] - x[j]) <= most / 8 * 1.01F);
            CHECK(std::fabs(eight[j] - x[j]) <= most / 254 * 1.15F);
        }
    }
}

TEST_CASE("ggml blocks: the extreme element takes code 0 and the order of nibbles is split") {
    std::array<float, 32> x{};
    x[3] = 4.0F;
    x[19] = -2.0F;
    const Q4_0 block = to_q4_0(x);
    CHECK(from_q4_0(block)[3] == 4.0F);
    CHECK(from_q4_0(block)[19] == -2.0F);
    CHECK((block[2 + 3] & 15) == 0);
    CHECK((block[2 + 3] >> 4) == 12);
    CHECK((block[2 + 4] & 15) == 8);
}

TEST_CASE("q4_0_gemv: the reference reads back what the quantiser stored") {
    const TaskBench bench("q4_0_gemv");
    const std::int64_t dims[] = {1, 64};
    std::mt19937 random(11);
    std::normal_distribution<float> normal;
    std::array<float, 32> values[2];
    std::vector<std::uint8_t> w;
    for (auto& block : values) {
        for (float& v : block) {
            v = normal(random);
        }
        const Q4_0 packed = to_q4_0(block);
        w.insert(w.end(), packed.begin(), packed.end());
        block = from_q4_0(packed);
    }
    for (std::size_t k = 0; k < 64; ++k) {
        std::array<float, 32> x[2]{};
        x[k / 32][k % 32] = -1.0F;
        std::vector<std::uint8_t> activations;
        for (const auto& block : x) {
            const Q8_0 packed = to_q8_0(block);
            activations.insert(activations.end(), packed.begin(), packed.end());
        }
        const double one = from_q8_0(to_q8_0(x[k / 32]))[k % 32];
        double y = 0;
        double mag = 0;
        call_reference(
            bench, {w.data(), activations.data(), &y, &mag, const_cast<std::int64_t*>(dims)});
        const double want = one * static_cast<double>(values[k / 32][k % 32]);
        CHECK(std::fabs(y - want) <= 1e-6 * std::fabs(want));
        CHECK(mag == std::fabs(y));
    }
}

TEST_CASE("w2a8_gemm: the reference multiplies what the packer stored") {
    const TaskBench bench("w2a8_gemm");
    const std::int64_t M = 2;
    const std::int64_t N = 3;
    const std::int64_t K = 256;
    const std::int64_t dims[] = {M, N, K};
    std::mt19937 random(13);
    std::vector<std::int8_t> w(N * K);
    std::vector<std::int8_t> x(M * K);
    for (auto& v : w) {
        v = static_cast<std::int8_t>(static_cast<int>(random() % 4) - 2);
    }
    for (auto& v : x) {
        v = static_cast<std::int8_t>(static_cast<int>(random() % 256) - 128);
    }
    auto planes = to_bit_planes(w, K, 2);
    for (std::size_t i = 0; i < w.size(); ++i) {
        REQUIRE(from_bit_planes(planes, 2, i) == w[i]);
    }
    std::vector<std::int32_t> y(M * N);
    call_reference(bench, {x.data(), planes.data(), y.data(), const_cast<std::int64_t*>(dims)});
    for (std::int64_t m = 0; m < M; ++m) {
        for (std::int64_t n = 0; n < N; ++n) {
            int want = 0;
            for (std::int64_t k = 0; k < K; ++k) {
                want +=
                    x[static_cast<std::size_t>(m * K + k)] * w[static_cast<std::size_t>(n * K + k)];
            }
            CHECK(y[static_cast<std::size_t>(m * N + n)] == want);
        }
    }
}

TEST_CASE("bit planes: the first element is the top bit and the last plane is negative") {
    std::vector<std::int8_t> values(64, 0);
    values[0] = -2;
    values[33] = 1;
    const auto planes = to_bit_planes(values, 64, 2);
    REQUIRE(planes.size() == 4);
    CHECK(planes[0] == 0);
    CHECK(planes[1] == 0x40000000U);
    CHECK(planes[2] == 0x80000000U);
    CHECK(planes[3] == 0);
}

TEST_CASE("w4a16_gemv: a one-hot activation reads back the code of its element") {
    const TaskBench bench("w4a16_gemv");
    const std::int64_t dims[] = {1, 256};
    std::vector<std::uint8_t> w(128);
    for (std::size_t j = 0; j < w.size(); ++j) {
        w[j] = static_cast<std::uint8_t>(j * 37 + 11);
    }
    const std::uint16_t scales[] = {f32_to_f16(0.5F), f32_to_f16(-2.0F)};
    for (std::size_t k = 0; k < 256; ++k) {
        std::vector<std::uint16_t> x(256, 0);
        x[k] = f32_to_f16(3.0F);
        double y = 0;
        double mag = 0;
        call_reference(
            bench,
            {w.data(),
             const_cast<std::uint16_t*>(scales),
             x.data(),
             &y,
             &mag,
             const_cast<std::int64_t*>(dims)});
        const int code = k % 2 == 0 ? w[k / 2] & 15 : w[k / 2] >> 4;
        CHECK(y == 3.0 * (code - 8) * (k < 128 ? 0.5 : -2.0));
        CHECK(mag == std::fabs(y));
    }
}

TEST_CASE("w4a16_gemv: the reference decodes every finite half exactly") {
    const TaskBench bench("w4a16_gemv");
    const std::int64_t dims[] = {1, 128};
    std::vector<std::uint8_t> w(64, 0x88);
    w[0] = 0x89;  // element 0: code 9, value 1
    const std::uint16_t one = f32_to_f16(1.0F);
    for (std::uint32_t bits = 0; bits < 65536; ++bits) {
        if ((bits & 0x7c00) == 0x7c00) {
            continue;
        }
        std::vector<std::uint16_t> x(128, 0);
        x[0] = static_cast<std::uint16_t>(bits);
        double y = 0;
        double mag = 0;
        call_reference(
            bench,
            {w.data(),
             const_cast<std::uint16_t*>(&one),
             x.data(),
             &y,
             &mag,
             const_cast<std::int64_t*>(dims)});
        if (y != static_cast<double>(f16_to_f32(x[0]))) {
            FAIL("bits " << bits << ": " << y);
        }
    }
}
