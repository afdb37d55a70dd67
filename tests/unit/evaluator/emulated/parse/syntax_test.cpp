// SPDX-License-Identifier: Apache-2.0
// Each form of statement and operand on its own.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/parse/fixtures.hpp"

#include <bit>

using namespace kw::emu;
using namespace kw::emu::test;

namespace {

using Lines = std::vector<std::string>;

/// The one function of a module that parses without errors and has a body.
Function only_function(const ParseResult& result) {
    REQUIRE(result.errors.empty());
    for (const Function& function : result.module.functions) {
        if (!function.declared) {
            return function;
        }
    }
    FAIL("no function");
    return {};
}

}  // namespace

TEST_CASE("parse: registers of ranges and single ones are found by name") {
    const ParseResult result = parse_kernel(
        ".reg .pred %p<2>;\n.reg .b16 %rs<1>;\n.reg .f64 a, %b, $c;\n.reg .b128 q;\n.reg .f16x2 "
        "h;\n"
        "mov.b32 %rs0, a; @%p1 mov.f64 %b, $c;");
    const Function function = only_function(result);
    REQUIRE(function.registers.size() == 8);
    CHECK(function.registers[1].name == "%p1");
    CHECK(function.registers[1].kind == 'p');
    CHECK(function.registers[1].bits == 1);
    CHECK(function.registers[2].bits == 16);
    CHECK(function.registers[3].kind == 'f');
    CHECK(function.registers[6].bits == 128);
    CHECK(function.registers[7].bits == 32);
    CHECK(function.instructions[1].guard->reg == 1);
    CHECK(print(result.module, function, function.instructions[1]) == "@%p1 mov.f64 %b, $c");
}

TEST_CASE("parse: a name in an inner scope hides the outer one until the scope ends") {
    const ParseResult result = parse_kernel(
        ".reg .b32 %r<4>;\nmov.u32 %r1, 1;\n{ .reg .b64 %r1; mov.u64 %r1, 2;\n"
        "{ .reg .b16 %r<2>; mov.u16 %r1, %r3; } mov.u64 %r1, 4; }\nmov.u32 %r1, 5;");
    const Function function = only_function(result);
    std::vector<int> bits;
    for (const Instruction& instruction : function.instructions) {
        bits.push_back(function.registers.at(instruction.operands[0].index).bits);
    }
    CHECK(bits == std::vector<int>{32, 64, 16, 64, 32});
    // %r3 is in the outer range only.
    CHECK(function.registers.at(function.instructions[2].operands[1].index).bits == 32);
}

TEST_CASE("parse: a range whose prefix ends in a digit has its own numbers") {
    const ParseResult result =
        parse_kernel(".reg .b32 %r1<3>;\n.reg .b64 %r<5>;\nmov.b32 %r12, %r1; mov.b32 %r10, %r4;");
    const Function function = only_function(result);
    CHECK(function.registers.at(function.instructions[0].operands[0].index).name == "%r12");
    CHECK(function.registers.at(function.instructions[0].operands[1].index).bits == 64);
    CHECK(
        parse_body(".reg .b32 %r1<3>;\nmov.b32 %r13, %r12;") ==
        Lines{"6:9: there is no '%r13' here"});
}

TEST_CASE("parse: operands keep their shape") {
    const Lines lines = parse_body(R"(
.reg .pred p, q; .reg .b32 %r<8>; .reg .b64 %rd<4>; .reg .f32 %f<4>; .shared .align 8 .b8 tile[64];
ld.global.L1::no_allocate.v4.u32 {%r0, %r1, _, %r3}, [%rd1+-16];
st.shared.b32 [tile + 4 + 8], %r1;
setp.lt.and.s32 p|q, %r1, -5, !p;
shfl.sync.idx.b32 %r1|p, %r2, WARP_SZ-1, 0x1f, 0xFFFFFFFF;
mov.b64 %rd1, {%r1, %r2};
mov.u64 %rd1, tile+8;
cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%rd1, {%r2, %r3}], [%r4];
atom.shared.add.u32 %r1, [8], %r2;
mov.u32 %r1, %tid.x;
mov.u64 %rd1, %clock64;
elect.sync _|p, -1;
vadd.u32.u32.u32 %r1, %r2.b0, %r3.h1;
neg.f32 %f1, -%f2;
ld.global .u32 %r1, [ %rd1 ] ;
bar.sync 0; ret;
)");
    CHECK(
        lines ==
        Lines{
            "ld.global.L1::no_allocate.v4.u32 {%r0, %r1, _, %r3}, [%rd1-16]",
            "st.shared.b32 [tile+12], %r1",
            "setp.lt.and.s32 p|q, %r1, -5, !p",
            "shfl.sync.idx.b32 %r1|p, %r2, 31, 31, 4294967295",
            "mov.b64 %rd1, {%r1, %r2}",
            "mov.u64 %rd1, tile+8",
            "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], "
            "[%rd1, {%r2, %r3}], [%r4]",
            "atom.shared.add.u32 %r1, [8], %r2",
            "mov.u32 %r1, %tid.x",
            "mov.u64 %rd1, %clock64",
            "elect.sync _|p, -1",
            "vadd.u32.u32.u32 %r1, %r2.b0, %r3.h1",
            "neg.f32 %f1, -%f2",
            "ld.global.u32 %r1, [%rd1]",
            "bar.sync 0",
            "ret"});
}

TEST_CASE("parse: literals and constant expressions have their values") {
    const auto integer = [](const char* text) {
        const ParseResult result =
            parse_kernel(std::string(".reg .b64 r; mov.b64 r, ") + text + ";");
        INFO(text);
        REQUIRE(result.errors.empty());
        const Operand& operand = result.module.functions.at(0).instructions.at(0).operands.at(1);
        CHECK(operand.kind == Operand::Kind::integer);
        return static_cast<std::int64_t>(operand.bits);
    };
    CHECK(integer("0") == 0);
    CHECK(integer("0x7F") == 127);
    CHECK(integer("0XfFU") == 255);
    CHECK(integer("0b101") == 5);
    CHECK(integer("017") == 15);
    CHECK(integer("0U") == 0);
    CHECK(integer("18446744073709551615") == -1);
    CHECK(integer("-9223372036854775808") == INT64_MIN);
    CHECK(integer("- 5 + 3") == -2);
    CHECK(integer("(4+5)*2") == 18);
    CHECK(integer("1<<4|3&1^2") == 19);
    CHECK(integer("~0 == -1 && 3 > 2 || 0") == 1);
    CHECK(integer("7/-2") == -3);
    CHECK(integer("-7%3") == -1);
    CHECK(integer("-9223372036854775808 / -1") == INT64_MIN);
    CHECK(integer("-1 >> 60") == -1);
    CHECK(integer("(.u64)-1 >> 60") == 15);
    CHECK(integer("1 << 64") == 0);
    CHECK(integer("-1 < 0U") == 0);
    CHECK(integer("1 ? 2 : 0 ? 3 : 4") == 2);
    CHECK(integer("!5") == 0);
    CHECK(integer("WARP_SZ * 2") == 64);

    const auto real = [](const char* text) {
        const ParseResult result =
            parse_kernel(std::string(".reg .f64 r; mov.f64 r, ") + text + ";");
        INFO(text);
        REQUIRE(result.errors.empty());
        const Operand& operand = result.module.functions.at(0).instructions.at(0).operands.at(1);
        REQUIRE(operand.kind == Operand::Kind::real64);
        return std::bit_cast<double>(operand.bits);
    };
    CHECK(real("0d3FF8000000000000") == 1.5);
    CHECK(real("1.5") == 1.5);
    CHECK(real("-2.5e-1") == -0.25);
    CHECK(real("1e+2") == 100.0);
    CHECK(real("3.0 * 2 - 0f3F800000") == 5.0);
    CHECK(
        parse_body(".reg .f32 r; mov.f32 r, 0f3F800000; mov.f32 r, -0F3f800000;") ==
        Lines{"mov.f32 r, 0f3F800000", "mov.f32 r, 0fBF800000"});
}

TEST_CASE("parse: labels are those of their own scope also when they are placed later") {
    const ParseResult result = parse_kernel(R"(
.reg .pred p;
bra END;
{ LOOP: @p bra END; bra LOOP; END: }
{ LOOP: @!p bra END; bra LOOP; END: nop; }
{ { bra LOOP; } LOOP: bra END; }
END:
)");
    const Function function = only_function(result);
    std::vector<std::uint32_t> targets;
    for (const Instruction& instruction : function.instructions) {
        if (instruction.opcode == "bra") {
            targets.push_back(instruction.operands[0].index);
        }
    }
    CHECK(targets == std::vector<std::uint32_t>{8, 3, 1, 5, 3, 7, 8});
}

TEST_CASE("parse: an indexed branch gets its list of labels") {
    CHECK(parse_body(R"(
.reg .b32 i;
{ brx.idx i, later; A: later: .branchtargets A, B, C; }
B: early: .branchtargets C;
brx.idx.uni i, early;
C: ret;
)") == Lines{"brx.idx i, (L1, L1, L2)", "brx.idx.uni i, (L2)", "ret"});
}

TEST_CASE("parse: calls have results and callee and arguments and a prototype") {
    const ParseResult result = parse_module(R"(
.func (.param .b32 r) f (.param .b64 a, .param .align 8 .b8 s[12]);
.func g() .noreturn;
.visible .entry k()
{
.reg .b64 %rd<2>; .reg .b32 %r<2>;
{
.param .b64 p0; .param .align 8 .b8 p1[12]; .param .b32 q;
call.uni (q),
f,
( p0, p1 )
;
mov.u64 %rd1, f;
proto: .callprototype (.param .b32 _) _ (.param .b64 _, .param .b8 _[12]) .noreturn;
call (q), %rd1, (p0, p1), proto;
names: .calltargets f, g;
call (q), %rd1, (p0, p1), names;
call g;
call g, ();
}
}
.func (.param .b32 r) f (.param .b64 x, .param .align 8 .b8 y[12]) { ret; }
)");
    REQUIRE(result.errors.empty());
    Lines lines;
    const Function& kernel = result.module.functions.at(2);
    for (const Instruction& instruction : kernel.instructions) {
        lines.push_back(print(result.module, kernel, instruction));
    }
    CHECK(
        lines == Lines{
                     "call.uni (q), f, (p0, p1)",
                     "mov.u64 %rd1, f",
                     "call (q), %rd1, (p0, p1), proto",
                     "call (q), %rd1, (p0, p1), (f, g)",
                     "call g",
                     "call g, ()"});
    const Function& f = result.module.functions.at(0);
    CHECK_FALSE(f.declared);
    CHECK(f.symbols.at(f.params.at(0)).name == "x");
    CHECK(f.symbols.at(f.params.at(1)).bytes == 12);
    CHECK(f.symbols.at(f.results.at(0)).name == "r");
    CHECK(result.module.functions.at(1).declared);
    const Function& prototype = result.module.functions.at(3);
    CHECK(prototype.params.size() == 2);
    CHECK(prototype.results.size() == 1);
}

TEST_CASE("parse: attributes of kernels and parameters are read") {
    const ParseResult result = parse_module(R"(
.weak .entry k(
 .param .u64 .ptr .global .align 16 k_0,
 .param .align 16 .b8 k_1[48],
 .param .u32 .ptr.align 1 k_2
)
.maxntid 256, 2
.reqntid 64, 1, 1
.explicitcluster
.reqnctapercluster 2, 1, 1
.minnctapersm 2 .maxnreg 128 .pragma "nounroll";
{ ret; }
)");
    const Function kernel = only_function(result);
    CHECK(kernel.kernel);
    CHECK(kernel.max_threads == std::array<std::uint32_t, 3>{256, 2, 1});
    CHECK(kernel.required_threads == std::array<std::uint32_t, 3>{64, 1, 1});
    CHECK(kernel.required_cluster == std::array<std::uint32_t, 3>{2, 1, 1});
    CHECK(kernel.symbols.at(0).align == 8);
    CHECK(kernel.symbols.at(1).align == 16);
    CHECK(kernel.symbols.at(1).bytes == 48);
    CHECK(kernel.symbols.at(2).bytes == 4);
}

TEST_CASE("parse: an inlined instruction knows the place of the outermost call") {
    const ParseResult result = parse_module(R"(
.visible .entry k()
{
.loc 1 10 3
nop;
.loc 2 20 5, function_name $L__info_string0, inlined_at 1 10 3
nop;
.loc	3 30 7, function_name $L__info_string1+4, inlined_at 2 20 5
nop;
.loc 1 11 1
nop;
}
.visible .entry without() { nop; }
.file 1 "a.cu"
.file 3 "dir/c \"quoted\".cuh", 1700000000, 123
.section .debug_str
{
$L__info_string0:
.b8 95,90 // }
}
)");
    REQUIRE(result.errors.empty());
    CHECK(result.module.files == Lines{"", "a.cu", "", R"(dir/c \"quoted\".cuh)"});
    std::vector<std::array<int, 4>> places;
    for (const Instruction& i : result.module.functions.at(0).instructions) {
        places.push_back({i.at.file, i.at.line, i.at.root_file, i.at.root_line});
    }
    CHECK(
        places == std::vector<std::array<int, 4>>{
                      {1, 10, 1, 10}, {2, 20, 1, 10}, {3, 30, 1, 10}, {1, 11, 1, 11}});
    CHECK(result.module.functions.at(1).instructions.at(0).at.file == 0);
    CHECK(result.module.functions.at(0).instructions.at(2).at.ptx_line == 11);
}

TEST_CASE("parse: an alias stands for the function it names") {
    const ParseResult result = parse_module(R"(
.func f();
.func g() { ret; }
.global .u64 table[2] = {f, g};
.alias f, g;
.visible .entry k() { call f; }
)");
    REQUIRE(result.errors.empty());
    CHECK(result.module.functions.at(2).instructions.at(0).operands.at(0).index == 1);
    CHECK(result.module.globals.at(0).relocations.at(0).symbol == 1);
}

TEST_CASE("parse: a vector register is its components") {
    CHECK(
        parse_body(".reg .v4 .f32 v; .reg .v2 .b32 w; ld.v4.f32 v, [in]; add.f32 v.x, v.y, v.a;\n"
                   "mov.b32 w.y, w.x;") ==
        Lines{"ld.v4.f32 {v.x, v.y, v.z, v.w}, [in]", "add.f32 v.x, v.y, v.w", "mov.b32 w.y, w.x"});
    CHECK(parse_body(".reg .v2 .b32 w; mov.b32 w.z, w.x;") == Lines{"5:26: there is no 'w' here"});
}

TEST_CASE("parse: comments and odd spacing change nothing") {
    CHECK(
        parse_body(".reg .pred p; .reg .b32 %r<2>;\r\n @ /* x */ ! p\n\tmov.u32\t%r1 ,/*1*/2 ;;") ==
        Lines{"@!p mov.u32 %r1, 2"});
}

TEST_CASE("parse: an opcode nobody knows is text") {
    CHECK(
        parse_body(".reg .b32 %r<3>; frobnicate.sync::all.v8.x32 %r1, {%r2, 3}, [%r1];") ==
        Lines{"frobnicate.sync::all.v8.x32 %r1, {%r2, 3}, [%r1]"});
}
