// SPDX-License-Identifier: Apache-2.0
#include "core/task.hpp"

#include "tests/unit/core/support.hpp"

using namespace kw;

namespace {

DimExpr expr(const std::string& text) {
    Result<DimExpr> parsed = DimExpr::parse(text);
    REQUIRE(parsed.ok());
    return std::move(parsed).value();
}

Arg arg(DType dtype, std::initializer_list<const char*> shape) {
    Arg made;
    made.name = "a";
    made.dtype = dtype;
    for (const char* axis : shape) {
        made.shape.push_back(expr(axis));
    }
    return made;
}

}  // namespace

TEST_CASE("task: names of types roles and tolerances lead back to themselves", "[core]") {
    for (int i = 0; i < 12; ++i) {
        const auto dtype = static_cast<DType>(i);
        CHECK(dtype_from_name(name(dtype)) == dtype);
    }
    for (const Role role : {Role::weight, Role::in, Role::out, Role::inout, Role::workspace}) {
        CHECK(role_from_name(name(role)) == role);
    }
    for (const Tolerance tolerance : {Tolerance::exact, Tolerance::bound, Tolerance::codes}) {
        CHECK(tolerance_from_name(name(tolerance)) == tolerance);
    }
    CHECK_FALSE(dtype_from_name("F16"));
    CHECK_FALSE(role_from_name("output"));
    CHECK_FALSE(tolerance_from_name(""));
    CHECK(size_of(DType::bf16) == 2);
    CHECK(size_of(DType::u64) == 8);
    CHECK(c_type(DType::f16) == "kw_f16");
    CHECK(c_type(DType::i8) == "int8_t");
}

TEST_CASE("task: sizes are products of axes and element size", "[core]") {
    const DimMap dims{{"N", 6}, {"K", 256}};
    const Arg packed = arg(DType::f32, {"N", "K / 128", "4"});
    CHECK(*element_count(packed, dims) == 48);
    CHECK(*byte_size(packed, dims) == 192);
    CHECK(*byte_size(arg(DType::u8, {"N - 6", "K"}), dims) == 0);
}

TEST_CASE("task: a size that overflows or is negative is an error", "[core]") {
    const DimMap dims{{"N", std::int64_t{1} << 40}, {"K", -4}};
    const auto what = [&](const Arg& given) {
        const Result<std::int64_t> size = byte_size(given, dims);
        REQUIRE_FALSE(size.ok());
        CHECK(size.error().code == Errc::config);
        return size.error().what;
    };
    CHECK(
        what(arg(DType::u8, {"N", "N"})) ==
        "computing the size of argument a: the number of elements does not fit 64 bits");
    CHECK(
        what(arg(DType::f64, {"N", "1048576"})) ==
        "computing the size of argument a: the number of bytes does not fit 64 bits");
    CHECK(
        what(arg(DType::u8, {"N", "K"})) ==
        "computing the size of argument a: axis 'K' is negative (-4)");
    CHECK(
        what(arg(DType::u8, {"N / (K + 4)"})) ==
        "computing the size of argument a: expression 'N / (K + 4)', column 3: division by zero");
}

TEST_CASE("task: dims are shown and ordered as in the C signature", "[core]") {
    Task task;
    for (const char* dim : {"N", "K", "B"}) {
        task.dims.push_back({dim, 1, 100, 1, ""});
    }
    const DimMap dims{{"B", 2}, {"K", 3}, {"N", 4}};
    CHECK(ordered_dims(task, dims) == std::vector<std::int64_t>{4, 3, 2});
    CHECK(show_dims(task, dims) == "N=4 K=3 B=2");
    CHECK_THROWS_AS(ordered_dims(task, {{"N", 1}}), BugError);
}

TEST_CASE("task: a distribution overrides only the arguments it names", "[core]") {
    Task task;
    Arg x = arg(DType::f32, {"1"});
    x.name = "x";
    Arg y = x;
    y.name = "y";
    task.distributions["hard"]["x"].dist = "ties";
    CHECK(fill_of(task, x, "hard").dist == "ties");
    CHECK(fill_of(task, y, "hard").dist == "normal");
    CHECK(fill_of(task, x, "").dist == "normal");
    CHECK(fill_of(task, x, "unknown").dist == "normal");
}
