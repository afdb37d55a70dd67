// SPDX-License-Identifier: Apache-2.0
// int4_kv_attention and rmsnorm_quant: sources against reference, planted faults, the tolerance.
#include "evaluator/formats/minifloat.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/benchmarks/joined_sources.hpp"
#include "tests/unit/benchmarks/task_bench.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

using namespace kw::test;
using namespace kw::formats;

namespace {

template <class T>
T at(const Buffer& buffer, std::size_t i) {
    T value;
    std::memcpy(&value, buffer.data() + i * sizeof(T), sizeof(T));
    return value;
}

}  // namespace

TEST_CASE("int4_kv_attention: one token comes back as its decoded value") {
    const TaskBench bench("int4_kv_attention");
    const Drawn drawn = bench.draw({{"B", 2}, {"HK", 2}, {"G", 3}, {"L", 1}}, "", "decoded");
    for (std::size_t head = 0; head < 4; ++head) {
        for (std::size_t g = 0; g < 3; ++g) {
            for (std::size_t c = 0; c < 128; ++c) {
                const auto byte = at<std::uint8_t>(drawn.args[4], head * 64 + c / 2);
                const int code = c % 2 == 0 ? byte & 15 : byte >> 4;
                const double value =
                    double{f16_to_f32(at<std::uint16_t>(drawn.args[5], head))} * code +
                    double{f16_to_f32(at<std::uint16_t>(drawn.args[6], head))};
                const double y = at<double>(drawn.reference[7][0], (head * 3 + g) * 128 + c);
                REQUIRE(std::fabs(y - value) <= 1e-12);
            }
        }
    }
}

TEST_CASE("int4_kv_attention: a zero query averages the values") {
    const TaskBench bench("int4_kv_attention");
    const Drawn drawn =
        bench.draw({{"B", 1}, {"HK", 1}, {"G", 1}, {"L", 130}}, "zero_query", "average");
    for (std::size_t c = 0; c < 128; ++c) {
        double sum = 0;
        for (std::size_t t = 0; t < 130; ++t) {
            const auto byte = at<std::uint8_t>(drawn.args[4], t * 64 + c / 2);
            const int code = c % 2 == 0 ? byte & 15 : byte >> 4;
            sum += double{f16_to_f32(at<std::uint16_t>(drawn.args[5], t))} * code +
                   double{f16_to_f32(at<std::uint16_t>(drawn.args[6], t))};
        }
        REQUIRE(std::fabs(at<double>(drawn.reference[7][0], c) - sum / 130) <= 1e-12);
    }
}

TEST_CASE("int4_kv_attention: the magnitude keeps the tolerance below a percent of the values") {
    const TaskBench bench("int4_kv_attention");
    const kw::Check& check = bench.task().args[7].check;
    const Drawn drawn = bench.draw({{"B", 1}, {"HK", 1}, {"G", 4}, {"L", 1000}}, "", "width");
    const double factor = check.c * check.u_acc * std::sqrt(check.k.eval(drawn.dims).value());
    for (std::size_t i = 0; i < 4 * 128; ++i) {
        const double mag = at<double>(drawn.reference[7][1], i);
        REQUIRE(mag > 0);
        REQUIRE(factor * mag < 1e-3);  // values are of the order of 1
    }
}

TEST_CASE("int4_kv_attention: the seed is right at points that use every parameter value") {
    require_seed_points_right(TaskBench("int4_kv_attention"));
}

TEST_CASE("int4_kv_attention: planted faults are rejected") {
    require_faults_rejected(
        TaskBench("int4_kv_attention"),
        "baselines/naive.cpp",
        {
            {"nibbles swapped", "c % 2 == 0 ?", "c % 2 != 0 ?", "nibble order"},
            {"zero of the keys omitted", " + from_f16(zero[c])", "", "zero point"},
            {"zero of the values omitted", " + from_f16(v_zero[t])", ""},
            {"scales of the first token group", "t / 128;", "0;"},
            {"scales of the next token group",
             "t / 128;",
             "(t / 128 + 1) % ((L + 127) / 128);",
             "scale index"},
            {"value scale of the next token",
             "from_f16(v_scale[t])",
             "from_f16(v_scale[(t + 1) % L])"},
            {"softmax scale omitted", "sum / std::sqrt(128.0F)", "sum"},
            {"maximum of the first token only", "if (s > largest) {", "if (t == 0) {"},
            {"total not shrunk", "total *= shrink;", ""},
            {"last token dropped", "t < L;", "t < (L > 1 ? L - 1 : L);", "last K block"},
            {"last query head unwritten", "g < G;", "g < G - 1;", "ragged edge"},
            {"keys of the next head",
             "k_codes + h * L * 64",
             "k_codes + (h + 1) % (B * HK) * L * 64"},
            {"probabilities in bf16 precision",
             "const float p = std::exp(s - largest);",
             "uint32_t bits; float p = std::exp(s - largest);\n"
             "std::memcpy(&bits, &p, 4); bits = (bits + 0x8000U) & 0xFFFF0000U; std::memcpy(&p, "
             "&bits, 4);"},
            {"scores in half precision",
             "return sum / std::sqrt(128.0F);",
             "return from_f16(to_f16(sum / std::sqrt(128.0F)));"},
            {"query ignored", "const float p = std::exp(s - largest);", "const float p = 1;"},
            {"zeros only", "to_f16(sum[c] / total)", "0"},
            {"not divided by the total", "to_f16(sum[c] / total)", "to_f16(sum[c])"},
            {"outlier columns ignored",
             "q[c] * (code",
             "(std::fabs(q[c]) > 6 ? 0.0F : q[c]) * (code",
             "outliers"},
            {"sums in half precision",
             "sum[c] += p * (code * from_f16(v_scale[t]) + from_f16(v_zero[t]));",
             "sum[c] = from_f16(to_f16(sum[c] + p * (code * from_f16(v_scale[t]) + "
             "from_f16(v_zero[t]))));",
             "half sums"},
            {"scales of the keys rounded to bf16",
             "code * from_f16(scale[c])",
             "code * (from_f16(scale[c]) * (1 + 0x1p-9F))",
             "bf16 scale"},
        },
        {{"bias", "the task adds nothing"},
         {"NaN scrubbed", "no case has a NaN: every input is finite"}});
}

TEST_CASE("rmsnorm_quant: rows that vanish or are poisoned leave the others alone") {
    const TaskBench bench("rmsnorm_quant");
    const Drawn drawn = bench.draw({{"M", 128}, {"H", 3}}, "poisoned_rows", "rows");
    int poisoned = 0;
    int plain = 0;
    for (std::size_t m = 0; m < 128; ++m) {
        const bool nan = std::isnan(at<double>(drawn.reference[4][0], m));
        int largest = 0;
        for (std::size_t h = 0; h < 3; ++h) {
            largest =
                std::max(largest, std::abs(at<std::int8_t>(drawn.reference[3][0], m * 3 + h)));
        }
        poisoned += nan ? 1 : 0;
        plain += !nan && largest == 127 ? 1 : 0;
        CHECK(largest == (nan ? 0 : 127));
    }
    CHECK(poisoned > 0);
    CHECK(plain > 0);
}

TEST_CASE("rmsnorm_quant: the seed is right at points that use every parameter value") {
    require_seed_points_right(TaskBench("rmsnorm_quant"));
}

TEST_CASE("rmsnorm_quant: planted faults are rejected") {
    require_faults_rejected(
        TaskBench("rmsnorm_quant"),
        "baselines/naive.cpp",
        {
            {"residual skipped",
             "from_bf16(row[h]) + from_bf16(x[m * H + h])",
             "from_bf16(x[m * H + h])",
             "bias"},
            {"residual rounded away from zero", "0x7FFFU + ((u >> 16) & 1U)", "0x8000U"},
            {"residual truncated", "0x7FFFU + ((u >> 16) & 1U)", "0U"},
            {"NaN of the wrong sign", "return 0x7FC0;", "return 0xFFC0;"},
            {"gamma omitted from the codes",
             "const float n = from_bf16(row[h]) * inverse * from_bf16(gamma[h]);",
             "const float n = from_bf16(row[h]) * inverse;"},
            {"gamma of the next column",
             "inverse * from_bf16(gamma[h])",
             "inverse * from_bf16(gamma[(h + 1) % H])",
             "scale index"},
            {"epsilon omitted", "+ 1e-6F", ""},
            {"another epsilon", "+ 1e-6F", "+ 1e-5F"},
            {"sum instead of mean", "sum / static_cast<float>(H)", "sum"},
            {"scale of 128 steps", "amax / 127.0F", "amax / 128.0F"},
            {"scale rounded to bf16",
             "amax / 127.0F",
             "from_bf16(to_bf16(amax / 127.0F))",
             "bf16 scale"},
            {"sum in bf16", "sum += r * r;", "sum = from_bf16(to_bf16(sum + r * r));"},
            {"codes truncated", "std::nearbyint(n / scale[m])", "n / scale[m]"},
            {"vanishing rows quantised", "largest < 0x1p-60F || amax == 0", "amax == 0"},
            {"NaN not seen", "!(std::fabs(r) < 0x1p60F)", "std::fabs(r) >= 0x1p60F"},
            {"NaN scrubbed from the scale",
             "poisoned ? NAN :",
             "poisoned ? 0.0F :",
             "NaN scrubbed"},
            {"poisoned rows not seen", "poisoned || !(std::fabs(r) < 0x1p60F)", "false"},
            {"largest value instead of magnitude",
             "std::fmax(amax, std::fabs(from_bf16(row[h])",
             "std::fmax(amax, (from_bf16(row[h])"},
            {"last column dropped", "h < H;", "h < H - 1;", "last K block"},
            {"last row unwritten", "m < M;", "m < M - 1;", "ragged edge"},
            {"constant codes", "static_cast<int8_t>(std::nearbyint(n / scale[m]))", "64"},
            {"outlier columns ignored",
             "sum += r * r;",
             "sum += std::fabs(r) > 20 ? 0.0F : r * r;",
             "outliers"},
            {"sums in half precision",
             "sum += r * r;",
             "sum = static_cast<float>(static_cast<_Float16>(sum + r * r));",
             "half sums"},
        },
        {{"nibble order", "its elements are whole bytes"},
         {"zero point", "the codes are symmetric"}});
}
