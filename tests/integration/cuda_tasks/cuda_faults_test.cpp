// SPDX-License-Identifier: Apache-2.0
// The faults that a checker of low-precision kernels must find, planted into the CUDA baselines:
// the cases of the emulated device find every one that a task can have.
#include "tests/integration/cuda_tasks/cuda_bench.hpp"
#include "tests/unit/benchmarks/suite_faults.hpp"

using namespace kw;
using namespace kw::test;

namespace {

const Fault k_last_row = {"last row unwritten", "(n >= N)", "(n >= N - 1)", "ragged edge"};
const std::string k_adds_nothing = "the task adds nothing";
const std::string k_finite = "no case has a NaN: every input is finite";

/// A float rounded to bf16, and to the eleven bits of half precision, in its exponent range.
std::string to_bf16(const std::string& x) {
    return "__uint_as_float((__float_as_uint(" + x + ") + 0x8000u) & 0xffff0000u)";
}
std::string to_half(const std::string& x) {
    return "__uint_as_float((__float_as_uint(" + x + ") + 0x1000u) & 0xffffe000u)";
}

void require_suite_found(
    const std::string& task, const std::vector<Fault>& faults, const Reasons& not_expressed) {
    KW_WORKSHOP_OR_SKIP(shop);
    CudaBench bench(*shop, task);
    require_suite_faults_covered(bench.tasks().task(), faults, not_expressed);
    require_naive_faults_rejected(bench, faults);
}

}  // namespace

TEST_CASE("cuda tasks: the cases of w4a16_gemv find every fault of the suite") {
    const std::string scale = "__half2float(s[n * (K / 128) + k / 128])";
    const std::string product = "static_cast<float>(code - 8) * scale * __half2float(x[k])";
    require_suite_found(
        "w4a16_gemv",
        {k_last_row,
         {"nibbles swapped", "k % 2 == 0 ?", "k % 2 == 1 ?", "nibble order"},
         {"scale of the next group",
          "n * (K / 128) + k / 128",
          "n * (K / 128) + (k / 128 + 1) % (K / 128)",
          "scale index"},
         {"last group dropped", "k < K;", "k < (K == 128 ? K : K - 128);", "last K block"},
         {"sums in half precision",
          "sum += " + product,
          "sum = " + to_half("sum + " + product),
          "half sums"},
         {"outlier columns ignored",
          "* __half2float(x[k])",
          "* (fabsf(__half2float(x[k])) > 6.0f ? 0.0f : __half2float(x[k]))",
          "outliers"},
         {"offset omitted", "(code - 8)", "(code)", "zero point"},
         {"scale rounded to bf16", scale, to_bf16(scale), "bf16 scale"}},
        {{"bias", k_adds_nothing}, {"NaN scrubbed", k_finite}});
}

TEST_CASE("cuda tasks: the cases of q4_0_gemv find every fault of the suite") {
    const std::string scale = "__half2float(*reinterpret_cast<const __half*>(block))";
    const std::string term = "scale_of(from) * scale_of(with) * static_cast<float>(sum)";
    require_suite_found(
        "q4_0_gemv",
        {k_last_row,
         {"nibbles swapped",
          "((code & 15) - 8) * values[j] + ((code >> 4) - 8) * values[j + 16]",
          "((code >> 4) - 8) * values[j] + ((code & 15) - 8) * values[j + 16]",
          "nibble order"},
         {"scale of the next block",
          "total += scale_of(from)",
          "total += scale_of(b + 1 < blocks ? from + 18 : from)",
          "scale index"},
         {"last block dropped",
          "b < blocks;",
          "b < (blocks > 1 ? blocks - 1 : 1);",
          "last K block"},
         {"sums in half precision",
          "total += " + term,
          "total = " + to_half("total + " + term),
          "half sums"},
         {"blocks with outliers ignored",
          "* scale_of(with)",
          "* (scale_of(with) > 1.0f ? 0.0f : scale_of(with))",
          "outliers"},
         {"offset omitted", "((code & 15) - 8)", "(code & 15)", "zero point"},
         {"scales rounded to bf16", scale, to_bf16(scale), "bf16 scale"}},
        {{"bias", k_adds_nothing}, {"NaN scrubbed", k_finite}});
}

TEST_CASE("cuda tasks: the cases of w2a8_gemm find every fault of the suite") {
    const std::string x = "static_cast<int>(x[m * K + k])";
    require_suite_found(
        "w2a8_gemm",
        {k_last_row,
         {"the first bit is the lowest", "31 - k % 32", "k % 32", "nibble order"},
         {"last word dropped", "k < K;", "k < K - 32;", "last K block"},
         {"sums in half precision",
          "y[m * N + n] = sum;",
          "y[m * N + n] = static_cast<int32_t>(" + to_half("static_cast<float>(sum)") + ");",
          "half sums"},
         {"outlier columns ignored",
          x,
          "(" + x + " > 60 || " + x + " < -60 ? 0 : " + x + ")",
          "outliers"},
         {"offset form without the correction",
          "(low - 2 * top)",
          "(2 + low - 2 * top)",
          "zero point"}},
        {{"bias", k_adds_nothing},
         {"NaN scrubbed", "integers have no NaN"},
         {"scale index", "the task has no scales"},
         {"bf16 scale", "the task has no scales"}});
}

TEST_CASE("cuda tasks: the cases of w8a8_gemm find every fault of the suite") {
    const std::string x = "static_cast<int>(x[m * K + k])";
    require_suite_found(
        "w8a8_gemm",
        {k_last_row,
         {"column scale of the next column", "sw[n]", "sw[(n + 1) % N]", "scale index"},
         {"last block of k dropped", "k < K;", "k < (K == 16 ? K : K - 16);", "last K block"},
         {"sums in half precision",
          "static_cast<float>(sum)",
          to_half("static_cast<float>(sum)"),
          "half sums"},
         {"outlier columns ignored",
          x,
          "(" + x + " > 60 || " + x + " < -60 ? 0 : " + x + ")",
          "outliers"},
         {"scales off by half a step of bf16",
          "sw[n]",
          "(sw[n] * (1.0f + 0x1p-9f))",
          "bf16 scale"}},
        {{"bias", k_adds_nothing},
         {"NaN scrubbed", k_finite},
         {"nibble order", "its elements are whole bytes"},
         {"zero point", "both operands are symmetric"}});
}

TEST_CASE("cuda tasks: the cases of nf4_codec find every fault of the suite") {
    const std::string absmax =
        "largest = max(largest, __float_as_uint(w[b * 64 + i]) & 0x7fffffff);";
    require_suite_found(
        "nf4_codec",
        {{"decoded nibbles swapped", "values[pair >> 4]", "values[pair & 15]", "nibble order"},
         {"absmax of the next block",
          "values[pair & 15], q_absmax[b]",
          "values[pair & 15], q_absmax[(b + 1) % blocks]",
          "scale index"},
         {"last block dropped", "(b >= blocks)", "(b >= blocks - 1)", "last K block"},
         {"NaN scrubbed from absmax",
          "largest < 0x7f800000 ? largest : 0x7fc00000",
          "largest",
          "NaN scrubbed"},
         {"outlier columns ignored",
          absmax,
          "if (!(fabsf(w[b * 64 + i]) > 0.1f)) " + absmax,
          "outliers"},
         {"absmax rounded to bf16",
          "absmax[b] = scale;",
          "absmax[b] = " + to_bf16("scale") + ";",
          "bf16 scale"}},
        {{"bias", k_adds_nothing},
         {"half sums", "nothing is summed"},
         {"ragged edge", "the kernel knows blocks and no rows"},
         {"zero point", "the codebook is symmetric and has its own zero"}});
}

TEST_CASE("cuda tasks: the cases of mxfp4_nvfp4_codec find every fault of the suite") {
    const std::string amax = "amax = max(amax, static_cast<uint32_t>(x[i]) & 0x7fff);";
    require_suite_found(
        "mxfp4_nvfp4_codec",
        {{"decoded nibbles swapped",
          "codes[i / 2] & 15 : codes[i / 2] >> 4",
          "codes[i / 2] >> 4 : codes[i / 2] & 15",
          "nibble order"},
         {"scale of the next block", "= e8m0[b];", "= e8m0[(b + 1) % blocks];", "scale index"},
         {"last block dropped", "(b >= blocks)", "(b >= blocks - 1)", "last K block"},
         {"NaN scrubbed from the values", "? 0x7fc0 : rounded", "? 0 : rounded", "NaN scrubbed"},
         {"outlier columns ignored", amax, "if ((x[i] & 0x7fff) <= 0x41a0) " + amax, "outliers"},
         {"tensor scale rounded to bf16",
          "encode_nv(x + half * 16, *ts,",
          "encode_nv(x + half * 16, " + to_bf16("*ts") + ",",
          "bf16 scale"}},
        {{"bias", k_adds_nothing},
         {"half sums", "nothing is summed"},
         {"ragged edge", "the kernel knows blocks and no rows"},
         {"zero point", "the formats are symmetric"}});
}

TEST_CASE("cuda tasks: the cases of rmsnorm_quant find every fault of the suite") {
    require_suite_found(
        "rmsnorm_quant",
        {{"residual skipped",
          "__fadd_rn(from_bf16(r[h]), from_bf16(x[row * H + h]))",
          "from_bf16(x[row * H + h])",
          "bias"},
         {"gamma of the next column",
          "from_bf16(r[h]) * from_bf16(gamma[h]) * factor",
          "from_bf16(r[h]) * from_bf16(gamma[(h + 1) % H]) * factor",
          "scale index"},
         {"last column dropped", "h < H;", "h < H - 1;", "last K block"},
         {"last row unwritten",
          "const int64_t row = blockIdx.x;",
          "const int64_t row = blockIdx.x;\n    if (row > 0 && row == gridDim.x - 1) return;",
          "ragged edge"},
         {"NaN scrubbed from the scale",
          "poisoned ? __uint_as_float(0x7fc00000) :",
          "poisoned ? 0.0f :",
          "NaN scrubbed"},
         {"scale rounded to bf16",
          "zero ? 0.0f : plain",
          "zero ? 0.0f : " + to_bf16("plain"),
          "bf16 scale"},
         {"outlier columns ignored",
          "squares[thread] += small * small;",
          "squares[thread] += fabsf(value) > 20.0f ? 0.0f : small * small;",
          "outliers"},
         {"sums in half precision",
          "squares[thread] += small * small;",
          "squares[thread] = " + to_half("squares[thread] + small * small") + ";",
          "half sums"}},
        {{"nibble order", "its elements are whole bytes"},
         {"zero point", "the codes are symmetric"}});
}

TEST_CASE("cuda tasks: the cases of int4_kv_attention find every fault of the suite") {
    require_suite_found(
        "int4_kv_attention",
        {{"nibbles swapped", "c % 2 == 0 ? codes", "c % 2 == 1 ? codes", "nibble order"},
         {"scales of the next token group",
          "+ t / 128) * 128",
          "+ (t / 128 + 1) % ((L + 127) / 128)) * 128",
          "scale index"},
         {"last token dropped", "t < L; ++t", "t < (L > 1 ? L - 1 : L); ++t", "last K block"},
         {"last query head unwritten",
          "const int64_t row = blockIdx.x;",
          "const int64_t row = blockIdx.x;\n    if (row > 0 && row == gridDim.x - 1) return;",
          "ragged edge"},
         {"sums in half precision",
          "sum += p * value;",
          "sum = " + to_half("sum + p * value") + ";",
          "half sums"},
         {"outlier columns ignored",
          "sum += __half2float(q[row * 128 + c]) * key;",
          "const float query = __half2float(q[row * 128 + c]);\n"
          "sum += (fabsf(query) > 6.0f ? 0.0f : query) * key;",
          "outliers"},
         {"zero of the keys omitted", "__half2float(k_zero[group + c])", "0.0f", "zero point"},
         {"scales of the keys off by half a step of bf16",
          "__half2float(k_scale[group + c])",
          "(__half2float(k_scale[group + c]) * (1 + 0x1p-9f))",
          "bf16 scale"}},
        {{"bias", k_adds_nothing}, {"NaN scrubbed", k_finite}});
}
