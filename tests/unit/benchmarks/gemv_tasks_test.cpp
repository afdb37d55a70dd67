// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.hpp"
#include "tests/unit/benchmarks/joined_sources.hpp"
#include "tests/unit/benchmarks/task_bench.hpp"

using namespace kw::test;

TEST_CASE("w4a16_gemv: the seed is right at points that use every parameter value") {
    require_seed_points_right(TaskBench("w4a16_gemv"));
}

TEST_CASE("w4a16_gemv: planted faults are rejected") {
    require_faults_rejected(
        TaskBench("w4a16_gemv"),
        "baselines/naive.cpp",
        {
            {"nibbles swapped",
             "(k % 2 == 0) ? byte & 15 : byte >> 4",
             "(k % 2 != 0) ? byte & 15 : byte >> 4",
             "nibble order"},
            {"split order of nibbles",
             "const uint8_t byte = w[n * (K / 2) + k / 2];\n            const int code = (k % 2 == "
             "0)",
             "const uint8_t byte = w[n * (K / 2) + k / 32 * 16 + k % 16];\n"
             "            const int code = (k % 32 < 16)"},
            {"offset omitted", "(code - 8)", "(code)", "zero point"},
            {"offset 7", "(code - 8)", "(code - 7)"},
            {"scale of the next group",
             "n * (K / 128) + k / 128",
             "n * (K / 128) + (k / 128 + 1) % (K / 128)",
             "scale index"},
            {"scale of the next row", "s[n * (K / 128)", "s[(n + 1) % N * (K / 128)"},
            {"scale rounded to bf16",
             "const float scale = _cvtsh_ss(s[n * (K / 128) + k / 128]);",
             "float scale = _cvtsh_ss(s[n * (K / 128) + k / 128]);\n"
             "uint32_t bits; __builtin_memcpy(&bits, &scale, 4);\n"
             "bits = (bits + 0x7fffu + (bits >> 16 & 1)) & 0xffff0000u;\n"
             "__builtin_memcpy(&scale, &bits, 4);",
             "bf16 scale"},
            {"last element dropped", "k < K;", "k < K - 1;"},
            {"last group dropped", "k < K;", "k < (K == 128 ? K : K - 128);", "last K block"},
            {"last row unwritten", "n < N;", "n < N - 1;", "ragged edge"},
            {"sums in half precision",
             "sum += static_cast<float>(code - 8) * scale * _cvtsh_ss(x[k]);",
             "sum = _cvtsh_ss(_cvtss_sh("
             "sum + static_cast<float>(code - 8) * scale * _cvtsh_ss(x[k]), 0));",
             "half sums"},
            {"subnormals of x flushed",
             "* _cvtsh_ss(x[k])",
             "* ((x[k] & 0x7c00) ? _cvtsh_ss(x[k]) : 0.0f)"},
            {"output truncated to bf16 precision",
             "y[n] = _cvtss_sh(sum, 0);",
             "y[n] = _cvtss_sh(sum, 0) & 0xfff8;"},
            {"zeros only", "y[n] = _cvtss_sh(sum, 0);", "y[n] = 0;"},
            {"outlier columns ignored",
             "* _cvtsh_ss(x[k])",
             "* (__builtin_fabsf(_cvtsh_ss(x[k])) > 6 ? 0.0f : _cvtsh_ss(x[k]))",
             "outliers"},
        },
        {{"bias", "the task adds nothing"},
         {"NaN scrubbed", "no case has a NaN: every input is finite"}});
}

TEST_CASE("q4_0_gemv: the seed is right at points that use every parameter value") {
    require_seed_points_right(TaskBench("q4_0_gemv"));
}

TEST_CASE("q4_0_gemv: planted faults are rejected") {
    const std::string low = "dot += ((wb[2 + j] & 15) - 8) * c[j];";
    const std::string high = "dot += ((wb[2 + j] >> 4) - 8) * c[j + 16];";
    require_faults_rejected(
        TaskBench("q4_0_gemv"),
        "baselines/naive.cpp",
        {
            {"linear order of nibbles: low", "* c[j];", "* c[2 * j];"},
            {"linear order of nibbles: high", "* c[j + 16];", "* c[2 * j + 1];"},
            {"nibbles swapped",
             low + "\n                " + high,
             "dot += ((wb[2 + j] >> 4) - 8) * c[j];\n"
             "dot += ((wb[2 + j] & 15) - 8) * c[j + 16];",
             "nibble order"},
            {"offset omitted for low nibbles",
             low,
             "dot += (wb[2 + j] & 15) * c[j];",
             "zero point"},
            {"offset omitted for high nibbles", high, "dot += (wb[2 + j] >> 4) * c[j + 16];"},
            {"scale of the next block",
             "half_at(wb)",
             "half_at(b + 1 < blocks ? wb + 18 : wb)",
             "scale index"},
            {"scale of x of the first block", "half_at(xb)", "half_at(x)"},
            {"sign of the scale lost", "* half_at(wb) *", "* __builtin_fabsf(half_at(wb)) *"},
            {"last block dropped",
             "b < blocks;",
             "b < (blocks > 1 ? blocks - 1 : 1);",
             "last K block"},
            {"last row unwritten", "n < N;", "n < N - 1;", "ragged edge"},
            {"activations read as unsigned",
             "const int8_t* c = reinterpret_cast<const int8_t*>",
             "const uint8_t* c = reinterpret_cast<const uint8_t*>"},
            {"sums in half precision",
             "sum += static_cast<float>(dot) * half_at(wb) * half_at(xb);",
             "sum = _cvtsh_ss(_cvtss_sh("
             "sum + static_cast<float>(dot) * half_at(wb) * half_at(xb), 0));",
             "half sums"},
            {"product of scales in half precision",
             "half_at(wb) * half_at(xb)",
             "_cvtsh_ss(_cvtss_sh(half_at(wb) * half_at(xb), 0))"},
            {"subnormal scales flushed",
             "return _cvtsh_ss(h);",
             "return (h & 0x7c00) ? _cvtsh_ss(h) : 0.0f;"},
            {"blocks with outliers ignored",
             "* half_at(xb)",
             "* (half_at(xb) > 1 ? 0.0f : half_at(xb))",
             "outliers"},
            {"scale rounded to bf16",
             "return _cvtsh_ss(h);",
             "const float f = _cvtsh_ss(h);\nuint32_t bits;\nmemcpy(&bits, &f, 4);\nbits = (bits + "
             "0x7fffu + (bits >> 16 & 1)) & 0xffff0000u;\nfloat g;\nmemcpy(&g, &bits, 4);\nreturn "
             "g;",
             "bf16 scale"},
        },
        {{"bias", "the task adds nothing"},
         {"NaN scrubbed", "no case has a NaN: every input is finite"}});
}
