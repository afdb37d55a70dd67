// SPDX-License-Identifier: Apache-2.0
#include "evaluator/fill.hpp"

#include "core/hash.hpp"
#include "evaluator/fill_tables.hpp"
#include "evaluator/scalar.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <vector>

using namespace kw;

namespace {

Arg make_arg(DType dtype, std::vector<std::int64_t> shape) {
    Arg arg;
    arg.name = std::string("a");  // g++ 12 -Wrestrict mistakes a plain literal
    arg.dtype = dtype;
    for (const std::int64_t axis : shape) {
        arg.shape.push_back(DimExpr::constant(axis));
    }
    return arg;
}

Result<std::vector<std::byte>> try_fill(
    DType dtype, std::vector<std::int64_t> shape, const Fill& fill, std::string_view seed = "s") {
    std::size_t bytes = size_of(dtype);
    for (const std::int64_t axis : shape) {
        bytes *= static_cast<std::size_t>(axis);
    }
    std::vector<std::byte> out(bytes, std::byte{0xcd});
    SecretStream stream(seed_from_text(seed), "fill");
    KW_TRY(fill_argument(make_arg(dtype, std::move(shape)), {}, fill, stream, out));
    return out;
}

std::vector<std::byte> bytes_of(
    DType dtype, std::vector<std::int64_t> shape, const Fill& fill, std::string_view seed = "s") {
    auto out = try_fill(dtype, std::move(shape), fill, seed);
    INFO((out.ok() ? std::string{} : out.error().what));
    REQUIRE(out.ok());
    return std::move(out).value();
}

std::vector<double> values_of(
    DType dtype, std::vector<std::int64_t> shape, const Fill& fill, std::string_view seed = "s") {
    const auto bytes = bytes_of(dtype, std::move(shape), fill, seed);
    std::vector<double> values;
    for (std::size_t at = 0; at < bytes.size(); at += size_of(dtype)) {
        values.push_back(load(bytes.data() + at, dtype));
    }
    return values;
}

struct Moments {
    double mean = 0, deviation = 0, kurtosis = 0, least = 0, most = 0;
};

Moments moments(const std::vector<double>& values) {
    Moments m;
    m.least = *std::min_element(values.begin(), values.end());
    m.most = *std::max_element(values.begin(), values.end());
    for (const double v : values) {
        m.mean += v / static_cast<double>(values.size());
    }
    double second = 0;
    double fourth = 0;
    for (const double v : values) {
        const double d = (v - m.mean) * (v - m.mean);
        second += d / static_cast<double>(values.size());
        fourth += d * d / static_cast<double>(values.size());
    }
    m.deviation = std::sqrt(second);
    m.kurtosis = fourth / (second * second);
    return m;
}

std::string what_of(const Fill& fill, DType dtype = DType::f32) {
    const auto out = try_fill(dtype, {16}, fill);
    return out.ok() ? "" : out.error().what;
}

const std::vector<DType> k_all{
    DType::f16,
    DType::bf16,
    DType::f32,
    DType::f64,
    DType::i8,
    DType::u8,
    DType::i16,
    DType::u16,
    DType::i32,
    DType::u32,
    DType::i64,
    DType::u64};
const std::vector<DType> k_floats{DType::f16, DType::bf16, DType::f32, DType::f64};

}  // namespace

TEST_CASE("fill: normal has the moments and the tails of a normal", "[fill]") {
    for (const DType dtype : k_floats) {
        const Moments m =
            moments(values_of(dtype, {400000}, {"normal", {{"mean", 2}, {"sigma", 3}}, {}}));
        CAPTURE(name(dtype));
        CHECK(m.mean == Approx(2).margin(0.02));
        CHECK(m.deviation == Approx(3).epsilon(0.01));
        CHECK(m.kurtosis == Approx(3).epsilon(0.03));
        CHECK(m.most > 2 + 3 * 3.9);
        CHECK(m.most < 2 + 3 * 4.8);
        CHECK(m.least < 2 - 3 * 3.9);
    }
}

TEST_CASE("fill: normal quantiles agree with the error function", "[fill]") {
    const auto& edge = *normal_quantiles();
    REQUIRE(edge.size() == 65537);
    double worst = 0;
    for (std::size_t i = 1; i < 65536; ++i) {
        const double part = 0.5 * std::erfc(-edge[i] / std::sqrt(2.0));
        worst = std::max(worst, std::abs(part * 65536 - static_cast<double>(i)));
        REQUIRE(edge[i] > edge[i - 1]);
    }
    CHECK(worst < 1e-4);
    CHECK(0.5 * std::erfc(edge[65536] / std::sqrt(2.0)) == Approx(0x1p-20).epsilon(1e-4));
}

TEST_CASE("fill: the portable exponential and logarithm are accurate", "[fill]") {
    for (double x = -700; x < 700; x += 0.37) {
        REQUIRE(portable_exp(x) == Approx(std::exp(x)).epsilon(1e-15));
    }
    CHECK(portable_exp(-800) == 0);
    for (double x = 1e-300; x < 1e300; x *= 1.7) {
        REQUIRE(portable_log(x) == Approx(std::log(x)).epsilon(1e-14).margin(1e-14));
    }
}

TEST_CASE("fill: student t has heavy tails of the right weight", "[fill]") {
    const auto values =
        values_of(DType::f32, {400000}, {"student_t", {{"nu", 3}, {"sigma", 0.5}}, {}});
    // P(|t| > 3.182) = 0.05 and P(|t| > 12.924) = 0.001 for three degrees of freedom.
    const auto beyond = [&](double limit) {
        return static_cast<double>(std::count_if(
                   values.begin(), values.end(), [&](double v) { return std::abs(v) > limit; })) /
               static_cast<double>(values.size());
    };
    CHECK(beyond(0.5 * 3.182446) == Approx(0.05).epsilon(0.03));
    CHECK(beyond(0.5 * 12.92398) == Approx(0.001).epsilon(0.2));
}

TEST_CASE("fill: uniform stays inside its range and covers it", "[fill]") {
    for (const DType dtype : k_floats) {
        const Moments m =
            moments(values_of(dtype, {200000}, {"uniform", {{"lo", -1.5}, {"hi", 2.5}}, {}}));
        CAPTURE(name(dtype));
        CHECK(m.least >= -1.5);
        CHECK(m.most <= 2.5);
        CHECK(m.mean == Approx(0.5).margin(0.02));
        CHECK(m.deviation == Approx(4 / std::sqrt(12.0)).epsilon(0.01));
    }
}

TEST_CASE("fill: uniform integers are inclusive and even", "[fill]") {
    for (const DType dtype : {DType::i8, DType::i16, DType::i32, DType::i64}) {
        std::map<double, int> count;
        for (const double v : values_of(dtype, {70000}, {"uniform", {{"lo", -3}, {"hi", 3}}, {}})) {
            ++count[v];
        }
        CAPTURE(name(dtype));
        REQUIRE(count.size() == 7);
        CHECK(count.begin()->first == -3);
        CHECK(count.rbegin()->first == 3);
        for (const auto& [value, n] : count) {
            CHECK(n == Approx(10000).margin(500));
        }
    }
    const Moments wide =
        moments(values_of(DType::i64, {50000}, {"uniform", {{"lo", -1e12}, {"hi", 1e12}}, {}}));
    CHECK(wide.least < -0.99e12);
    CHECK(wide.most > 0.99e12);
    CHECK(wide.most <= 1e12);
    const Moments all = moments(values_of(DType::u8, {50000}, {"uniform", {}, {}}));
    CHECK(all.least == 0);
    CHECK(all.most == 255);
}

TEST_CASE("fill: log uniform is uniform in the logarithm", "[fill]") {
    for (const DType dtype : {DType::f32, DType::f64, DType::bf16}) {
        auto values = values_of(dtype, {100000}, {"log_uniform", {{"lo", 1e-6}, {"hi", 1e6}}, {}});
        for (double& v : values) {
            REQUIRE(v > 0.99e-6);
            REQUIRE(v < 1.01e6);
            v = std::log10(v);
        }
        const Moments m = moments(values);
        CHECK(m.mean == Approx(0).margin(0.05));
        CHECK(m.deviation == Approx(12 / std::sqrt(12.0)).epsilon(0.01));
    }
}

TEST_CASE("fill: outlier scales one column of every so many", "[fill]") {
    const auto values = values_of(
        DType::f32, {64, 200}, {"outlier", {{"sigma", 1}, {"every", 100}, {"scale", 1000}}, {}});
    std::set<std::int64_t> columns;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::abs(values[i]) > 20) {
            columns.insert(static_cast<std::int64_t>(i % 200));
        }
    }
    REQUIRE(columns.size() == 2);
    CHECK(*columns.rbegin() - *columns.begin() == 100);
    // Fewer columns than `every`: still one outlier column.
    const auto few = values_of(
        DType::f32, {64, 7}, {"outlier", {{"sigma", 1}, {"every", 1024}, {"scale", 1000}}, {}});
    CHECK(std::any_of(few.begin(), few.end(), [](double v) { return std::abs(v) > 20; }));
}

TEST_CASE("fill: groups along the last axis are zero or constant", "[fill]") {
    const auto zero = values_of(
        DType::f16,
        {300, 96},
        {"zero_groups", {{"group", 32}, {"fraction", 0.25}, {"sigma", 1}}, {}});
    int zeros = 0;
    for (std::size_t g = 0; g < zero.size() / 32; ++g) {
        const auto begin = zero.begin() + static_cast<std::ptrdiff_t>(g * 32);
        const auto nil = std::count(begin, begin + 32, 0.0);
        CHECK((nil == 32 || nil <= 2));
        zeros += nil == 32;
    }
    CHECK(zeros == Approx(225).margin(45));
    // 40 columns in groups of 32: a row ends with a short group of its own.
    const auto same =
        values_of(DType::f32, {50, 40}, {"constant_groups", {{"group", 32}, {"sigma", 2}}, {}});
    std::set<double> distinct(same.begin(), same.end());
    CHECK(distinct.size() == 100);
    for (std::size_t i = 0; i < same.size(); ++i) {
        const std::size_t start = i % 40 < 32 ? i - i % 40 : i - i % 40 + 32;
        REQUIRE(same[i] == same[start]);
    }
}

TEST_CASE("fill: ties are odd multiples of half a step", "[fill]") {
    std::set<double> seen;
    for (const double v : values_of(DType::bf16, {20000}, {"ties", {{"step", 0.5}}, {}})) {
        const double multiple = v / 0.25;
        REQUIRE(multiple == std::nearbyint(multiple));
        REQUIRE(std::fmod(std::abs(multiple), 2.0) == 1);
        seen.insert(multiple);
    }
    CHECK(seen.size() == 256);
}

TEST_CASE("fill: special has every kind of trouble and NaN only when asked", "[fill]") {
    for (const DType dtype : k_floats) {
        CAPTURE(name(dtype));
        const auto plain = values_of(dtype, {64, 128}, {"special", {}, {}});
        const auto any = [](const std::vector<double>& v, auto predicate) {
            return std::any_of(v.begin(), v.end(), predicate);
        };
        CHECK(any(plain, [](double v) { return v == 0 && std::signbit(v); }));
        CHECK(any(plain, [](double v) { return v == 0 && !std::signbit(v); }));
        CHECK(any(plain, [&](double v) { return std::abs(v) > 0.5 * largest(dtype); }));
        CHECK(any(
            plain, [&](double v) { return v != 0 && std::abs(v) < 256 * least_subnormal(dtype); }));
        CHECK_FALSE(any(plain, [](double v) { return !std::isfinite(v); }));
        const auto wild = values_of(dtype, {64, 128}, {"special", {{"nonfinite", 1}}, {}});
        CHECK(any(wild, [](double v) { return std::isnan(v); }));
        CHECK(any(wild, [](double v) { return std::isinf(v); }));
        const auto clean =
            std::count_if(wild.begin(), wild.end(), [](double v) { return std::isfinite(v); });
        CHECK(clean > static_cast<std::ptrdiff_t>(wild.size() * 95 / 100));
    }
    const auto codes = values_of(DType::i8, {4096}, {"special", {}, {}});
    CHECK(std::count(codes.begin(), codes.end(), -128) > 0);
    CHECK(std::count(codes.begin(), codes.end(), 127) > 0);
}

TEST_CASE("fill: zero constant one hot and ramp say what they are", "[fill]") {
    for (const DType dtype : k_all) {
        CAPTURE(name(dtype));
        for (const double v : values_of(dtype, {5, 7}, {"zero", {}, {}})) {
            REQUIRE(v == 0);
        }
        for (const double v : values_of(dtype, {35}, {"constant", {{"value", 3}}, {}})) {
            REQUIRE(v == 3);
        }
        const auto hot = values_of(dtype, {3, 11}, {"one_hot", {}, {}});
        CHECK(std::count(hot.begin(), hot.end(), 1.0) == 1);
        CHECK(std::count(hot.begin(), hot.end(), 0.0) == 32);
        const auto ramp = values_of(dtype, {600}, {"ramp", {}, {}});
        const std::set<double> distinct(ramp.begin(), ramp.end());
        CHECK(distinct.size() == (size_of(dtype) == 1 ? 256 : is_float(dtype) ? 509 : 600));
    }
    std::set<std::ptrdiff_t> places;
    for (int seed = 0; seed < 40; ++seed) {
        const auto hot = values_of(DType::f32, {64}, {"one_hot", {}, {}}, std::to_string(seed));
        places.insert(std::max_element(hot.begin(), hot.end()) - hot.begin());
    }
    CHECK(places.size() > 20);
}

TEST_CASE("fill: values too large saturate and integers round", "[fill]") {
    for (const double v : values_of(DType::f16, {9}, {"constant", {{"value", 1e9}}, {}})) {
        CHECK(v == 65504);
    }
    const auto codes = values_of(DType::i8, {100000}, {"normal", {{"sigma", 60}}, {}});
    CHECK(std::count(codes.begin(), codes.end(), 127) > 1000);
    CHECK(std::count(codes.begin(), codes.end(), -128) > 1000);
    CHECK(values_of(DType::i8, {1}, {"constant", {{"value", 2.5}}, {}})[0] == 2);
}

TEST_CASE("fill: records keep every field at its place", "[fill]") {
    Fill fill{"records", {}, {}};
    fill.record.push_back({DType::f16, 1, {"uniform", {{"lo", 1}, {"hi", 2}}, {}}});
    fill.record.push_back({DType::u8, 16, {"constant", {{"value", 0x5a}}, {}}});
    fill.record.push_back({DType::i32, 2, {"ramp", {}, {}}});
    const auto bytes = bytes_of(DType::u8, {1000, 10 * 26}, fill);
    std::int32_t next = 0;
    for (std::size_t at = 0; at < bytes.size(); at += 26) {
        const double scale = load(bytes.data() + at, DType::f16);
        REQUIRE((scale >= 1 && scale <= 2));
        REQUIRE(std::all_of(
            bytes.begin() + static_cast<std::ptrdiff_t>(at) + 2,
            bytes.begin() + static_cast<std::ptrdiff_t>(at) + 18,
            [](std::byte b) { return b == std::byte{0x5a}; }));
        for (int i = 0; i < 2; ++i) {
            std::int32_t value = 0;
            std::memcpy(&value, bytes.data() + at + 18 + 4 * static_cast<std::size_t>(i), 4);
            REQUIRE(value == next++);
        }
    }
    CHECK_FALSE(try_fill(DType::u8, {10, 27}, fill).ok());
    CHECK_FALSE(try_fill(DType::f16, {10, 26}, fill).ok());
    fill.record.push_back({DType::u8, 1, {"records", {}, {}}});
    CHECK_FALSE(try_fill(DType::u8, {10, 27}, fill).ok());
}

TEST_CASE("fill: mistakes are named", "[fill]") {
    CHECK(what_of({"nromal", {}, {}}) == "filling argument 'a': there is no distribution 'nromal'");
    CHECK(
        what_of({"normal", {{"sigam", 1}}, {}}) ==
        "filling argument 'a': normal has no parameter 'sigam'");
    CHECK(what_of({"normal", {{"sigma", -1}}, {}}).find("outside [0") != std::string::npos);
    CHECK(what_of({"normal", {{"sigma", std::nan("")}}, {}}).find("sigma") != std::string::npos);
    CHECK_FALSE(what_of({"uniform", {{"lo", 2}, {"hi", 1}}, {}}).empty());
    CHECK_FALSE(what_of({"uniform", {{"lo", 0}, {"hi", 300}}, {}}, DType::u8).empty());
    CHECK_FALSE(what_of({"uniform", {{"lo", 0.5}, {"hi", 3}}, {}}, DType::u8).empty());
    CHECK_FALSE(what_of({"log_uniform", {{"lo", -1}}, {}}).empty());
    CHECK_FALSE(what_of({"student_t", {{"nu", 1}}, {}}).empty());
    CHECK_FALSE(what_of({"zero_groups", {{"group", 0}}, {}}).empty());
    CHECK(what_of({"zero", {}, {}}).empty());
}

TEST_CASE("fill: every distribution gives the same bytes on every machine", "[fill][golden]") {
    Fill records{"records", {}, {}};
    records.record.push_back({DType::f16, 1, {"normal", {}, {}}});
    records.record.push_back({DType::u8, 14, {"bytes", {}, {}}});
    const std::vector<std::tuple<DType, Fill, std::string>> golden{
        {DType::f16, {"normal", {}, {}}, "d9fed8d9ce474ee8"},
        {DType::bf16, {"normal", {{"mean", 1}, {"sigma", 0.02}}, {}}, "e15fa05fcfd547e3"},
        {DType::f32, {"normal", {}, {}}, "c047c0f317aa56f7"},
        {DType::i8, {"normal", {{"sigma", 30}}, {}}, "ccf5241ef3d50d81"},
        {DType::f32, {"student_t", {}, {}}, "a5471bda5c26b902"},
        {DType::f16, {"student_t", {{"nu", 5}}, {}}, "8a2b8206410e0cbf"},
        {DType::f16, {"uniform", {{"lo", 0.005}, {"hi", 0.02}}, {}}, "84916bf6567263b1"},
        {DType::i8, {"uniform", {{"lo", -127}, {"hi", 127}}, {}}, "1ccd4ffe76106baf"},
        {DType::u8, {"bytes", {}, {}}, "ff28d66faff92916"},
        {DType::f32, {"log_uniform", {}, {}}, "48657be7e0c39b2b"},
        {DType::f32, {"outlier", {}, {}}, "a856a4de42dca856"},
        {DType::f16, {"ties", {}, {}}, "c0bcafbf27b7ad04"},
        {DType::f16, {"special", {{"nonfinite", 1}}, {}}, "d44b92d3be69d962"},
        {DType::f32, {"special", {}, {}}, "aee01c689fb74802"},
        {DType::f16, {"one_hot", {}, {}}, "5927978df3790e48"},
        {DType::f16, {"ramp", {}, {}}, "49d38afc06aba66a"},
        {DType::f16, {"zero_groups", {}, {}}, "b55ddd14ad407a47"},
        {DType::f32, {"constant_groups", {}, {}}, "10e26e1a4cf300c4"},
        {DType::u8, records, "e02bc259776131c1"},
    };
    for (const auto& [dtype, fill, hash] : golden) {
        const bool packed = fill.dist == "records";
        const auto bytes =
            bytes_of(dtype, {packed ? 5000 : 700, packed ? 16 : 101}, fill, "golden");
        INFO(fill.dist << " " << name(dtype));
        CHECK(sha256_hex(std::span<const std::byte>(bytes)).substr(0, 16) == hash);
    }
}

TEST_CASE("fill: streams differ by seed and advance from call to call", "[fill]") {
    CHECK(
        bytes_of(DType::f16, {64}, {"normal", {}, {}}, "a") !=
        bytes_of(DType::f16, {64}, {"normal", {}, {}}, "b"));
    const Arg arg = make_arg(DType::f16, {64});
    SecretStream stream(seed_from_text("s"), "fill");
    std::vector<std::byte> first(128);
    std::vector<std::byte> second(128);
    REQUIRE(fill_argument(arg, {}, {"normal", {}, {}}, stream, first).ok());
    REQUIRE(fill_argument(arg, {}, {"normal", {}, {}}, stream, second).ok());
    CHECK(first != second);
}

TEST_CASE("poison: floats are NaN and no two salts or neighbours agree", "[fill]") {
    for (const DType dtype : k_all) {
        CAPTURE(name(dtype));
        std::vector<std::byte> one(size_of(dtype) * 1001);
        std::vector<std::byte> two(one.size());
        poison(one, dtype, 1);
        poison(two, dtype, 2);
        CHECK(one != two);
        int equal = 0;
        for (std::size_t at = 0; at < one.size(); at += size_of(dtype)) {
            if (is_float(dtype)) {
                REQUIRE(std::isnan(load(one.data() + at, dtype)));
            }
            equal += std::memcmp(one.data() + at, two.data() + at, size_of(dtype)) == 0;
        }
        CHECK(equal < 40);
        poison(two, dtype, 1);
        CHECK(one == two);
    }
}

TEST_CASE("scalar: every 16-bit float survives the round trip", "[scalar]") {
    for (std::uint32_t bits = 0; bits < 65536; ++bits) {
        const auto code = static_cast<std::uint16_t>(bits);
        const double half = from_f16(code);
        const double brain = from_bf16(code);
        if (std::isnan(half)) {
            REQUIRE(std::isnan(from_f16(to_f16(half))));
        } else {
            REQUIRE(to_f16(half) == code);
        }
        if (std::isnan(brain)) {
            REQUIRE(std::isnan(from_bf16(to_bf16(brain))));
        } else {
            REQUIRE(to_bf16(brain) == code);
        }
    }
}

TEST_CASE("scalar: rounding goes to the nearest and ties go to even", "[scalar]") {
    // Between every two neighbours: the midpoint goes to the even one, a hair beside it does not.
    for (std::uint16_t code = 0; code < 0x7bff; ++code) {
        const double low = from_f16(code);
        const double high = from_f16(static_cast<std::uint16_t>(code + 1));
        const double middle = (low + high) / 2;
        REQUIRE(to_f16(middle) == code + (code & 1));
        REQUIRE(to_f16(std::nextafter(middle, low)) == code);
        REQUIRE(to_f16(std::nextafter(middle, high)) == code + 1);
        REQUIRE(to_f16(-middle) == (0x8000 | (code + (code & 1))));
    }
    for (std::uint16_t code = 0; code < 0x7f7f; ++code) {
        const double low = from_bf16(code);
        const double high = from_bf16(static_cast<std::uint16_t>(code + 1));
        REQUIRE(to_bf16((low + high) / 2) == code + (code & 1));
    }
    CHECK(to_f16(65519.999) == 0x7bff);
    CHECK(to_f16(65520) == 0x7c00);
    CHECK(to_f16(1e300) == 0x7c00);
    CHECK(to_bf16(1e300) == 0x7f80);
}

TEST_CASE("scalar: elements print as the shortest text that reads back", "[scalar]") {
    const auto shown = [](double value, DType dtype) {
        std::array<std::byte, 8> at{};
        store(value, dtype, at.data());
        return show_element(at.data(), dtype);
    };
    CHECK(shown(0.7713, DType::f16) == "0.7715");
    CHECK(shown(0.1, DType::f32) == "0.1");
    CHECK(shown(0.1, DType::f64) == "0.1");
    CHECK(shown(0.1, DType::bf16) == "0.1");
    CHECK(shown(65504, DType::f16) == "65504");
    CHECK(shown(-128, DType::i8) == "-128");
    CHECK(shown(255, DType::u8) == "255");
    CHECK(shown(std::nan(""), DType::f16) == "nan");
    CHECK(show_number(0.77131234) == "0.7713123");
    CHECK(show_number(1.0 / 3e9) == "3.333333e-10");
}
