// SPDX-License-Identifier: Apache-2.0
#include "evaluator/compare.hpp"

#include "evaluator/compare_values.hpp"
#include "evaluator/fill.hpp"
#include "evaluator/scalar.hpp"
#include "tests/support/catch.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using namespace kw;

namespace {

constexpr double k_inf = std::numeric_limits<double>::infinity();
using Bytes = std::vector<std::byte>;

template <class T>
Bytes pack(const std::vector<T>& values) {
    Bytes bytes(values.size() * sizeof(T));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

Bytes encode(const std::vector<double>& values, DType dtype) {
    Bytes bytes(values.size() * size_of(dtype));
    for (std::size_t i = 0; i < values.size(); ++i) {
        std::byte* at = bytes.data() + i * size_of(dtype);
        if (dtype == DType::f16 ||
            dtype == DType::bf16) {  // store() saturates, this keeps infinity
            const std::uint16_t bits = dtype == DType::f16 ? to_f16(values[i]) : to_bf16(values[i]);
            std::memcpy(at, &bits, 2);
        } else {
            store(values[i], dtype, at);
        }
    }
    return bytes;
}

Arg output(DType dtype, std::vector<std::int64_t> shape, Tolerance tolerance) {
    Arg arg;
    arg.name = std::string("y");
    arg.dtype = dtype;
    arg.role = Role::out;
    for (const std::int64_t axis : shape) {
        arg.shape.push_back(DimExpr::constant(axis));
    }
    arg.check.tolerance = tolerance;
    arg.check.k = DimExpr::constant(256);
    arg.check.u_out = 0x1p-11;
    arg.check.tiny = 1e-7;
    return arg;
}

OutputDiff compare(
    const Arg& arg,
    const Bytes& got,
    const Bytes& ref0,
    const Bytes& ref1,
    const Bytes& before = {}) {
    auto diff = compare_output(arg, {}, got, before, ref0, ref1);
    INFO((diff.ok() ? std::string{} : diff.error().what));
    REQUIRE(diff.ok());
    return std::move(diff).value();
}

/// The obvious comparator: the formula of docs/tasks.md, one element at a time.
bool allowed(const Arg& arg, double got, double ref, double mag) {
    if (std::isnan(ref) || std::isnan(got)) {
        return std::isnan(ref) && std::isnan(got);
    }
    if (std::isinf(got) || std::isinf(ref)) {
        return rounded(ref, arg.dtype) == got;
    }
    const Check& c = arg.check;
    return std::abs(got - ref) <=
           c.u_out * std::abs(ref) + (c.c * c.u_acc * std::sqrt(256.0) + c.u_op) * mag + c.tiny;
}

}  // namespace

TEST_CASE("compare: bound agrees with the obvious comparator on random outputs", "[compare]") {
    std::mt19937_64 random(5);
    std::normal_distribution<double> normal;
    for (const DType dtype : {DType::f16, DType::bf16, DType::f32, DType::f64}) {
        for (int round = 0; round < 40; ++round) {
            const std::size_t n = 1 + random() % 3000;
            const Arg arg = output(dtype, {static_cast<std::int64_t>(n)}, Tolerance::bound);
            std::vector<double> ref(n);
            std::vector<double> mag(n);
            std::vector<double> got(n);
            const bool wild = round % 4 == 0;
            for (std::size_t i = 0; i < n; ++i) {
                ref[i] = normal(random) * std::pow(10.0, static_cast<double>(random() % 8) - 3);
                mag[i] = std::abs(ref[i]) * (1 + static_cast<double>(random() % 50));
                // Mostly right, now and then just around the limit.
                const double off = round % 2 == 0 ? 0.3 : 1.0;
                got[i] = ref[i] + off * normal(random) *
                                      (0x1p-11 * std::abs(ref[i]) + 1.5e-5 * 0.25 * mag[i]);
                if (wild && random() % 50 == 0) {
                    const std::array<double, 5> odd{std::nan(""), k_inf, -k_inf, 70000, 65519};
                    (random() % 2 == 0 ? ref[i] : got[i]) = odd[random() % 5];
                    if (random() % 2 == 0) {
                        got[i] = ref[i];
                    }
                }
            }
            const Bytes bytes = encode(got, dtype);
            std::int64_t wrong = 0;
            std::int64_t first = -1;
            for (std::size_t i = 0; i < n; ++i) {
                if (!allowed(arg, load(bytes.data() + i * size_of(dtype), dtype), ref[i], mag[i])) {
                    ++wrong;
                    first = first < 0 ? static_cast<std::int64_t>(i) : first;
                }
            }
            const OutputDiff diff = compare(arg, bytes, pack(ref), pack(mag));
            CAPTURE(name(dtype), n, round);
            REQUIRE(diff.mismatches == wrong);
            REQUIRE(diff.first == first);
            REQUIRE(diff.equal == (wrong == 0));
            REQUIRE(diff.elements == static_cast<std::int64_t>(n));
            REQUIRE((diff.max_error > 1) == (wrong > 0));
        }
    }
}

TEST_CASE("compare: the tolerance formula holds to the last bit", "[compare]") {
    Arg arg = output(DType::f64, {1}, Tolerance::bound);
    arg.check = {};
    arg.check.tolerance = Tolerance::bound;
    arg.check.k = DimExpr::constant(16);
    arg.check.u_out = 0x1p-10;
    arg.check.u_acc = 0x1p-20;
    arg.check.u_op = 0x1p-12;
    arg.check.c = 2;
    arg.check.tiny = 0x1p-8;
    // 2^-10 * 4 + (2 * 2^-20 * 4 + 2^-12) * 8 + 2^-8, exactly representable.
    const double limit = 0x1p-8 + (0x1p-17 + 0x1p-12) * 8 + 0x1p-8;
    const Bytes ref = pack<double>({4});
    const Bytes mag = pack<double>({8});
    const OutputDiff at = compare(arg, pack<double>({4 + limit}), ref, mag);
    CHECK(at.equal);
    CHECK(at.max_error == 1);
    const OutputDiff above = compare(arg, pack<double>({std::nextafter(4 + limit, 5.0)}), ref, mag);
    CHECK_FALSE(above.equal);
    CHECK(compare(arg, pack<double>({4 - limit}), ref, mag).equal);
    CHECK_FALSE(compare(arg, pack<double>({std::nextafter(4 - limit, 3.0)}), ref, mag).equal);
    // Nothing allowed: only the exact value passes.
    arg.check = {};
    arg.check.tolerance = Tolerance::bound;
    arg.check.c = 0;
    CHECK(compare(arg, pack<double>({4}), ref, mag).equal);
    CHECK_FALSE(compare(arg, pack<double>({std::nextafter(4.0, 5.0)}), ref, mag).equal);
}

TEST_CASE("compare: infinity passes only where the reference rounds to it", "[compare]") {
    const Arg arg = output(DType::f16, {1}, Tolerance::bound);
    const auto passes = [&](double got, double ref, double mag) {
        return compare(arg, encode({got}, DType::f16), pack<double>({ref}), pack<double>({mag}))
            .equal;
    };
    CHECK(passes(k_inf, 65520, 65520));
    CHECK(passes(-k_inf, -1e9, 1e9));
    CHECK(passes(k_inf, k_inf, k_inf));
    CHECK_FALSE(passes(k_inf, 65519, 1e12));
    CHECK_FALSE(passes(k_inf, -k_inf, 1));
    CHECK_FALSE(passes(-k_inf, 0, k_inf));
    CHECK_FALSE(passes(65504, k_inf, k_inf));
    CHECK(passes(std::nan(""), std::nan(""), 1));
    CHECK_FALSE(passes(0, std::nan(""), 1));
    CHECK_FALSE(passes(std::nan(""), 0, k_inf));
    CHECK_FALSE(passes(1, 0, std::nan("")));
    const OutputDiff diff =
        compare(arg, encode({k_inf}, DType::f16), pack<double>({1.0}), pack<double>({1.0}));
    CHECK(diff.non_finite);
    CHECK(diff.got == "inf");
    CHECK(diff.want == "1");
}

TEST_CASE("compare: every single wrong element is found wherever it is", "[compare]") {
    // Sizes around the chunk and the lanes of the fast path.
    for (const std::int64_t n : {1, 7, 8, 9, 1023, 1024, 1025, 2500}) {
        const auto size = static_cast<std::size_t>(n);
        const std::vector<double> ref(size, 0.75);
        const std::vector<double> mag(size, 2.0);
        const Arg arg = output(DType::f16, {n}, Tolerance::bound);
        const Bytes good = encode(ref, DType::f16);
        REQUIRE(compare(arg, good, pack(ref), pack(mag)).equal);
        Bytes before(good.size());
        poison(before, DType::f16, 9);
        for (std::size_t i = 0; i<size; i += n> 100 ? 37 : 1) {
            for (const double wrong : {0.75 * 1.01, -0.75, 0.0, std::nan(""), k_inf}) {
                Bytes bad = good;
                const Bytes element = encode({wrong}, DType::f16);
                std::memcpy(bad.data() + 2 * i, element.data(), 2);
                const OutputDiff diff = compare(arg, bad, pack(ref), pack(mag), before);
                REQUIRE_FALSE(diff.equal);
                REQUIRE(diff.mismatches == 1);
                REQUIRE(diff.first == static_cast<std::int64_t>(i));
                REQUIRE(diff.non_finite == !std::isfinite(wrong));
                REQUIRE_FALSE(diff.untouched);
                REQUIRE(diff.want == "0.75");
            }
            Bytes bad = good;
            std::memcpy(bad.data() + 2 * i, before.data() + 2 * i, 2);
            const OutputDiff diff = compare(arg, bad, pack(ref), pack(mag), before);
            REQUIRE_FALSE(diff.equal);
            REQUIRE(diff.untouched);
            REQUIRE(diff.got == "nan");
        }
    }
}

TEST_CASE("compare: exact finds a flipped bit in every dtype", "[compare]") {
    for (const DType dtype :
         {DType::u8, DType::i8, DType::f16, DType::i32, DType::f32, DType::u64}) {
        const std::int64_t n = 1500;
        const Arg arg = output(dtype, {3, 500}, Tolerance::exact);
        Bytes want(static_cast<std::size_t>(n) * size_of(dtype));
        poison(want, DType::u8, 3);
        CHECK(compare(arg, want, want, {}).equal);
        for (std::size_t byte = 0; byte < want.size(); byte += 61) {
            Bytes bad = want;
            bad[byte] ^= std::byte{0x10};
            const OutputDiff diff = compare(arg, bad, want, {});
            REQUIRE(diff.mismatches == 1);
            REQUIRE(diff.first == static_cast<std::int64_t>(byte / size_of(dtype)));
        }
    }
    const Arg codes = output(DType::i8, {3}, Tolerance::exact);
    const OutputDiff diff =
        compare(codes, pack<std::int8_t>({1, -7, 3}), pack<std::int8_t>({1, -8, 3}), {});
    CHECK(diff.got == "-7");
    CHECK(diff.want == "-8");
    CHECK(diff.max_error > 1);
}

TEST_CASE("compare: codes may be the wanted or the other allowed one", "[compare]") {
    Arg arg = output(DType::u8, {3000}, Tolerance::codes);
    Bytes want(3000);
    poison(want, DType::u8, 1);
    Bytes alt = want;
    for (std::size_t i = 0; i < alt.size(); i += 3) {
        alt[i] ^= std::byte{0x01};
    }
    Bytes got = want;
    for (std::size_t i = 0; i < got.size(); i += 6) {
        got[i] = alt[i];
    }
    CHECK(compare(arg, got, want, alt).equal);
    CHECK(compare(arg, alt, want, alt).equal);
    got[1] ^= std::byte{0x01};  // no tie there
    got[2999] ^= std::byte{0x80};
    const OutputDiff diff = compare(arg, got, want, alt);
    CHECK(diff.mismatches == 2);
    CHECK(diff.first == 1);
}

TEST_CASE("compare: four-bit codes are compared nibble by nibble", "[compare]") {
    Arg arg = output(DType::u8, {1}, Tolerance::codes);
    arg.check.code_bits = 4;
    // Every (want, alt, got): right exactly when both nibbles are one of theirs.
    std::mt19937 random(3);
    for (int round = 0; round < 20000; ++round) {
        const auto want = static_cast<std::uint8_t>(random());
        const auto alt = static_cast<std::uint8_t>(random());
        const auto got =
            static_cast<std::uint8_t>(round % 2 == 0 ? random() : (want & 0x0fU) | (alt & 0xf0U));
        const bool low = (got & 15) == (want & 15) || (got & 15) == (alt & 15);
        const bool high = got >> 4 == want >> 4 || got >> 4 == alt >> 4;
        REQUIRE(
            compare(
                arg,
                pack<std::uint8_t>({got}),
                pack<std::uint8_t>({want}),
                pack<std::uint8_t>({alt}))
                .equal == (low && high));
    }
    // Swapped nibble order is the classic layout bug.
    const OutputDiff swapped = compare(
        arg, pack<std::uint8_t>({0x37}), pack<std::uint8_t>({0x73}), pack<std::uint8_t>({0x73}));
    CHECK_FALSE(swapped.equal);
    CHECK(swapped.got == "7 (low nibble)");
    CHECK(swapped.want == "3 (low nibble)");
    const OutputDiff high = compare(
        arg, pack<std::uint8_t>({0x37}), pack<std::uint8_t>({0x47}), pack<std::uint8_t>({0x57}));
    CHECK(high.got == "3 (high nibble)");
    CHECK(high.want == "4 (high nibble)");
    // With code_bits = 8 a mix of the two is wrong.
    arg.check.code_bits = 8;
    CHECK_FALSE(
        compare(
            arg, pack<std::uint8_t>({0x14}), pack<std::uint8_t>({0x24}), pack<std::uint8_t>({0x13}))
            .equal);
}

TEST_CASE("compare: reference buffers have the sizes the tolerance asks for", "[compare]") {
    const Arg exact = output(DType::f16, {10}, Tolerance::exact);
    CHECK(reference_bytes(exact, 10, 0) == 20);
    CHECK(reference_bytes(exact, 10, 1) == 0);
    const Arg bound = output(DType::f16, {10}, Tolerance::bound);
    CHECK(reference_bytes(bound, 10, 0) == 80);
    CHECK(reference_bytes(bound, 10, 1) == 80);
    const Arg codes = output(DType::u8, {10}, Tolerance::codes);
    CHECK(reference_bytes(codes, 10, 1) == 10);
    const auto wrong = compare_output(bound, {}, Bytes(20), {}, Bytes(80), Bytes(72));
    REQUIRE_FALSE(wrong.ok());
    CHECK(wrong.error().code == Errc::config);
    CHECK(wrong.error().what.find("72 bytes instead of 80") != std::string::npos);
    CHECK_FALSE(compare_output(bound, {}, Bytes(18), {}, Bytes(80), Bytes(80)).ok());
    CHECK_FALSE(compare_output(exact, {}, Bytes(20), {}, Bytes(20), Bytes(20)).ok());
}

TEST_CASE("compare at: looks at the asked elements only", "[compare]") {
    const Arg arg = output(DType::f32, {4, 5}, Tolerance::bound);
    std::vector<double> values(20, 1.0);
    values[7] = 3.0;
    const Bytes got = encode(values, DType::f32);
    const std::vector<std::int64_t> around{0, 6, 8, 19};
    const Bytes ones = pack(std::vector<double>(4, 1.0));
    const auto fine = compare_at(arg, {}, got, around, ones, ones);
    REQUIRE(fine.ok());
    CHECK(fine->equal);
    CHECK(fine->elements == 4);
    const std::vector<std::int64_t> hit{19, 7, 0};
    const Bytes three = pack(std::vector<double>(3, 1.0));
    const auto wrong = compare_at(arg, {}, got, hit, three, three);
    REQUIRE(wrong.ok());
    CHECK(wrong->first == 7);
    CHECK(wrong->got == "3");
    CHECK_THROWS_AS(
        compare_at(arg, {}, got, std::vector<std::int64_t>{20, 0, 0}, three, three), BugError);
}

TEST_CASE("compare projection: integers are checked modulo 2^64 row by row", "[compare]") {
    std::mt19937_64 random(17);
    for (const DType dtype :
         {DType::i8, DType::u8, DType::i16, DType::i32, DType::u32, DType::i64}) {
        const std::size_t rows = 5;
        const std::size_t columns = 777;
        const Arg arg = output(
            dtype,
            {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)},
            Tolerance::exact);
        Bytes got(rows * columns * size_of(dtype));
        poison(got, DType::u8, random());
        std::vector<std::uint64_t> r(columns);
        for (auto& value : r) {
            value = random();
        }
        std::vector<std::uint64_t> want(rows, 0);
        for (std::size_t i = 0; i < rows * columns; ++i) {
            std::int64_t element = 0;
            std::memcpy(&element, got.data() + i * size_of(dtype), size_of(dtype));
            const int spare = 64 - 8 * static_cast<int>(size_of(dtype));
            if (is_signed(dtype)) {
                element = static_cast<std::int64_t>(static_cast<std::uint64_t>(element) << spare) >>
                          spare;
            }
            want[i / columns] += r[i % columns] * static_cast<std::uint64_t>(element);
        }
        const auto fine = compare_projection(arg, {}, got, pack(r), pack(want), {});
        REQUIRE(fine.ok());
        CHECK(fine->equal);
        CHECK(fine->elements == 5);
        for (int mutation = 0; mutation < 50; ++mutation) {
            Bytes bad = got;
            const std::size_t at = random() % bad.size();
            bad[at] ^= static_cast<std::byte>(1U << (random() % 8));
            const auto diff = compare_projection(arg, {}, bad, pack(r), pack(want), {});
            REQUIRE(diff.ok());
            REQUIRE(diff->mismatches == 1);
            REQUIRE(diff->first == static_cast<std::int64_t>(at / size_of(dtype) / columns));
        }
    }
}

TEST_CASE("compare projection: honest rounding passes and wrong elements do not", "[compare]") {
    std::mt19937_64 random(23);
    std::normal_distribution<double> normal;
    int caught = 0;
    for (int round = 0; round < 60; ++round) {
        const std::size_t rows = 4;
        const std::size_t columns = 4096;
        const Arg arg = output(DType::f16, {4, 4096}, Tolerance::bound);
        std::vector<double> r(columns);
        for (double& value : r) {
            value = (random() & 1U) != 0 ? 1 : -1;
        }
        std::vector<double> exact(rows * columns);
        std::vector<double> rounded_values(rows * columns);
        std::vector<double> projected(rows, 0);
        std::vector<double> magnitude(rows, 0);
        for (std::size_t i = 0; i < exact.size(); ++i) {
            exact[i] = normal(random);
            const double mag = 20 * std::abs(normal(random));
            // f32 accumulation: errors of a random walk, all on the same side to be unkind.
            rounded_values[i] = exact[i] + 2 * 0x1p-24 * 16 * mag;
            projected[i / columns] += r[i % columns] * exact[i];
            magnitude[i / columns] += mag;
        }
        Bytes got = encode(rounded_values, DType::f16);
        const auto fine =
            compare_projection(arg, {}, got, pack(r), pack(projected), pack(magnitude));
        REQUIRE(fine.ok());
        REQUIRE(fine->equal);
        REQUIRE(fine->max_error < 1);
        // A whole column off by one step of the layout, a dropped tail, a lost row.
        Bytes shifted = got;
        std::memmove(shifted.data() + 2, shifted.data(), shifted.size() - 2);
        REQUIRE_FALSE(
            compare_projection(arg, {}, shifted, pack(r), pack(projected), pack(magnitude))
                .value()
                .equal);
        Bytes tail = got;
        std::memset(tail.data() + 2 * (3 * columns - 64), 0, 128);
        caught += !compare_projection(arg, {}, tail, pack(r), pack(projected), pack(magnitude))
                       .value()
                       .equal;
        Bytes nan = got;
        nan[1] = std::byte{0x7e};
        REQUIRE(compare_projection(arg, {}, nan, pack(r), pack(projected), pack(magnitude))
                    .value()
                    .non_finite);
    }
    CHECK(caught >= 50);
}

TEST_CASE("compare projection: what it cannot check is an error and no pass", "[compare]") {
    const Arg arg = output(DType::f16, {2, 4}, Tolerance::bound);
    const Bytes got = encode(std::vector<double>(8, 1.0), DType::f16);
    const Bytes r = pack(std::vector<double>(4, 1.0));
    const Bytes fine = pack<double>({4, 4});
    CHECK(compare_projection(arg, {}, got, r, fine, fine).value().equal);
    CHECK_FALSE(compare_projection(arg, {}, got, r, pack<double>({4, k_inf}), fine).ok());
    CHECK_FALSE(compare_projection(arg, {}, got, r, fine, pack<double>({std::nan(""), 4})).ok());
    CHECK_FALSE(compare_projection(arg, {}, got, r, pack<double>({4}), fine).ok());
    const Arg bytes = output(DType::f32, {2, 4}, Tolerance::exact);
    CHECK_FALSE(compare_projection(bytes, {}, Bytes(32), r, fine, {}).ok());
}
