// SPDX-License-Identifier: Apache-2.0
// docs/emulated-device.md lists what opcodes.def says. After a change of a row, write the list anew
// with
//   KW_UPDATE_GOLDEN=1 kw_test_emu_parse "forms: the documentation lists what the device supports"
#include "evaluator/device/emulated/engine/forms.hpp"

#include "evaluator/device/emulated/engine/insn.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/parse/fixtures.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

using namespace kw::emu;

namespace {

constexpr const char* k_document = KW_SOURCE_DIR "/docs/emulated-device.md";
constexpr std::string_view k_begin = "<!-- supported forms: made from opcodes.def -->\n";
constexpr std::string_view k_end = "<!-- end of supported forms -->\n";

std::string read_document() {
    std::ifstream in(k_document, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("forms: the documentation lists what the device supports") {
    const std::string document = read_document();
    const std::size_t begin = document.find(k_begin);
    const std::size_t end = document.find(k_end);
    REQUIRE(begin != std::string::npos);
    REQUIRE(end != std::string::npos);
    const std::size_t at = begin + k_begin.size();
    REQUIRE(at <= end);
    const std::string made = "\n" + forms_table() + "\n";
    if (std::getenv("KW_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(k_document, std::ios::binary)
            << document.substr(0, at) << made << document.substr(end);
        return;
    }
    CHECK(document.substr(at, end - at) == made);
}

TEST_CASE("forms: every row supports at least one of the opcodes it spells") {
    for (const OpcodeRow& row : opcode_rows()) {
        INFO(row.id << " " << row.pattern);
        const FormCount count = count_forms(row);
        CHECK(count.supported > 0);
        CHECK(count.supported <= count.spelled);
    }
}

TEST_CASE("forms: every opcode of the fixtures is supported") {
    // Calls are the decoder's own: what they do depends on the callee's parameters.
    std::set<std::string> missing;
    for (const test::Fixture& fixture : test::fixtures()) {
        for (const Function& function : parse(fixture.text).module.functions) {
            for (const Instruction& instruction : function.instructions) {
                const std::string& opcode = instruction.opcode;
                const auto found = resolve(opcode);
                const bool bound =
                    found && opcode_rows()[found->row].bind(found->match).run != nullptr;
                if (!bound && !opcode.starts_with("call") && !opcode.starts_with("ret")) {
                    missing.insert(opcode + " (" + fixture.name + ")");
                }
            }
        }
    }
    CHECK(missing == std::set<std::string>{});
}
