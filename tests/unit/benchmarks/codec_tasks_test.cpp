// SPDX-License-Identifier: Apache-2.0
// mxfp4_nvfp4_codec and nf4_codec: sources against reference, reference against evaluator/formats,
// planted faults.
#include "evaluator/formats/mx.hpp"
#include "evaluator/formats/nf4.hpp"
#include "evaluator/formats/nvfp4.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/benchmarks/joined_sources.hpp"
#include "tests/unit/benchmarks/task_bench.hpp"

#include <bit>
#include <cmath>
#include <cstring>

using namespace kw::test;
using namespace kw::formats;

namespace {

// Element i of a buffer.
template <class T>
T at(const Buffer& buffer, std::size_t i) {
    T value;
    std::memcpy(&value, buffer.data() + i * sizeof(T), sizeof(T));
    return value;
}

int nibble(const Buffer& codes, std::size_t element, bool low_first) {
    const auto byte = std::to_integer<int>(codes.data()[element / 2]);
    return (element % 2 == 0) == low_first ? byte & 15 : byte >> 4;
}

std::vector<Drawn> untimed(const TaskBench& bench) {
    std::vector<Drawn> all;
    for (const kw::Case& item : bench.task().cases) {
        if (!item.timed) {
            all.push_back(bench.draw(item.dims, item.distribution, item.name));
        }
    }
    return all;
}

std::size_t elements(const Drawn& drawn) {
    return static_cast<std::size_t>(drawn.ordered[0] * drawn.ordered[1]);
}

// Arguments of mxfp4_nvfp4_codec, by place in the signature.
enum Codec : std::size_t { x, ts, codes, e8m0, e4m3, mx_codes, mx_scales, nv_codes, nv_scales };
constexpr std::size_t k_mx_values = 9;
constexpr std::size_t k_nv_values = 10;

std::vector<float> widened(const Buffer& buffer, std::size_t first, std::size_t count) {
    std::vector<float> values;
    for (std::size_t i = first; i < first + count; ++i) {
        values.push_back(bf16_to_f32(at<std::uint16_t>(buffer, i)));
    }
    return values;
}

int wrong_mx_blocks(const Drawn& drawn) {
    const auto& out = drawn.reference;
    int wrong = 0;
    for (std::size_t b = 0; b < elements(drawn) / 32; ++b) {
        const Mxfp4Block want = encode_mxfp4(widened(drawn.args[x], b * 32, 32).data());
        wrong += at<std::uint8_t>(out[mx_scales][0], b) == want.scale ? 0 : 1;
        for (std::size_t i = 0; i < 32; ++i) {
            wrong += nibble(out[mx_codes][0], b * 32 + i, true) == want.codes[i] ? 0 : 1;
        }
    }
    return wrong;
}

int wrong_nv_blocks(const Drawn& drawn) {
    const auto& out = drawn.reference;
    int wrong = 0;
    for (std::size_t b = 0; b < elements(drawn) / 16; ++b) {
        const Nvfp4Block want =
            encode_nvfp4(widened(drawn.args[x], b * 16, 16).data(), at<float>(drawn.args[ts], 0));
        wrong += at<std::uint8_t>(out[nv_scales][0], b) == want.scale ? 0 : 1;
        for (std::size_t i = 0; i < 16; ++i) {
            wrong += nibble(out[nv_codes][0], b * 16 + i, true) == want.codes[i] ? 0 : 1;
        }
    }
    return wrong;
}

int wrong_decoded(const Drawn& drawn) {
    const auto& out = drawn.reference;
    int wrong = 0;
    for (std::size_t i = 0; i < elements(drawn); ++i) {
        const int code = nibble(drawn.args[codes], i, true);
        const float mx = decode_mxfp4(at<std::uint8_t>(drawn.args[e8m0], i / 32), code);
        const float nv = decode_nvfp4(
            at<std::uint8_t>(drawn.args[e4m3], i / 16), code, at<float>(drawn.args[ts], 0));
        wrong += at<std::uint16_t>(out[k_mx_values][0], i) == f32_to_bf16(mx) ? 0 : 1;
        wrong += at<std::uint16_t>(out[k_nv_values][0], i) == f32_to_bf16(nv) ? 0 : 1;
    }
    return wrong;
}

}  // namespace

TEST_CASE("mxfp4_nvfp4_codec: the reference agrees with the format helpers") {
    for (const Drawn& drawn : untimed(TaskBench("mxfp4_nvfp4_codec"))) {
        CHECK(wrong_mx_blocks(drawn) == 0);
        CHECK(wrong_nv_blocks(drawn) == 0);
        CHECK(wrong_decoded(drawn) == 0);
    }
}

TEST_CASE("mxfp4_nvfp4_codec: the cases reach poison and zero and every kind of scale") {
    bool mx_poison = false;
    bool mx_least = false;
    bool nv_poison = false;
    bool nv_zero = false;
    bool nv_saturated = false;
    bool nan_decoded = false;
    bool overflow_decoded = false;
    for (const Drawn& drawn : untimed(TaskBench("mxfp4_nvfp4_codec"))) {
        for (std::size_t b = 0; b < elements(drawn) / 32; ++b) {
            const auto scale = at<std::uint8_t>(drawn.reference[mx_scales][0], b);
            mx_poison = mx_poison || scale == 0xFF;
            mx_least = mx_least || scale == 0;
        }
        for (std::size_t b = 0; b < elements(drawn) / 16; ++b) {
            const auto scale = at<std::uint8_t>(drawn.reference[nv_scales][0], b);
            nv_poison = nv_poison || scale == 0x7F;
            nv_zero = nv_zero || scale == 0;
            nv_saturated = nv_saturated || scale == 0x7E;
        }
        for (std::size_t i = 0; i < elements(drawn); ++i) {
            const auto value = at<std::uint16_t>(drawn.reference[k_mx_values][0], i);
            nan_decoded = nan_decoded || value == 0x7FC0;
            overflow_decoded = overflow_decoded || (value & 0x7FFF) == 0x7F80;
        }
    }
    CHECK(mx_poison);
    CHECK(mx_least);
    CHECK(nv_poison);
    CHECK(nv_zero);
    CHECK(nv_saturated);
    CHECK(nan_decoded);
    CHECK(overflow_decoded);
}

TEST_CASE("mxfp4_nvfp4_codec: the seed is right at points that use every parameter value") {
    require_seed_points_right(TaskBench("mxfp4_nvfp4_codec"));
}

TEST_CASE("mxfp4_nvfp4_codec: planted faults are rejected") {
    require_faults_rejected(
        TaskBench("mxfp4_nvfp4_codec"),
        "baselines/naive.cpp",
        {
            {"encoded nibbles swapped", "(low | high << 4)", "(high | low << 4)"},
            {"decoded nibbles swapped",
             "from_e2m1(codes[j] & 15)",
             "from_e2m1(codes[j] >> 4)",
             "nibble order"},
            {"tie of 2.5 away from zero", "a <= 2.5F", "a < 2.5F"},
            {"tie of 0.25 away from zero", "a <= 0.25F", "a < 0.25F"},
            {"tie of 3.5 towards zero", "a < 3.5F", "a <= 3.5F"},
            {"another scale recipe", "std::ilogb(amax) - 2", "std::ilogb(amax) - 1"},
            {"exponent not clamped", "exponent < -127 ? -127 : exponent", "exponent"},
            {"scale not saturated", "a > 448.0F", "a > 480.0F"},
            {"subnormal scales flushed", "if (a == 0) {", "if (a < 0.015625F) {"},
            {"NaN and infinity skipped", "return INFINITY;", "continue;"},
            {"NaN scrubbed from the values", "return 0x7FC0;", "return 0;", "NaN scrubbed"},
            {"division by a zero step", "step == 0", "step < 0"},
            {"sign of zero lost", "std::signbit(x)", "x < 0"},
            {"e8m0 code 0 taken for zero",
             "code == 0xFF ? NAN :",
             "code == 0xFF ? NAN : code == 0 ? 0 :"},
            {"e8m0 NaN not known", "code == 0xFF ? NAN :", ""},
            {"sign of a scale ignored", "(code & 0x80) != 0 ? -a : a", "a"},
            {"scale of the next block",
             "from_e8m0(e8m0[b])",
             "from_e8m0(e8m0[(b + 1) % (R * C / 32)])",
             "scale index"},
            {"tensor scale ignored in decoding", "from_e4m3(e4m3[b]) * *ts", "from_e4m3(e4m3[b])"},
            {"decoded values rounded away from zero", "0x7FFFU + ((u >> 16) & 1U)", "0x8000U"},
            {"NaN of the wrong sign", "return 0x7FC0;", "return 0xFFC0;"},
            {"last block dropped", "b < R * C / 32;", "b < R * C / 32 - 1;", "last K block"},
            {"last row unwritten", "b < R * C / 16;", "b < (R - 1) * C / 16;", "ragged edge"},
            {"outlier columns ignored",
             "amax = std::fmax(amax, a);",
             "amax = a > 20 ? amax : std::fmax(amax, a);",
             "outliers"},
            {"tensor scale rounded to bf16",
             "encode_nv(x + b * 16, *ts,",
             "encode_nv(x + b * 16, from_bf16(to_bf16(*ts)),",
             "bf16 scale"},
        },
        {{"bias", "the task adds nothing"},
         {"half sums", "nothing is summed"},
         {"zero point", "the formats are symmetric"}});
}

TEST_CASE("nf4_codec: the reference agrees with the format helpers") {
    for (const Drawn& drawn : untimed(TaskBench("nf4_codec"))) {
        int wrong = 0;
        for (std::size_t b = 0; b < elements(drawn) / 64; ++b) {
            float w[64];
            std::memcpy(w, drawn.args[0].data() + b * sizeof w, sizeof w);
            const float amax = nf4_absmax(w);
            const auto bits = at<std::uint32_t>(drawn.reference[4][0], b);
            wrong += bits == (std::isnan(amax) ? 0x7FC00000U : std::bit_cast<std::uint32_t>(amax))
                         ? 0
                         : 1;
            for (std::size_t i = 0; i < 64; ++i) {
                const bool plain = amax > 0;
                const int code = plain ? nf4_code(w[i] / amax) : k_nf4_zero_code;
                wrong += nibble(drawn.reference[3][0], b * 64 + i, false) == code ? 0 : 1;
                const float y = k_nf4_values[static_cast<std::size_t>(
                                    nibble(drawn.args[1], b * 64 + i, false))] *
                                at<float>(drawn.args[2], b);
                wrong +=
                    at<std::uint16_t>(drawn.reference[5][0], b * 64 + i) == f32_to_bf16(y) ? 0 : 1;
            }
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("nf4_codec: at a threshold both codes are allowed and beside the band only one is") {
    const TaskBench bench("nf4_codec");
    Drawn drawn = bench.draw({{"R", 1}, {"C", 64}}, "", "thresholds");
    std::vector<float> w(64, 0.0F);
    w[63] = 1.0F;  // absmax
    for (std::size_t i = 0; i < 15; ++i) {
        w[i] = k_nf4_thresholds[i];
        w[16 + i] = k_nf4_thresholds[i] * (1 + 0x1p-18F);
    }
    std::memcpy(drawn.args[0].data(), w.data(), 256);
    std::vector<void*> pointers;
    for (std::size_t i = 0; i < 3; ++i) {
        pointers.push_back(drawn.args[i].data());
    }
    for (const auto& buffers : drawn.reference) {
        for (const Buffer& buffer : buffers) {
            pointers.push_back(buffer.data());
        }
    }
    pointers.push_back(drawn.ordered.data());
    reinterpret_cast<void (*)(void* const*)>(bench.reference().symbol("kw_reference"))(
        pointers.data());
    for (std::size_t i = 0; i < 15; ++i) {
        const int code = static_cast<int>(i);
        CHECK(nibble(drawn.reference[3][0], i, false) == code);
        CHECK(nibble(drawn.reference[3][1], i, false) == code + 1);
        const int beside = w[16 + i] > k_nf4_thresholds[i] ? code + 1 : code;
        CHECK(nibble(drawn.reference[3][0], 16 + i, false) == beside);
        CHECK(nibble(drawn.reference[3][1], 16 + i, false) == beside);
    }
}

TEST_CASE("nf4_codec: the seed is right at points that use every parameter value") {
    require_seed_points_right(TaskBench("nf4_codec"));
}

TEST_CASE("nf4_codec: planted faults are rejected") {
    require_faults_rejected(
        TaskBench("nf4_codec"),
        "baselines/naive.cpp",
        {
            {"encoded nibbles swapped", "high << 4 | low", "low << 4 | high"},
            {"decoded nibbles swapped",
             "k_values[byte >> 4]",
             "k_values[byte & 15]",
             "nibble order"},
            {"a threshold moved", "0.3893125355243683F", "0.3903125355243683F"},
            {"a value of the codebook moved", "0.5626170039176941F", "0.5646170039176941F"},
            {"zero block divided", "finite && amax > 0", "finite"},
            {"subnormal block taken for zero", "finite && amax > 0", "finite && amax > 1.2e-38F"},
            {"NaN scrubbed from absmax", "finite ? amax : NAN", "amax", "NaN scrubbed"},
            {"infinity taken for finite", "std::isfinite(row[i])", "!std::isnan(row[i])"},
            {"absmax rounded to bf16",
             "absmax[b] = finite ? amax : NAN;",
             "uint32_t r = static_cast<uint32_t>(to_bf16(finite ? amax : NAN)) << 16;\n"
             "std::memcpy(absmax + b, &r, 4);",
             "bf16 scale"},
            {"absmax of the next block",
             "k_values[byte & 15] * q_absmax[b]",
             "k_values[byte & 15] * q_absmax[(b + 1) % blocks]",
             "scale index"},
            {"decoded values rounded away from zero", "0x7FFFU + ((u >> 16) & 1U)", "0x8000U"},
            {"decoded values truncated", "0x7FFFU + ((u >> 16) & 1U)", "0U"},
            {"NaN of the wrong sign", "return 0x7FC0;", "return 0xFFC0;"},
            {"largest value instead of magnitude", "std::fabs(row[i])", "row[i]"},
            {"last block dropped", "b < blocks;", "b < blocks - 1;", "last K block"},
            {"constant codes", "static_cast<uint8_t>(high << 4 | low)", "0x77"},
            {"last row unwritten", "b < blocks;", "b < blocks - C / 64;", "ragged edge"},
            {"outlier columns ignored",
             "amax = std::fmax(amax, std::fabs(row[i]));",
             "amax = std::fabs(row[i]) > 0.1F ? amax : std::fmax(amax, std::fabs(row[i]));",
             "outliers"},
        },
        {{"bias", "the task adds nothing"},
         {"half sums", "nothing is summed"},
         {"zero point", "the codebook is symmetric and has its own zero"}});
}
