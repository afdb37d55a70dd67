// SPDX-License-Identifier: Apache-2.0
// What is wrong with a text is said with its place, and only once.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/parse/fixtures.hpp"

using namespace kw::emu;
using namespace kw::emu::test;

namespace {

using Lines = std::vector<std::string>;

Lines errors_of(const ParseResult& result) {
    Lines lines;
    for (const PtxError& error : result.errors) {
        lines.push_back(
            std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.message);
    }
    return lines;
}

/// The body begins on line 5.
Lines body_errors(std::string_view body) {
    return errors_of(parse_kernel(body));
}
/// The declarations begin on line 3.
Lines module_errors(std::string_view text) {
    return errors_of(parse_module(text));
}

}  // namespace

TEST_CASE("errors: unknown names and labels are reported where they stand") {
    CHECK(
        body_errors(".reg .b32 %r<2>;\n  add.s32 %r0, %r1, %r2;") ==
        Lines{"6:21: there is no '%r2' here"});
    CHECK(
        body_errors("bra there;\nnop;") ==
        Lines{"5:5: label 'there' is not placed in this function"});
    CHECK(
        body_errors("{ inner: nop; } bra inner;") ==
        Lines{"5:21: label 'inner' is not placed in this function"});
    CHECK(body_errors(".reg .b32 p;\n@p nop;") == Lines{"6:2: 'p' is not a predicate register"});
    CHECK(body_errors("mov.u32 %foo, 1;") == Lines{"5:9: there is no '%foo' here"});
    CHECK(body_errors("call nowhere;") == Lines{"5:6: there is no 'nowhere' here"});
    CHECK(body_errors(".reg .b32 x; bra x;") == Lines{"5:18: 'x' is not a label"});
}

TEST_CASE("errors: names declared twice are refused") {
    CHECK(body_errors(".reg .b32 a, a;") == Lines{"5:14: 'a' is declared twice"});
    CHECK(
        body_errors(".reg .b32 %r<5>;\n.reg .b64 %r<3>;") ==
        Lines{"6:11: the range '%r' is declared twice"});
    CHECK(
        body_errors(".reg .b32 %r<5>;\n.reg .b64 %r3;") == Lines{"6:11: '%r3' is declared twice"});
    CHECK(body_errors("a: nop; a: nop;") == Lines{"5:9: 'a' is declared twice"});
    CHECK(body_errors(".shared .b32 in;") == Lines{"5:14: 'in' is declared twice"});
    CHECK(
        module_errors(".func f() { ret; } .func f() { ret; }") ==
        Lines{"3:26: 'f' is defined twice"});
    CHECK(module_errors(".global .b32 f; .func f();") == Lines{"3:23: 'f' is declared twice"});
    CHECK(module_errors(".global .b32 x; .global .b32 x;") == Lines{"3:30: 'x' is declared twice"});
    CHECK(
        module_errors(".entry k(.param .b32 a, .param .b32 a) { ret; }") ==
        Lines{"3:37: 'a' is declared twice"});
}

TEST_CASE("errors: numbers that do not fit or mean nothing are refused") {
    CHECK(
        body_errors(".reg .b64 r; mov.b64 r, 18446744073709551616;") ==
        Lines{"5:25: '18446744073709551616' is not a number, or does not fit 64 bits"});
    CHECK(
        body_errors(".reg .b64 r; mov.b64 r, 0x1G;") ==
        Lines{"5:25: '0x1G' is not a number, or does not fit 64 bits"});
    CHECK(body_errors(".reg .b64 r; mov.b64 r, 08;").size() == 1);
    CHECK(body_errors(".reg .b64 r; mov.b64 r, 0f3F80;").size() == 1);
    CHECK(body_errors(".reg .b64 r; mov.b64 r, 0d3F800000;").size() == 1);
    CHECK(body_errors(".reg .b64 r; mov.b64 r, 1e999;").size() == 1);
    CHECK(
        body_errors(".reg .b64 r; mov.b64 r, 5 / (3 - 3);") ==
        Lines{"5:27: this operation has no value"});
    CHECK(body_errors(".reg .b64 r; mov.b64 r, 5 % 0;").size() == 1);
    CHECK(
        body_errors(".reg .b64 r; mov.b64 r, ~1.5;") ==
        Lines{"5:25: this operator needs an integer"});
    CHECK(
        module_errors(".entry k() .maxntid 0 { ret; }") ==
        Lines{"3:21: '0' is not in 1 .. 4294967295"});
    CHECK(module_errors(".file 65536 \"a\"") == Lines{"3:7: '65536' is not in 0 .. 65535"});
    CHECK(module_errors(".global .align 3 .b8 x;") == Lines{"3:9: an alignment is a power of two"});
    CHECK(module_errors(".global .b8 x[4][0];").size() == 1);
    CHECK(module_errors(".global .b8 x[-1];").size() == 1);
    CHECK(module_errors(".global .b8 x[];") == Lines{"3:13: 'x' has no size"});
}

TEST_CASE("errors: what does not end is reported where it began") {
    CHECK(module_errors("/* no end\n\n") == Lines{"3:1: this comment does not end"});
    CHECK(
        module_errors(".file 1 \"no end\n") ==
        Lines{"3:9: expected a file name between quotes on one line"});
    CHECK(module_errors(".section .debug_str { .b8 1") == Lines{"3:10: this section does not end"});
    CHECK(module_errors(".entry k() {\n{ nop;\n}\n") == Lines{"3:12: this '{' is not closed"});
    CHECK(
        module_errors(".entry k() { add.s32 ") ==
        Lines{"3:22: expected a number, but the text ends", "3:12: this '{' is not closed"});
    CHECK(module_errors(".entry k(") == Lines{"3:10: expected .param"});
}

TEST_CASE("errors: several statements each get their own report") {
    const Lines lines = body_errors(
        ".reg .b32 %r<2>;\nadd.s32 %r0, %r1, %r7;\nadd.s32 %r0, {%r1, %r9}, 1;\n"
        "sub.s32 %r0, %r1, %r0 %r0;\n[%r0];\nmov.u32 %r1, %r0;");
    CHECK(
        lines == Lines{
                     "6:19: there is no '%r7' here",
                     "7:20: there is no '%r9' here",
                     "8:23: expected ',' or ';' instead of '%r0'",
                     "9:1: expected an instruction instead of '['"});
    const ParseResult result = parse_module(
        ".bogus 1;\n.global .b32 a[2] = {{1}, {2}, {3}};\n.entry good() { ret; }\n}\n"
        ".entry half( { ret; }\n.entry last() { ret; }\n");
    CHECK(
        errors_of(result) == Lines{
                                 "3:1: unknown directive '.bogus' in the module",
                                 "4:32: more initial values than 'a' has elements",
                                 "6:1: expected a directive instead of '}'",
                                 "7:14: expected .param"});
    CHECK(result.module.functions.back().name == "last");
}

TEST_CASE("errors: there are at most twenty of them") {
    std::string body;
    for (int i = 0; i < 1000; ++i) {
        body += "bra missing;\nfoo %unknown;\n";
    }
    CHECK(parse_kernel(body).errors.size() == 20);
    CHECK(parse_module(std::string(100'000, '}')).errors.size() == 20);
}

TEST_CASE("errors: a text without heading is refused") {
    CHECK(errors_of(parse("")) == Lines{"1:0: there is no .version directive"});
    CHECK(errors_of(parse(".version 9.0\n")) == Lines{"1:0: there is no .target directive"});
    CHECK(module_errors(".address_size 32") == Lines{"3:15: '32' is not in 64 .. 64"});
    CHECK(module_errors(".target sm_80") == Lines{"3:9: a second target 'sm_80'"});
    CHECK(module_errors(".func f(.reg .b32 x) { ret; }").size() == 1);
    CHECK(
        module_errors(".entry k() .surprise { ret; }") ==
        Lines{"3:12: unknown directive '.surprise' in a function's heading"});
}

TEST_CASE("errors: a long name is cut and odd bytes are shown in hexadecimal") {
    const Lines lines = body_errors("bra " + std::string(1000, 'x') + ";");
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].size() < 120);
    CHECK(body_errors("\x01") == Lines{"5:1: expected an instruction instead of byte 0x01"});
    CHECK(
        body_errors(std::string_view("\0", 1)) ==
        Lines{"5:1: expected an instruction instead of byte 0x00"});
    CHECK(body_errors("\xC3\xA9") == Lines{"5:1: expected an instruction instead of byte 0xc3"});
}
