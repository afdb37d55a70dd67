// SPDX-License-Identifier: Apache-2.0
// What nvcc wrote and what we read, token by token: every instruction of every fixture is printed
// from the parsed module and compared with the text it came from, read by a reader of its own.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/parse/fixtures.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

using namespace kw::emu;
using namespace kw::emu::test;

namespace {

bool is_number(const std::string& text) {
    return text[0] >= '0' && text[0] <= '9';
}

std::uint64_t value_of(const std::string& text) {
    return std::strtoull(text.c_str(), nullptr, 0);
}

/// "+0" goes, "+ -8" becomes "- 8": the printer writes offsets so.
std::vector<Token> normalised(const std::vector<Token>& from) {
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < from.size(); ++i) {
        if (from[i].text == "+" && i + 1 < from.size()) {
            if (from[i + 1].text == "0") {
                ++i;
                continue;
            }
            if (from[i + 1].text == "-") {
                continue;
            }
        }
        tokens.push_back(from[i]);
    }
    return tokens;
}

/// A printed label stands for any name.
bool same(const std::string& printed, const std::string& source, bool is_label) {
    if (is_label) {
        return true;
    }
    if (source == "WARP_SZ") {
        return printed == "32";
    }
    if (is_number(printed) && is_number(source) && printed[1] != 'f' && printed[1] != 'd') {
        return value_of(printed) == value_of(source);
    }
    return printed == source;
}

class Source {
public:
    explicit Source(const std::string& text)
        : tokens_(normalised(tokens_of(text))) {
        for (std::size_t i = 0; i < tokens_.size(); ++i) {
            first_of_line_.emplace(tokens_[i].line, i);
        }
    }

    /// Whether the printed instruction begins somewhere on that line.
    [[nodiscard]] bool has(int line, const std::vector<Token>& printed, bool branch) const {
        const auto first = first_of_line_.find(line);
        if (first == first_of_line_.end()) {
            return false;
        }
        for (std::size_t i = first->second; i < tokens_.size() && tokens_[i].line == line; ++i) {
            if (matches(i, printed, branch)) {
                return true;
            }
        }
        return false;
    }

    /// The line on which "name:" stands; 0 when there are several or none.
    [[nodiscard]] int line_of_label(const std::string& name) const {
        int line = 0;
        for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) {
            if (tokens_[i].text == name && tokens_[i + 1].text == ":") {
                if (line != 0) {
                    return 0;
                }
                line = tokens_[i].line;
            }
        }
        return line;
    }

    /// The name that a branch on this line goes to.
    [[nodiscard]] std::string branch_target(int line) const {
        for (const Token& token : tokens_) {
            if (token.line == line && token.text.starts_with("$L__BB")) {
                return token.text;
            }
        }
        return {};
    }

private:
    [[nodiscard]] bool matches(
        std::size_t at, const std::vector<Token>& printed, bool branch) const {
        if (at + printed.size() >= tokens_.size() || tokens_[at + printed.size()].text != ";") {
            return false;
        }
        for (std::size_t i = 0; i < printed.size(); ++i) {
            if (!same(printed[i].text, tokens_[at + i].text, branch && i + 1 == printed.size())) {
                return false;
            }
        }
        return true;
    }

    std::vector<Token> tokens_;
    std::map<int, std::size_t> first_of_line_;
};

struct Count {
    std::size_t instructions = 0;
    std::size_t branches = 0;
    std::vector<std::string> differences;
};

void compare_branch(
    const Source& source, const Function& function, const Instruction& branch, Count& count) {
    const std::string name = source.branch_target(branch.at.ptx_line);
    const int line = name.empty() ? 0 : source.line_of_label(name);
    if (line == 0) {
        return;
    }
    ++count.branches;
    const std::uint32_t target = branch.operands.at(0).index;
    const auto& all = function.instructions;
    const bool behind = target == all.size() || all.at(target).at.ptx_line > line;
    const bool first = target == 0 || all.at(target - 1).at.ptx_line < line;
    if (!behind || !first) {
        count.differences.push_back(name + " goes to the wrong instruction");
    }
}

Count compare(const Fixture& fixture) {
    Count count;
    const ParseResult result = parse(fixture.text);
    for (const PtxError& error : result.errors) {
        count.differences.push_back(
            std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.message);
    }
    const Source source(fixture.text);
    for (const Function& function : result.module.functions) {
        for (const Instruction& instruction : function.instructions) {
            ++count.instructions;
            const bool branch = instruction.opcode.starts_with("bra");
            const std::string printed = print(result.module, function, instruction);
            if (!source.has(instruction.at.ptx_line, tokens_of(printed), branch)) {
                count.differences.push_back(
                    std::to_string(instruction.at.ptx_line) + ": " + printed);
            }
            if (branch) {
                compare_branch(source, function, instruction, count);
            }
        }
    }
    return count;
}

/// Statements that end in ';' and begin with no directive.
std::size_t statements_that_are_instructions(const std::vector<Token>& tokens) {
    static const std::set<std::string> whole_lines = {
        ".loc", ".file", ".version", ".target", ".address_size"};
    std::size_t count = 0;
    std::string first;
    bool heading = false;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const std::string& text = tokens[i].text;
        const bool label = i + 1 < tokens.size() && tokens[i + 1].text == ":";
        if (first.empty() && whole_lines.contains(text)) {
            while (i + 1 < tokens.size() && tokens[i + 1].line == tokens[i].line) {
                ++i;
            }
        } else if (first.empty() && label && i + 2 < tokens.size()) {
            first = tokens[i + 2].text == ".callprototype" ? tokens[i + 2].text : "";
            ++i;
        } else if (text == ";") {
            count += !first.empty() && first[0] != '.' ? 1 : 0;
            first.clear();
            heading = false;
        } else if (first.empty() && (text == "{" || text == "}")) {
            continue;
        } else if (heading && text == "{") {
            first.clear();
            heading = false;
        } else {
            first = first.empty() ? text : first;
            heading |= text == ".func" || text == ".entry";
        }
    }
    return count;
}

}  // namespace

TEST_CASE("golden ptx: every instruction of every fixture reads back as it was written") {
    REQUIRE(fixtures().size() >= 25);
    std::size_t instructions = 0;
    std::size_t branches = 0;
    for (const Fixture& fixture : fixtures()) {
        INFO(fixture.name);
        const Count count = compare(fixture);
        CHECK(count.differences == std::vector<std::string>{});
        CHECK(count.instructions > 20);
        instructions += count.instructions;
        branches += count.branches;
    }
    CHECK(instructions > 5000);
    CHECK(branches > 300);
}

TEST_CASE("golden ptx: every statement of a fixture is an instruction or a declaration") {
    for (const Fixture& fixture : fixtures()) {
        INFO(fixture.name);
        std::size_t instructions = 0;
        for (const Function& function : parse(fixture.text).module.functions) {
            instructions += function.instructions.size();
        }
        CHECK(instructions == statements_that_are_instructions(tokens_of(fixture.text)));
    }
}

TEST_CASE("golden ptx: kernels have the names and parameters of their sources") {
    std::map<std::string, std::vector<std::uint64_t>> kernels;
    for (const Fixture& fixture : fixtures()) {
        const Module module = parse(fixture.text).module;
        CHECK(module.version == "9.0");
        CHECK(module.target.starts_with("sm_"));
        for (const Function& function : module.functions) {
            if (function.kernel) {
                CHECK_FALSE(function.declared);
                for (const std::uint32_t param : function.params) {
                    kernels[function.name].push_back(function.symbols.at(param).bytes);
                }
            }
        }
    }
    CHECK(kernels.size() >= 50);
    CHECK(kernels["add_f32"] == std::vector<std::uint64_t>{8, 8, 8, 4});
    CHECK(kernels["call_struct"] == std::vector<std::uint64_t>{48, 8});
    CHECK(kernels["tensor_wgmma"] == std::vector<std::uint64_t>{128, 128, 8});
    CHECK(kernels["axpy_f16x2"] == std::vector<std::uint64_t>{4, 8, 8, 4});
}

TEST_CASE("golden ptx: line information leads back to the candidate own file") {
    for (const Fixture& fixture : fixtures()) {
        const Module module = parse(fixture.text).module;
        if (module.files.size() < 2) {
            continue;
        }
        INFO(fixture.name);
        std::size_t inlined = 0;
        for (const Function& function : module.functions) {
            for (const Instruction& instruction : function.instructions) {
                const Location& at = instruction.at;
                REQUIRE(at.file > 0);
                REQUIRE(static_cast<std::size_t>(at.file) < module.files.size());
                // Not one of these fixtures has a function that stands in a header.
                CHECK(
                    module.files.at(static_cast<std::size_t>(at.root_file)) ==
                    fixture.name + ".cu");
                CHECK(at.root_line > 0);
                inlined += at.root_line != at.line || at.root_file != at.file ? 1 : 0;
            }
        }
        if (fixture.name == "cub_reduce_scan") {
            CHECK(inlined > 100);
        }
    }
}
