// SPDX-License-Identifier: Apache-2.0
// The CUDA sources of the eight tasks are right on the emulated device, with every check on, and
// the same way finds faults planted into them.
#include "tests/integration/cuda_tasks/cuda_bench.hpp"

using namespace kw;
using namespace kw::test;

namespace {

const Fault k_past_the_end = {"a row past the end", "(n >= N)", "(n > N)"};

/// Both sources, and the faults of the naive one and of the seed.
void require_sources_right(
    const std::string& task,
    const std::vector<Fault>& naive_faults,
    const std::vector<Fault>& seed_faults) {
    KW_WORKSHOP_OR_SKIP(shop);
    CudaBench bench(*shop, task);
    require_naive_right(bench);
    require_cuda_seed_right(bench);
    require_cuda_rejected(bench, "cuda/naive.cu", naive_faults);
    require_cuda_rejected(bench, "cuda/seed.cu", seed_faults);
}

}  // namespace

TEST_CASE("cuda tasks: w4a16_gemv is right and its faults are found") {
    require_sources_right(
        "w4a16_gemv",
        {k_past_the_end, {"swapped nibbles", "k % 2 == 0 ?", "k % 2 == 1 ?"}},
        {{"rows behind the last are read", "min(warp * ROWS + r, N - 1)", "(warp * ROWS + r)"},
         {"the scale of another group", "[r][at / 64]", "[r][0]"},
         {"a lane is left out", "int step = 16", "int step = 8"}});
}

TEST_CASE("cuda tasks: q4_0_gemv is right and its faults are found") {
    require_sources_right(
        "q4_0_gemv",
        {k_past_the_end, {"linear order", "values[j + 16]", "values[j]"}},
        {{"rows behind the last are read", "min(n0 + r, N - 1)", "(n0 + r)"},
         {"no offset", "int sum = x.offset", "int sum = 0"}});
}

TEST_CASE("cuda tasks: w2a8_gemm is right and its faults are found") {
    require_sources_right(
        "w2a8_gemm",
        {k_past_the_end, {"the first bit is the lowest", "31 - k % 32", "k % 32"}},
        {{"rows behind the last are read", "min(n0 + r, N - 1)", "(n0 + r)"},
         {"the top plane is positive", "* 0xfeu", "* 2u"}});
}

TEST_CASE("cuda tasks: w8a8_gemm is right and its faults are found") {
    require_sources_right(
        "w8a8_gemm",
        {k_past_the_end, {"the scale of another token", "sx[m]", "sx[0]"}},
        {{"rows behind the last are read", "min(n0 + r, N - 1)", "(n0 + r)"},
         {"four products are left out", "__dp4a(a.z, b.z, sum)", "sum"}});
}

TEST_CASE("cuda tasks: nf4_codec is right and its faults are found") {
    require_sources_right(
        "nf4_codec",
        {{"a block past the end", "(b >= blocks)", "(b > blocks)"},
         {"a NaN keeps its sign", "? 0x7fc0 :", "? rounded :"}},
        {{"a lane's maximum is not shared", "int step = LANES / 2", "int step = LANES / 4"},
         {"not strictly above", "v > thresholds[i]", "v > thresholds[i] * 1.001f"}});
}

TEST_CASE("cuda tasks: mxfp4_nvfp4_codec is right and its faults are found") {
    require_sources_right(
        "mxfp4_nvfp4_codec",
        {{"a block past the end", "(b >= blocks)", "(b > blocks)"},
         {"a tie goes down", "a >= 1.75f", "a > 1.75f"}},
        {{"a product with the reciprocal",
          "Divide ? __fdiv_rn(a, step)",
          "Divide ? __fmul_rn(a, __frcp_rn(step))"},
         {"0x00 is zero", "? 0x00400000u :", "? 0u :"}});
}

TEST_CASE("cuda tasks: rmsnorm_quant is right and its faults are found") {
    require_sources_right(
        "rmsnorm_quant",
        {{"no barrier between the passes",
          "    __syncthreads();\n    for (int step",
          "    for (int step"},
         {"cut off instead of rounded", "__float2int_rn(t)", "__float2int_rz(t)"}},
        {{"no barrier behind the warps' facts", "    __syncthreads();\n", ""},
         {"a poisoned row is quantised", ">= 0x5d80u", ">= 0x7f80u"}});
}

TEST_CASE("cuda tasks: int4_kv_attention is right and its faults are found") {
    require_sources_right(
        "int4_kv_attention",
        {{"a token past the end", "(t >= L)", "(t > L)"},
         {"no maximum", "expf(s[t] - largest)", "expf(s[t])"}},
        {{"no barrier between scores and weights",
          "part_sum + at, spans);\n    __syncthreads();\n",
          "part_sum + at, spans);\n"},
         {"spans are added without weights", "expf(span.largest - largest)", "1.0f"}});
}
