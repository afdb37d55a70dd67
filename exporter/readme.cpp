// SPDX-License-Identifier: Apache-2.0
// README.md of a pack.
#include "exporter/c_text.hpp"
#include "exporter/emit.hpp"

namespace kw::exporter {
namespace {

/// A cell of a Markdown table: no bars, no markup of strangers.
std::string cell(const std::string& text) {
    std::string result;
    for (const char c : comment_text(text)) {
        if (c == '|' || c == '<' || c == '>' || c == '`' || c == '[' || c == ']' || c == '!') {
            result += '\\';
        }
        result += c;
    }
    return result;
}

std::string levels(const Unit& unit) {
    std::string text;
    for (const CpuCode& code : unit.codes) {
        text += (text.empty() ? "" : ", ") + code.level.name + (code.checked ? "" : " (unchecked)");
    }
    if (unit.cuda) {
        text = unit.cuda->arch + (unit.cuda->checked ? "" : " (unchecked)");
    }
    return text;
}

}  // namespace

std::string readme(const Pack& pack) {
    std::string text =
        "# Kernels with a C ABI\n\nWritten by kwright " + comment_text(pack.version) +
        ". It builds by itself: C and C++ compilers, CMake 3.18, binutils; no CUDA, no network.\n\n"
        "```\ncmake -S . -B build && cmake --build build && ctest --test-dir build\n"
        "build/kwk-selfcheck                    # right, and how fast, on this machine\n"
        "cmake --install build --prefix PREFIX\n```\n\n"
        "`find_package(Kwk REQUIRED COMPONENTS OPERATION)` gives `Kwk::OPERATION` (also "
        "`Kwk::static`,\n"
        "`Kwk::shared`); `pkg-config kwk` the same. C: `<kwk/OPERATION.h>`, C++20:\n"
        "`<kwk/OPERATION.hpp>`, Python: `python/kwk`. `<kwk/kwk.h>` says what all operations "
        "share.\n\n"
        "| operation | kernel | speed-up, 95 % interval | on | verified for | code |\n"
        "|---|---|---|---|---|---|\n";
    for (const Operation& operation : pack.operations) {
        for (const Row& row : operation.rows) {
            const Unit& unit = operation.units[row.unit];
            text += "| " + operation.task.name + " | " + unit.id + " | " +
                    cell(evidence(row.kernel.board)) + ", " + cell(row.kernel.board.timing_kind) +
                    " | " + cell(device_name(row.kernel.board.device)) + " | " +
                    cell(row.domain.text) + " | " + levels(unit) + " |\n";
        }
    }
    text +=
        "\n\"unchecked\": built, but the machine that made the pack lacks the instruction set; "
        "run\n"
        "kwk-selfcheck where it is. Outside the verified shapes, and on machines without code, "
        "the\n"
        "reference runs (slow, after one message), or the call fails: `kwk_policy`. "
        "`kwk_explain()`\n"
        "says which and why. manifest.json has sources, hashes and intervals; SHA256SUMS every "
        "file;\n"
        "`kwright export --check DIR` compares both with a database.\n";
    return text;
}

}  // namespace kw::exporter
