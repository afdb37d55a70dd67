// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <algorithm>
#include <sstream>

using namespace kw::test;

namespace {

using Words = std::vector<std::string>;

Words lines_of(const std::string& text) {
    std::istringstream stream(text);
    Words lines;
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

class Shell {
public:
    Shell()
        : kwright_(folder_.path()) {}
    Words operator()(const Words& words) const {
        Words arguments{"__complete", "--"};
        arguments.insert(arguments.end(), words.begin(), words.end());
        const Outcome outcome = kwright_(arguments);
        CHECK(outcome.code == 0);
        CHECK(outcome.err.empty());
        return lines_of(outcome.out);
    }

private:
    Folder folder_;
    Program kwright_;
};

bool has(const Words& words, const std::string& word) {
    return std::ranges::count(words, word) == 1;
}

}  // namespace

TEST_CASE("completion: commands and their second words", "[cli]") {
    const Shell shell;
    CHECK(has(shell({""}), "board"));
    CHECK(!has(shell({""}), "__complete"));
    CHECK(!has(shell({""}), "dev"));
    CHECK(shell({"res"}) == Words{"resume"});
    CHECK(shell({"task", ""}) == Words{"check", "list", "new"});
}

TEST_CASE("completion: options and the values they take", "[cli]") {
    const Shell shell;
    CHECK(has(shell({"run", "w4a16_gemv", "--"}), "--max-evals"));
    CHECK(has(shell({"run", "--"}), "--db"));
    CHECK(shell({"run", "--max-u"}) == Words{"--max-usd"});
    CHECK(shell({"run", "--strategy", "m"}) == Words{"maxcode"});
    CHECK(has(shell({"run", "--proposer", ""}), "openai:"));
    CHECK(has(shell({"run", "--proposer", ""}), "tune"));
    CHECK(has(shell({"verify", "x.cpp", "--isa", ""}), "x86-64-v3"));
    CHECK(shell({"run", "--target", ""}) == Words{"cpu", "cuda"});
    CHECK(shell({"run", "--device", "emulated:sm_9"}) == Words{"emulated:sm_90a"});
    CHECK(shell({"board", "--color", "n"}) == Words{"never"});
    CHECK(shell({"run", "--events", ""}) == Words{"@file"});
    CHECK(shell({"completion", "z"}) == Words{"zsh"});
}

TEST_CASE("completion: task names also behind options", "[cli]") {
    const Shell shell;
    CHECK(shell({"run", "w4a16"}) == Words{"w4a16_gemv"});
    CHECK(shell({"run", "--max-evals", "4", "w4a16"}) == Words{"w4a16_gemv"});
    CHECK(shell({"board", "--task", "nf4"}) == Words{"nf4_codec"});
    CHECK(shell({"run", "w4a16_gemv", ""}).empty());
    CHECK(shell({"verify", ""}) == Words{"@file"});
    CHECK(shell({"no-such-command", ""}).empty());
}

TEST_CASE("completion: the bash script completes a line", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    write_file(folder / "kwright.bash", kw::cli::completion_script("bash"));
    const auto completed = [&](const std::string& line) {
        write_file(
            folder / "try.bash",
            "source ./kwright.bash\nCOMP_WORDS=(" + kwright.program.string() + " " + line +
                ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_kwright\nprintf '%s\\n' "
                "\"${COMPREPLY[@]}\" > found\n");
        const std::string command = "cd " + folder.path().string() + " && bash ./try.bash";
        REQUIRE(std::system(command.c_str()) == 0);
        return lines_of(read_file(folder / "found"));
    };
    CHECK(completed("res") == Words{"resume"});
    CHECK(completed("run w4a16_gemv --max-u") == Words{"--max-usd"});
    CHECK(completed("task ''") == Words{"check", "list", "new"});
    CHECK(completed("verify try") == Words{"try.bash"});
}
