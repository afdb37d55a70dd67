// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.hpp"
#include "tests/unit/benchmarks/joined_sources.hpp"
#include "tests/unit/benchmarks/task_bench.hpp"

using namespace kw::test;

TEST_CASE("w8a8_gemm: baselines agree with the reference") {
    require_baselines_right(TaskBench("w8a8_gemm"));
}

TEST_CASE("w8a8_gemm: the seed is right at points that use every parameter value") {
    require_seed_points_right(TaskBench("w8a8_gemm"));
}

TEST_CASE("w8a8_gemm: the projection agrees with the reference and finds a wrong element") {
    const TaskBench bench("w8a8_gemm");
    require_projection_right(bench, {{"M", 5}, {"N", 67}, {"K", 272}}, "");
    require_projection_right(bench, {{"M", 1}, {"N", 19}, {"K", 4096}}, "extreme");
}

TEST_CASE("w8a8_gemm: planted faults are rejected") {
    const std::string product = "sum += x[m * K + k] * w[n * K + k];";
    require_faults_rejected(
        TaskBench("w8a8_gemm"),
        "baselines/naive.cpp",
        {
            {"pairs saturate as maddubs does",
             product,
             "int pair = (x[m * K + k] + 128) * w[n * K + k]"
             " + (x[m * K + k + 1] + 128) * w[n * K + k + 1];\n"
             "pair = pair > 32767 ? 32767 : pair < -32768 ? -32768 : pair;\n"
             "sum += pair - 128 * (w[n * K + k] + w[n * K + k + 1]); ++k;"},
            {"-128 of x read as -127",
             product,
             "sum += (x[m * K + k] == -128 ? -127 : x[m * K + k]) * w[n * K + k];"},
            {"-128 of both negated in 8 bits",
             product,
             "sum += static_cast<int8_t>(x[m * K + k] < 0 ? -x[m * K + k] : x[m * K + k])"
             " * static_cast<int8_t>(x[m * K + k] < 0 ? -w[n * K + k] : w[n * K + k]);"},
            {"x read as unsigned",
             product,
             "sum += static_cast<uint8_t>(x[m * K + k]) * w[n * K + k];"},
            {"weights transposed", "w[n * K + k]", "w[(n * K + k) % N * K + (n * K + k) / N]"},
            {"last block of k dropped", "k < K;", "k < (K == 16 ? K : K - 16);", "last K block"},
            {"last element of k dropped", "k < K;", "k < K - 1;"},
            {"last column unwritten", "n < N;", "n < N - 1;", "ragged edge"},
            {"last row unwritten", "m < M;", "m < M - 1;"},
            {"sum off by one", "static_cast<float>(sum)", "static_cast<float>(sum + 1)"},
            {"sum rounded to a multiple of 32",
             "static_cast<float>(sum)",
             "static_cast<float>(sum & ~31)"},
            {"row scale of row 0", "sx[m]", "sx[0]"},
            {"column scale of the next column", "sw[n]", "sw[(n + 1) % N]", "scale index"},
            {"column scale skipped", " * sw[n]", ""},
            {"scales rounded to bf16 precision",
             "sx[m] * sw[n]",
             "sx[m] * (sw[n] * (1.0f + 0x1p-9f))",
             "bf16 scale"},
            {"outlier columns ignored",
             "sum += x[m * K + k] *",
             "sum += (x[m * K + k] > 60 || x[m * K + k] < -60 ? 0 : x[m * K + k]) *",
             "outliers"},
            {"sums in half precision",
             "sum += x[m * K + k] * w[n * K + k];",
             "sum = "
             "static_cast<int32_t>(static_cast<float>(static_cast<_Float16>(static_cast<float>(sum "
             "+ x[m * K + k] * w[n * K + k]))));",
             "half sums"},
        },
        {{"bias", "the task adds nothing"},
         {"NaN scrubbed", "no case has a NaN: every input is finite"},
         {"nibble order", "its elements are whole bytes"},
         {"zero point", "both operands are symmetric"}});
}

TEST_CASE("w2a8_gemm: baselines agree with the reference") {
    require_baselines_right(TaskBench("w2a8_gemm"));
}

TEST_CASE("w2a8_gemm: the seed is right at points that use every parameter value") {
    require_seed_points_right(TaskBench("w2a8_gemm"));
}

TEST_CASE("w2a8_gemm: the projection agrees with the reference and finds a wrong element") {
    const TaskBench bench("w2a8_gemm");
    require_projection_right(bench, {{"M", 5}, {"N", 67}, {"K", 384}}, "bytes");
    require_projection_right(bench, {{"M", 1}, {"N", 19}, {"K", 4096}}, "extreme");
}

TEST_CASE("w2a8_gemm: planted faults are rejected") {
    const std::string low = "const uint32_t low = w[n * words + k / 32] >> (31 - k % 32) & 1;";
    const std::string top =
        "const uint32_t top = w[(N + n) * words + k / 32] >> (31 - k % 32) & 1;";
    require_faults_rejected(
        TaskBench("w2a8_gemm"),
        "baselines/naive.cpp",
        {
            {"low plane read LSB first",
             low,
             "const uint32_t low = w[n * words + k / 32] >> (k % 32) & 1;",
             "nibble order"},
            {"top plane read LSB first",
             top,
             "const uint32_t top = w[(N + n) * words + k / 32] >> (k % 32) & 1;"},
            {"planes swapped",
             "static_cast<int32_t>(low) - 2 * static_cast<int32_t>(top)",
             "static_cast<int32_t>(top) - 2 * static_cast<int32_t>(low)"},
            {"planes interleaved by row", "w[(N + n) * words", "w[(n + 1) % (2 * N) * words"},
            {"unsigned weights", "- 2 * static_cast", "+ 2 * static_cast"},
            {"offset form without the correction",
             "static_cast<int32_t>(low) - 2 *",
             "2 + static_cast<int32_t>(low) - 2 *",
             "zero point"},
            {"bytes of a word reversed",
             "w[n * words + k / 32] >> (31 - k % 32)",
             "__builtin_bswap32(w[n * words + k / 32]) >> (31 - k % 32)"},
            {"last word dropped", "k < K;", "k < K - 32;", "last K block"},
            {"last column unwritten", "n < N;", "n < N - 1;", "ragged edge"},
            {"last row unwritten", "m < M;", "m < M - 1;"},
            {"-128 of x read as -127",
             "sum += x[m * K + k] *",
             "sum += (x[m * K + k] == -128 ? -127 : x[m * K + k]) *"},
            {"16-bit sums", "y[m * N + n] = sum;", "y[m * N + n] = static_cast<int16_t>(sum);"},
            {"outlier columns ignored",
             "sum += x[m * K + k] *",
             "sum += (x[m * K + k] > 60 || x[m * K + k] < -60 ? 0 : x[m * K + k]) *",
             "outliers"},
            {"sums in half precision",
             "y[m * N + n] = sum;",
             "y[m * N + n] = "
             "static_cast<int32_t>(static_cast<float>(static_cast<_Float16>(static_cast<float>(sum)"
             ")));",
             "half sums"},
        },
        {{"bias", "the task adds nothing"},
         {"NaN scrubbed", "integers have no NaN"},
         {"scale index", "the task has no scales"},
         {"bf16 scale", "the task has no scales"}});
}
