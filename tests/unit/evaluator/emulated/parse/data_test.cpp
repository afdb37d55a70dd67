// SPDX-License-Identifier: Apache-2.0
// Variables and their initial values.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/parse/fixtures.hpp"

#include <cstring>

using namespace kw::emu;
using namespace kw::emu::test;

namespace {

Symbol global(const ParseResult& result, const char* name) {
    for (const PtxError& error : result.errors) {
        FAIL_CHECK(error.line << ":" << error.column << ": " << error.message);
    }
    for (const Symbol& symbol : result.module.globals) {
        if (symbol.name == name) {
            return symbol;
        }
    }
    FAIL("no symbol " << name);
    return {};
}

template <class T>
std::vector<T> values(const Symbol& symbol) {
    std::vector<T> read(symbol.bytes / sizeof(T));
    std::memcpy(read.data(), symbol.initial.data(), symbol.initial.size());
    return read;
}

Symbol declared(const std::string& declaration) {
    const ParseResult result = parse_module(declaration);
    INFO(declaration);
    REQUIRE(result.errors.empty());
    return result.module.globals.at(0);
}

}  // namespace

TEST_CASE("data: arrays take their values in order and the rest is zero") {
    CHECK(
        values<std::uint8_t>(declared(".const .align 4 .b8 a[6] = {1, 0x2, 255, -1};")) ==
        std::vector<std::uint8_t>{1, 2, 255, 255, 0, 0});
    CHECK(
        values<std::int16_t>(declared(".global .s16 a[2] = {-3, 65535};")) ==
        std::vector<std::int16_t>{-3, -1});
    CHECK(
        values<std::uint32_t>(declared(".global .u32 a = -294967296;")) ==
        std::vector<std::uint32_t>{4000000000U});
    CHECK(
        values<float>(
            declared(".global .f32 a[5] = {1.5, 0f40000000, -3, 1e2, 0d3FE0000000000000};")) ==
        std::vector<float>{1.5F, 2, -3, 100, 0.5F});
    CHECK(
        values<double>(declared(".global .f64 a[] = {1.5, 0f40000000, 7};")) ==
        std::vector<double>{1.5, 2, 7});
    CHECK(
        values<std::uint32_t>(declared(".global .b32 a = 0f3F800000;")) ==
        std::vector<std::uint32_t>{0x3F800000});
    CHECK(
        values<std::uint64_t>(declared(".global .b128 a[2] = {5, -1};")) ==
        std::vector<std::uint64_t>{5, 0, ~0ULL, ~0ULL});
}

TEST_CASE("data: nested braces and vectors fill rows") {
    CHECK(
        values<int>(declared(".global .s32 a[2][3] = {{1, 2}, {3, 4, 5}};")) ==
        std::vector<int>{1, 2, 0, 3, 4, 5});
    CHECK(
        values<int>(declared(".global .s32 a[][2] = {{1}, {}, {2, 3}};")) ==
        std::vector<int>{1, 0, 0, 0, 2, 3});
    CHECK(
        values<int>(declared(".global .s32 a[2][3] = {1, 2, 3, 4};")) ==
        std::vector<int>{1, 2, 3, 4, 0, 0});
    const Symbol vector = declared(".global .v4 .f32 a[2] = {{1, 2, 3, 4}, {5}};");
    CHECK(vector.align == 16);
    CHECK(values<float>(vector) == std::vector<float>{1, 2, 3, 4, 5, 0, 0, 0});
    CHECK(parse_module(".global .s32 a[2] = {1, 2, 3};").errors.size() == 1);
    CHECK(parse_module(".global .s32 a[2][1] = {{1}, {2}, {3}};").errors.size() == 1);
}

TEST_CASE("data: addresses of other symbols become relocations") {
    const ParseResult result = parse_module(R"(
.func f();
.global .align 8 .b8 data[64];
.global .u64 table[5] = {data, generic(data)+16, generic(data+8)-4, f, table+8};
.global .u32 small = data;
)");
    const Symbol table = global(result, "table");
    REQUIRE(table.relocations.size() == 5);
    CHECK(table.relocations[0].symbol == 0);
    CHECK_FALSE(table.relocations[0].generic);
    CHECK(table.relocations[1].generic);
    CHECK(table.relocations[1].addend == 16);
    CHECK(table.relocations[1].at == 8);
    CHECK(table.relocations[2].addend == 4);
    CHECK(table.relocations[3].function);
    CHECK(table.relocations[3].symbol == 0);
    CHECK(table.relocations[4].symbol == 1);
    CHECK(global(result, "small").relocations.at(0).bytes == 4);
}

TEST_CASE("data: external and dynamic variables have no size of their own") {
    const ParseResult result = parse_module(R"(
.extern .shared .align 16 .b8 dynamic[];
.extern .global .b32 later;
.visible .global .b32 later = 5;
.shared .b64 fixed[2][4];
.global .attribute(.managed) .align 4 .u32 m = 7;
.entry k() { .local .align 8 .b8 depot[24]; .shared .b32 s; .reg .b64 r; mov.u64 r, dynamic; mov.u64 r, s; }
)");
    const Symbol dynamic = global(result, "dynamic");
    CHECK(dynamic.bytes == 0);
    CHECK(dynamic.external);
    CHECK(dynamic.align == 16);
    CHECK(dynamic.space == Space::shared);
    CHECK_FALSE(global(result, "later").external);
    CHECK(global(result, "later").initial.size() == 4);
    CHECK(global(result, "fixed").bytes == 64);
    CHECK(global(result, "fixed").align == 8);
    CHECK(result.module.globals.size() == 4);
    const Function& kernel = result.module.functions.at(0);
    CHECK(kernel.symbols.at(0).space == Space::local);
    CHECK(kernel.symbols.at(0).bytes == 24);
    CHECK(kernel.instructions.at(0).operands.at(1).kind == Operand::Kind::global);
    CHECK(kernel.instructions.at(1).operands.at(1).kind == Operand::Kind::local);
}

TEST_CASE("data: the compiler own initialisers give the values of the source") {
    std::string text;
    for (const Fixture& fixture : fixtures()) {
        text = fixture.name == "globals" ? fixture.text : text;
    }
    const ParseResult result = parse(text);
    CHECK(values<double>(global(result, "matrix")) == std::vector<double>{1.5, 2, 0, 3, 0, 0});
    CHECK(values<float>(global(result, "vector4")) == std::vector<float>{1, 2, 3, 4});
    CHECK(values<std::uint64_t>(global(result, "ones")) == std::vector<std::uint64_t>{~0ULL});
    CHECK(
        values<std::uint32_t>(global(result, "large")) == std::vector<std::uint32_t>{4000000000U});
    CHECK(values<std::int16_t>(global(result, "negative")) == std::vector<std::int16_t>{-3});
    const Symbol pointers = global(result, "pointers");
    REQUIRE(pointers.relocations.size() == 2);
    CHECK(result.module.globals.at(pointers.relocations[1].symbol).name == "matrix");
    CHECK(pointers.relocations[1].addend == 32);
    CHECK(pointers.relocations[1].at == 16);
    const Symbol node = global(result, "node");
    CHECK(result.module.globals.at(node.relocations.at(0).symbol).initial.at(2) == std::byte{'c'});
}
