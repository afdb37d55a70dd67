// SPDX-License-Identifier: Apache-2.0
// PTX from a stranger: whatever the text holds, parse() comes back inside its limits.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/parse/fixtures.hpp"

#include <random>

using namespace kw::emu;
using namespace kw::emu::test;

namespace {

/// Every index of the module points at something; the limits were kept.
class Checker {
public:
    Checker(const Module& module, const ParseLimits& limits)
        : module_(module)
        , limits_(limits) {}

    bool good() {
        std::size_t symbols = module_.globals.size() + module_.functions.size();
        for (const Symbol& symbol : module_.globals) {
            check(symbol.initial.size() <= symbol.bytes || symbol.external || symbol.bytes == 0);
            for (const Relocation& relocation : symbol.relocations) {
                check(relocation.at + relocation.bytes <= symbol.initial.size());
                check(
                    relocation.symbol <
                    (relocation.function ? module_.functions.size() : module_.globals.size()));
            }
        }
        for (const Function& function : module_.functions) {
            symbols += function.symbols.size();
            check_function(function);
        }
        check(symbols <= limits_.symbols);
        check(instructions_ <= limits_.instructions);
        check(operands_ <= limits_.operands);
        check(registers_ <= limits_.registers);
        return good_;
    }

private:
    void check(bool condition) { good_ = good_ && condition; }

    void check_function(const Function& function) {
        instructions_ += function.instructions.size();
        registers_ += function.registers.size();
        for (const std::uint32_t param : function.params) {
            check(param < function.symbols.size());
        }
        for (const std::uint32_t result : function.results) {
            check(result < function.symbols.size());
        }
        for (const Instruction& instruction : function.instructions) {
            check(!instruction.opcode.empty() && instruction.opcode.size() <= 256);
            check(!instruction.guard || instruction.guard->reg < function.registers.size());
            for (const Operand& operand : instruction.operands) {
                check_operand(function, operand);
            }
        }
    }

    void check_operand(const Function& function, const Operand& operand) {
        using Kind = Operand::Kind;
        ++operands_;
        check(operand.kind != Kind::reg || operand.index < function.registers.size());
        check(operand.kind != Kind::global || operand.index < module_.globals.size());
        check(operand.kind != Kind::local || operand.index < function.symbols.size());
        check(operand.kind != Kind::function || operand.index < module_.functions.size());
        check(operand.kind != Kind::label || operand.index <= function.instructions.size());
        check(operand.kind != Kind::memory || !operand.parts.empty());
        check(operand.kind != Kind::pair || operand.parts.size() == 2);
        for (const Operand& part : operand.parts) {
            check_operand(function, part);
        }
    }

    const Module& module_;
    const ParseLimits& limits_;
    std::size_t instructions_ = 0;
    std::size_t operands_ = 0;
    std::size_t registers_ = 0;
    bool good_ = true;
};

/// Parses and checks what must hold of any result; true when the text was accepted.
bool survives(std::string_view text, const ParseLimits& limits = {}) {
    const ParseResult result = parse(text, limits);
    REQUIRE(result.errors.size() <= 20);
    for (const PtxError& error : result.errors) {
        REQUIRE(error.line >= 1);
        REQUIRE(error.column >= 0);
        REQUIRE(!error.message.empty());
        REQUIRE(error.message.size() < 300);
        for (const char c : error.message) {
            REQUIRE((c >= ' ' && c < 127));
        }
    }
    if (result.errors.empty()) {
        REQUIRE(Checker(result.module, limits).good());
    }
    return result.errors.empty();
}

const Fixture& fixture(std::string_view name) {
    for (const Fixture& f : fixtures()) {
        if (f.name == name) {
            return f;
        }
    }
    FAIL("no fixture");
    return fixtures().front();
}

std::string repeat(std::string_view text, std::size_t times) {
    std::string all;
    all.reserve(text.size() * times);
    for (std::size_t i = 0; i < times; ++i) {
        all += text;
    }
    return all;
}

/// A module whose kernel holds this body.
std::string with_body(const std::string& body) {
    return ".version 9.0\n.target sm_90a\n.entry k(.param .u64 in)\n{\n" + body + "\n}\n";
}

}  // namespace

TEST_CASE("hostile ptx: a text cut at any byte is refused or whole") {
    for (const char* name : {"hopper_bulk", "globals", "cooperative"}) {
        const std::string& text = fixture(name).text;
        INFO(name);
        std::size_t accepted = 0;
        for (std::size_t size = 0; size < text.size(); ++size) {
            // A copy of exactly that size: reading behind it is seen by the sanitizer.
            const std::vector<char> copy(text.begin(), text.begin() + static_cast<long>(size));
            accepted += survives({copy.data(), copy.size()}) ? 1 : 0;
        }
        CHECK(survives(text));
        // Cuts between two declarations leave a whole module.
        CHECK(accepted < text.size() / 2);
    }
}

TEST_CASE("hostile ptx: lost and doubled and foreign tokens never break the parser") {
    std::mt19937 random(20250101);  // NOLINT: the same variants every time
    std::size_t refused = 0;
    std::size_t variants = 0;
    for (const Fixture& f : fixtures()) {
        if (f.text.size() > 9000) {
            continue;
        }
        std::vector<Token> tokens = tokens_of(f.text);
        for (int round = 0; round < 150; ++round) {
            std::vector<Token> changed = tokens;
            for (int change = 0; change < 1 + round % 3; ++change) {
                const std::size_t at = random() % changed.size();
                switch (random() % 4) {
                    case 0: changed.erase(changed.begin() + static_cast<long>(at)); break;
                    case 1: {
                        const Token copy = changed[at];
                        changed.insert(changed.begin() + static_cast<long>(at), copy);
                        break;
                    }
                    case 2: changed[at].text = changed[random() % changed.size()].text; break;
                    default: std::swap(changed[at], changed[random() % changed.size()]); break;
                }
            }
            std::string text;
            int line = 1;
            for (const Token& token : changed) {
                text += token.line != line ? "\n" : " ";
                text += token.text;
                line = token.line;
            }
            refused += survives(text) ? 0 : 1;
            ++variants;
        }
    }
    CHECK(variants > 2000);
    CHECK(refused > variants / 2);
}

TEST_CASE("hostile ptx: flipped bytes never break the parser") {
    std::mt19937 random(7);  // NOLINT: the same variants every time
    std::size_t variants = 0;
    for (const Fixture& f : fixtures()) {
        if (f.text.size() > 9000) {
            continue;
        }
        for (int round = 0; round < 150; ++round) {
            std::string text = f.text;
            for (int change = 0; change < 1 + round % 8; ++change) {
                text[random() % text.size()] = static_cast<char>(random());
            }
            survives(text);
            ++variants;
        }
    }
    CHECK(variants > 2000);
}

TEST_CASE("hostile ptx: random punctuation never breaks the parser") {
    std::mt19937 random(11);  // NOLINT: the same variants every time
    constexpr std::string_view k_pieces[] = {
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ",",
        ";",
        ":",
        "::",
        "|",
        "!",
        "@",
        "-",
        "+",
        "?",
        "<",
        ">",
        "=",
        "/",
        "*",
        "/*",
        "*/",
        "//",
        "\n",
        "\"",
        ".",
        "%r",
        "%r1",
        "1",
        "0x",
        "0f",
        "_",
        ".reg",
        ".b32",
        ".param",
        ".func",
        ".entry",
        ".global",
        "call",
        "bra",
        "brx",
        "x",
        ".loc",
        ".align",
        ".file",
        ".section",
        "generic",
        "WARP_SZ",
        ".callprototype",
        ".branchtargets",
        ".v4",
        ".pred",
        "99999999999",
        ".alias",
        ".extern",
        ".shared"};
    for (int round = 0; round < 4000; ++round) {
        std::string text = round % 2 == 0 ? ".version 9.0\n.target sm_80\n" : "";
        text += round % 4 == 0 ? ".entry k() {" : "";
        for (std::size_t i = random() % 60; i > 0; --i) {
            text += k_pieces[random() % std::size(k_pieces)];
            text += random() % 2 == 0 ? " " : "";
        }
        survives(text);
    }
}

TEST_CASE("hostile ptx: deep nesting is refused") {
    constexpr std::size_t k_deep = 100'000;
    for (const char* open :
         {"{",
          "[",
          "(",
          "add.s32 {",
          "add.s32 [",
          "add.s32 (",
          "call (",
          "mov.u32 -",
          "mov.u32 !",
          "mov.u32 ~",
          "mov.u32 1?",
          "mov.u32 1?1:",
          "mov.u32 (.u64)",
          "mov.u32 1+("}) {
        INFO(open);
        const std::string_view piece(open);
        const std::size_t blank = piece.rfind(' ');
        const std::string deep =
            blank == std::string_view::npos
                ? repeat(piece, k_deep)
                : std::string(piece.substr(0, blank + 1)) + repeat(piece.substr(blank + 1), k_deep);
        CHECK_FALSE(survives(with_body(deep)));
    }
    CHECK_FALSE(
        survives(".version 9.0\n.target sm_80\n.global .b32 x[5] = " + repeat("{", k_deep)));
    CHECK_FALSE(
        survives(".version 9.0\n.target sm_80\n.global .b32 x" + repeat("[1]", k_deep) + ";"));
    CHECK_FALSE(survives(".version 9.0\n.target sm_80\n.section x " + repeat("{", k_deep)));
    CHECK_FALSE(survives(".version 9.0\n.target sm_80\n.global .attribute" + repeat("(", k_deep)));
    // As deep as the limit allows is fine.
    CHECK(survives(with_body(repeat("{", 60) + "nop;" + repeat("}", 60))));
    CHECK_FALSE(survives(with_body(repeat("{", 70) + "nop;" + repeat("}", 70))));
}

TEST_CASE("hostile ptx: registers and symbols and instructions are counted") {
    CHECK_FALSE(survives(with_body(".reg .b32 %r<4000000000>;")));
    CHECK_FALSE(survives(with_body(".reg .b32 %r<18446744073709551616>;")));
    CHECK_FALSE(survives(with_body(".reg .b32 %r<-1>;")));
    CHECK_FALSE(survives(with_body(".reg .b32 %r<900000>; .reg .b32 %q<200000>;")));
    CHECK_FALSE(survives(with_body(".reg .b32 %" + std::string(100'000, 'r') + "<900000>;")));
    ParseLimits small;
    small.instructions = 10;
    small.operands = 30;
    small.registers = 20;
    small.symbols = 5;
    small.text_bytes = 1000;
    small.data_bytes = 100;
    CHECK(survives(with_body(".reg .b32 %r<20>;" + repeat("mov.b32 %r0, 1;", 10)), small));
    CHECK_FALSE(survives(with_body(".reg .b32 %r<21>;"), small));
    CHECK_FALSE(survives(with_body(repeat("nop;", 11)), small));
    CHECK_FALSE(survives(with_body(".reg .b32 a; x" + repeat(" a,", 30) + "a;"), small));
    CHECK_FALSE(survives(with_body(repeat("{.param .b32 a;}", 6)), small));
    CHECK_FALSE(survives(with_body(std::string(1000, ' ')), small));
    const std::string heading = ".version 9.0\n.target sm_80\n";
    CHECK_FALSE(survives(heading + ".global .b8 x[101];", small));
    CHECK_FALSE(survives(heading + ".global .b8 x[60]; .global .b8 y[60];", small));
    CHECK_FALSE(survives(heading + ".global .b8 x[1099511627776];"));
    CHECK_FALSE(survives(heading + ".global .b64 x[4294967296][4294967296];"));
    CHECK_FALSE(survives(heading + ".global .b32 x[] = {" + repeat("1,", 26) + "1};", small));
}

TEST_CASE("hostile ptx: lists that are named many times are counted") {
    // 2000 targets named by 2000 branches: four million operands and some.
    std::string body = ".reg .b32 i; a: t: .branchtargets a" + repeat(",a", 2500) + ";";
    body += repeat("brx.idx i, t;", 2500);
    CHECK_FALSE(survives(with_body(body)));
    ParseLimits small;
    small.operands = 100;
    CHECK_FALSE(survives(
        ".version 9.0\n.target sm_80\n.func f(); .entry k() { t: .calltargets f" +
            repeat(",f", 20) + ";" + repeat("call f, t;", 10) + "}",
        small));
}

TEST_CASE("hostile ptx: long tokens are only as long as the text") {
    constexpr std::size_t k_long = 1'000'000;
    CHECK_FALSE(survives(with_body(std::string(k_long, 'a') + " %r1;")));
    CHECK_FALSE(survives(with_body("add" + repeat(".f32", k_long / 4) + " 1;")));
    CHECK_FALSE(survives(with_body("add" + repeat(" .f32", k_long / 4) + " 1;")));
    CHECK_FALSE(survives(with_body("mov.u32 " + std::string(k_long, '1') + ";")));
    CHECK_FALSE(survives(with_body("mov.u32 %r" + std::string(k_long, '1') + ";")));
    CHECK_FALSE(
        survives(with_body(".reg .b32 %r1<5>; mov.u32 %r" + std::string(k_long, '1') + ", 1;")));
    CHECK_FALSE(survives(with_body("mov.u32 1" + repeat("+1", k_long) + ",")));
    CHECK_FALSE(survives(".file 1 \"" + std::string(k_long, 'x')));
    CHECK_FALSE(survives(with_body("x" + repeat(" 1,", k_long) + "1;")));
    CHECK_FALSE(survives(with_body("x {1" + repeat(",1", k_long) + "};")));
    CHECK_FALSE(survives(with_body("@" + std::string(k_long, '!') + "p nop;")));
}
