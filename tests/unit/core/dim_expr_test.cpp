// SPDX-License-Identifier: Apache-2.0
#include "core/dim_expr.hpp"

#include "core/dim_expr_c.hpp"
#include "tests/unit/core/random_expr.hpp"

#include <cstdlib>
#include <sstream>

using namespace kw;
using namespace kw::test;

namespace {

std::int64_t value_of(const std::string& text, const DimMap& dims = {}) {
    const Result<DimExpr> expr = DimExpr::parse(text);
    INFO(text << (expr.ok() ? "" : ": " + expr.error().what));
    REQUIRE(expr.ok());
    const Result<std::int64_t> value = expr->eval(dims);
    INFO((value.ok() ? "" : value.error().what));
    REQUIRE(value.ok());
    return *value;
}

std::string error_of(const std::string& text, const DimMap& dims = {}) {
    const Result<DimExpr> expr = DimExpr::parse(text);
    if (!expr.ok()) {
        CHECK(expr.error().code == Errc::config);
        return expr.error().what;
    }
    const Result<std::int64_t> value = expr->eval(dims);
    INFO(text);
    REQUIRE_FALSE(value.ok());
    CHECK(value.error().code == Errc::config);
    return value.error().what;
}

}  // namespace

TEST_CASE("dim_expr: random expressions agree with an independent evaluator", "[core]") {
    Dice dice(20261122);
    int errors = 0;
    int values = 0;
    for (int i = 0; i < 6000; ++i) {
        const RandomExpr random = random_expr(dice, 1 + static_cast<int>(dice.below(5)));
        const std::string text = print(random, dice);
        const Result<DimExpr> expr = DimExpr::parse(text);
        INFO(text);
        REQUIRE(expr.ok());
        for (int j = 0; j < 4; ++j) {
            const DimMap dims = random_dims(dice);
            const auto want = evaluate(random, dims);
            const Result<std::int64_t> got = expr->eval(dims);
            REQUIRE(got.ok() == want.has_value());
            if (want) {
                REQUIRE(*got == *want);
                ++values;
            } else {
                ++errors;
            }
        }
    }
    // Both sides of the property were really met.
    CHECK(values > 5000);
    CHECK(errors > 1000);
}

TEST_CASE(
    "dim_expr: the emitted C gives the same values and the checked one errors", "[core][slow]") {
    Dice dice(99);
    std::ostringstream program;
    program << dim_expr_c_prelude() << dim_expr_checked_c_prelude()
            << "#include <inttypes.h>\n#include <stdio.h>\n";
    std::ostringstream calls;
    std::string want;
    for (int i = 0; i < 150; ++i) {
        const RandomExpr random = random_expr(dice, 1 + static_cast<int>(dice.below(4)));
        const Result<DimExpr> expr = DimExpr::parse(print(random, dice));
        REQUIRE(expr.ok());
        program << "static int64_t f" << i
                << "(int64_t N, int64_t K, int64_t M_2, int64_t _q) {\n"
                   "    (void)N; (void)K; (void)M_2; (void)_q;\n    return "
                << expr->to_c() << ";\n}\nstatic int64_t g" << i
                << "(int64_t N, int64_t K, int64_t M_2, int64_t _q) {\n"
                   "    bool bad = false;\n    (void)N; (void)K; (void)M_2; (void)_q;\n"
                   "    const int64_t value = "
                << to_checked_c(*expr, "bad") << ";\n    return bad ? 0x5bad : value;\n}\n";
        for (int j = 0; j < 4; ++j) {
            const DimMap dims = random_dims(dice);
            const Result<std::int64_t> value = expr->eval(dims);
            for (const char* function : {"f", "g"}) {
                if (!value.ok() && *function == 'f') {
                    continue;
                }
                calls << "    printf(\"%\" PRId64 \"\\n\", " << function << i << "(";
                for (const char* name : {"N", "K", "M_2", "_q"}) {
                    const DimExpr argument = DimExpr::constant(dims.at(name));
                    calls << (std::string(name) == "N" ? "" : ", ") << argument.to_c();
                }
                calls << "));\n";
                want += std::to_string(value.ok() ? *value : 0x5bad) + "\n";
            }
        }
    }
    program << "int main(void) {\n" << calls.str() << "    return 0;\n}\n";

    const TempFolder folder;
    write_file(folder / "emitted.c", program.str());
    // Undefined behaviour ends the program: an overflow that C would compute must not go unseen.
    const std::string command =
        "cd '" + folder.path().string() +
        "' && gcc -std=c99 -O1 -fsanitize=undefined -fsanitize-undefined-trap-on-error "
        "-Wno-unused-function emitted.c -o emitted >log 2>&1 && ./emitted >out";
    const int status = std::system(command.c_str());
    std::ifstream log(folder / "log");
    INFO(std::string(std::istreambuf_iterator<char>(log), {}).substr(0, 2000));
    REQUIRE(status == 0);
    std::ifstream out(folder / "out");
    CHECK(std::string(std::istreambuf_iterator<char>(out), {}) == want);
    CHECK(want.size() > 500);
    CHECK(want.find(std::to_string(0x5bad)) != std::string::npos);
}

TEST_CASE("dim_expr: precedence and associativity are those of C", "[core]") {
    CHECK(value_of("2 + 3 * 4") == 14);
    CHECK(value_of("20 - 5 - 3") == 12);
    CHECK(value_of("64 / 4 / 2") == 8);
    CHECK(value_of("1 + 2 < 4 && 3 == 3") == 1);
    CHECK(value_of("0 || 1 && 0") == 0);
    CHECK(value_of("1 ? 2 : 0 ? 3 : 4") == 2);
    CHECK(value_of("0 ? 2 : 0 ? 3 : 4") == 4);
    CHECK(value_of("-2 * -3") == 6);
    CHECK(value_of("!0 + !5") == 1);
}

TEST_CASE("dim_expr: division and remainder are floored", "[core]") {
    CHECK(value_of("-7 / 2") == -4);
    CHECK(value_of("7 / -2") == -4);
    CHECK(value_of("-7 % 2") == 1);
    CHECK(value_of("7 % -2") == -1);
    CHECK(value_of("ceil_div(-7, 2)") == -3);
    CHECK(value_of("ceil_div(7, 2)") == 4);
    CHECK(value_of("ceil_div(8, 2)") == 4);
    CHECK(value_of("N % -1", {{"N", INT64_MIN}}) == 0);
}

TEST_CASE("dim_expr: numbers are decimal or hexadecimal or have an exponent", "[core]") {
    CHECK(value_of("1e6") == 1'000'000);
    CHECK(value_of("0x1F") == 31);
    CHECK(value_of("007") == 7);
    CHECK(value_of("0e99") == 0);
    CHECK(value_of("9223372036854775807") == INT64_MAX);
    CHECK(value_of("0x7fffffffffffffff") == INT64_MAX);
}

TEST_CASE("dim_expr: a division by zero is an error with its column", "[core]") {
    CHECK(
        error_of("N / (K - K)", {{"N", 1}, {"K", 3}}) ==
        "expression 'N / (K - K)', column 3: division by zero");
    CHECK(error_of("7 % 0") == "expression '7 % 0', column 3: division by zero");
    CHECK(
        error_of("1 + ceil_div(1, 0)") ==
        "expression '1 + ceil_div(1, 0)', column 5: division by zero");
}

TEST_CASE("dim_expr: an overflow is an error with its column", "[core]") {
    const std::string end = ": the value does not fit 64 bits";
    CHECK(error_of("N * 2", {{"N", INT64_MAX}}) == "expression 'N * 2', column 3" + end);
    CHECK(error_of("1 + N + 1", {{"N", INT64_MAX}}) == "expression '1 + N + 1', column 3" + end);
    CHECK(error_of("-N", {{"N", INT64_MIN}}) == "expression '-N', column 1" + end);
    CHECK(error_of("N / -1", {{"N", INT64_MIN}}) == "expression 'N / -1', column 3" + end);
    CHECK(error_of("1e19") == "expression '1e19', column 1: the number does not fit 64 bits");
    CHECK(
        error_of("9223372036854775808") ==
        "expression '9223372036854775808', column 1: the number does not fit 64 bits");
}

TEST_CASE("dim_expr: what is not evaluated cannot fail", "[core]") {
    CHECK(value_of("K != 0 && 8 / K > 2", {{"K", 0}}) == 0);
    CHECK(value_of("K == 0 || 8 / K > 2", {{"K", 0}}) == 1);
    CHECK(value_of("K == 0 ? 1 : 8 / K", {{"K", 0}}) == 1);
}

TEST_CASE("dim_expr: mistakes name their column", "[core]") {
    const auto at = [](const std::string& text, const std::string& rest) {
        CHECK(error_of(text) == "expression '" + text + "', " + rest);
    };
    at("", "column 1: expected a number, a name or '(', found the end");
    at("1 +", "column 4: expected a number, a name or '(', found the end");
    at("N $ 2", "column 3: expected an operator or the end, found '$'");
    at("(1 + 2", "column 7: expected ')', found the end");
    at("1 ? 2", "column 6: expected ':' of '?:', found the end");
    at("min(1)", "column 6: expected ',' between two arguments, found ')'");
    at("min(1, 2, 3)", "column 9: expected ')' after two arguments, found ','");
    at("2 * sqrt(4)", "column 5: unknown function 'sqrt' (known: ceil_div, min, max)");
    at("1.5", "column 2: a number cannot hold '.': integers only");
    at("12abc", "column 3: a number cannot hold 'a': integers only");
    at("1e", "column 2: a number cannot hold 'e': integers only");
    at("0x", "column 1: expected a digit after '0x'");
    at("1 < 2 < 3", "column 7: comparisons do not chain: write 'a < b && b < c'");
    at("1 = 1", "column 3: expected an operator or the end, found '='");
    at("A", "column 1: unknown name 'A'");
}

TEST_CASE("dim_expr: depth is capped whatever nests", "[core]") {
    for (const char* piece : {"(", "-", "!", "1?", "min(", "1?1:"}) {
        std::string deep;
        for (int i = 0; i < 600; ++i) {
            deep += piece;
        }
        INFO(piece);
        CHECK(error_of(deep + "1").find("nested deeper than 64 levels") != std::string::npos);
    }
    std::string chain = "1";
    for (int i = 0; i < 100; ++i) {
        chain += "+1";
    }
    CHECK(error_of(chain).find("nested deeper than 64 levels") != std::string::npos);
    CHECK(error_of(std::string(5000, ' ')).find("longer than 4096") != std::string::npos);
    CHECK(value_of(std::string(30, '(') + "1" + std::string(30, ')')) == 1);
}

TEST_CASE("dim_expr: random bytes parse or are refused and never crash", "[core]") {
    Dice dice(4);
    const std::string alphabet = "NK01 9ex()+-*/%<>=!&|?:,mincel_div.\n\x80";
    int parsed = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (std::uint64_t n = dice.below(24); n > 0; --n) {
            text += alphabet[dice.below(alphabet.size())];
        }
        const Result<DimExpr> expr = DimExpr::parse(text);
        if (expr.ok()) {
            ++parsed;
            static_cast<void>(expr->eval({{"N", 3}, {"K", -5}}));
            static_cast<void>(expr->to_c());
        } else {
            REQUIRE(expr.error().what.find(", column ") != std::string::npos);
        }
    }
    CHECK(parsed > 100);
}

TEST_CASE("dim_expr: names are sorted and each is given once", "[core]") {
    const Result<DimExpr> expr = DimExpr::parse("N * K + (K > 2 ? B : N)");
    REQUIRE(expr.ok());
    CHECK(expr->names() == std::vector<std::string>{"B", "K", "N"});
    CHECK(expr->text() == "N * K + (K > 2 ? B : N)");
}

TEST_CASE("dim_expr: constants keep their value and an empty expression has none", "[core]") {
    for (const std::int64_t value : {INT64_MIN, std::int64_t{-5}, std::int64_t{0}, INT64_MAX}) {
        CHECK(*DimExpr::constant(value).eval({}) == value);
    }
    CHECK(DimExpr{}.empty());
    CHECK_FALSE(DimExpr{}.eval({}).ok());
}
