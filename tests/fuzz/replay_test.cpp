// SPDX-License-Identifier: Apache-2.0
// Every target on its kept inputs, and on seeded mutants of them: what a fuzzer has found once
// stays mended, and the targets stay sound where there is no clang.
#include "evaluator/draws.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using kw::stats::Draws;

constexpr std::uintmax_t k_most_bytes = 12'000;

std::vector<std::string> inputs_of(const fs::path& folder, const std::string& extension = "") {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.is_regular_file() && entry.file_size() <= k_most_bytes &&
            (extension.empty() || entry.path().extension() == extension)) {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    std::vector<std::string> inputs;
    for (const fs::path& file : files) {
        std::ifstream in(file, std::ios::binary);
        std::ostringstream text;
        text << in.rdbuf();
        inputs.push_back(text.str());
    }
    return inputs;
}

void mutate(std::string& text, const std::string& other, Draws& draws) {
    const std::size_t at = draws.below(text.size() + 1);
    const std::size_t length = std::min(draws.below(40), text.size() - at);
    switch (draws.below(5)) {
        case 0: text.erase(at, length); break;
        case 1: text.insert(at, text.substr(at, length)); break;
        case 2: {
            const std::size_t from = draws.below(other.size() + 1);
            text.replace(at, length, other.substr(from, draws.below(120)));
            break;
        }
        case 3: text.insert(at, std::to_string(static_cast<std::int64_t>(draws.next()))); break;
        default:
            if (at < text.size()) {
                text[at] = static_cast<char>(draws.below(256));
            }
    }
}

void replay(void (*target)(std::string_view), const std::vector<std::string>& inputs, int mutants) {
    REQUIRE(!inputs.empty());
    for (const std::string& input : inputs) {
        target(input);
        target(std::string_view(input).substr(0, input.size() / 2));
    }
    Draws draws(11);
    for (int i = 0; i < mutants; ++i) {
        std::string text = inputs[draws.below(inputs.size())];
        for (std::size_t edits = 1 + draws.below(4); edits > 0; --edits) {
            mutate(text, inputs[draws.below(inputs.size())], draws);
        }
        INFO("mutant " << i);
        target(text);
    }
    SUCCEED("every input came to an end");
}

fs::path corpus(const std::string& target) {
    return fs::path(KW_SOURCE_DIR) / "tests/fuzz/corpus" / target;
}

}  // namespace

TEST_CASE("fuzz: cassettes of anybody are read or refused", "[fuzz]") {
    replay(kw::fuzz::cassette, inputs_of(corpus("cassette")), 4000);
}

TEST_CASE("fuzz: answers of anybody give a critique or none", "[fuzz]") {
    replay(kw::fuzz::critique, inputs_of(corpus("critique")), 8000);
}

TEST_CASE("fuzz: databases of anybody are read or refused and not changed", "[fuzz]") {
    replay(kw::fuzz::database, inputs_of(corpus("database")), 120);
}

TEST_CASE("fuzz: launch plans and expressions of anybody end with a plan or a problem", "[fuzz]") {
    replay(kw::fuzz::launch_plan, inputs_of(corpus("launch_plan")), 3000);
}

TEST_CASE("fuzz: answers of model servers are read or refused", "[fuzz]") {
    replay(kw::fuzz::model_stream, inputs_of(corpus("model_stream")), 8000);
}

TEST_CASE("fuzz: pattern files of anybody are read or refused", "[fuzz]") {
    replay(kw::fuzz::patterns, inputs_of(corpus("patterns")), 3000);
}

TEST_CASE("fuzz: PTX of anybody runs within its budgets or is refused", "[fuzz]") {
    std::vector<std::string> inputs = inputs_of(corpus("ptx"));
    for (std::string& golden : inputs_of(fs::path(KW_SOURCE_DIR) / "tests/golden/ptx", ".ptx")) {
        inputs.push_back(std::move(golden));
    }
    replay(kw::fuzz::ptx, inputs, 2000);
}

TEST_CASE("fuzz: replies of anybody give a source or a problem", "[fuzz]") {
    replay(kw::fuzz::reply_parser, inputs_of(corpus("reply_parser")), 8000);
}

TEST_CASE("fuzz: requests of anybody get an answer that the service knows", "[fuzz]") {
    replay(kw::fuzz::service_request, inputs_of(corpus("service_request")), 3000);
}

TEST_CASE("fuzz: strategies of anybody are read and work or are refused", "[fuzz]") {
    std::vector<std::string> inputs = inputs_of(corpus("strategy_toml"));
    for (std::string& shipped : inputs_of(fs::path(KW_SOURCE_DIR) / "prompts/strategies")) {
        inputs.push_back(std::move(shipped));
    }
    replay(kw::fuzz::strategy_toml, inputs, 3000);
}

TEST_CASE("fuzz: task files of anybody are read or refused", "[fuzz]") {
    replay(kw::fuzz::task_toml, inputs_of(corpus("task_toml")), 2000);
}
