// SPDX-License-Identifier: Apache-2.0
#include "cli/help.hpp"

#include "cli/command.hpp"
#include "cli/docs.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <algorithm>
#include <set>
#include <sstream>

using namespace kw;
using namespace kw::cli;
using namespace kw::test;

namespace {

std::string file_of(std::string command) {
    std::ranges::replace(command, ' ', '-');
    return command;
}

}  // namespace

TEST_CASE("help: golden texts", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    check_golden("help.txt", kwright({"help"}).out);
    check_golden("help-run.txt", kwright({"run", "--help"}).out);
    check_golden("help-task.txt", kwright({"help", "task"}).out);
    check_golden("help-exit-codes.txt", kwright({"help", "exit-codes"}).out);
}

TEST_CASE("help: every command says what it does with an example and a page", "[cli]") {
    for (const CommandSpec& command : command_table()) {
        INFO(command.name);
        CHECK(!command.summary.empty());
        CHECK(command.run != nullptr);
        if (command.hidden) {
            continue;
        }
        CHECK(!command.examples.empty());
        const bool own_page = command.name != "help" && command.name != "version";
        CHECK((!own_page || !command_prose(command.name).empty()));
        for (const OptionSpec& option : command.options) {
            INFO(option.name);
            CHECK(!option.about.empty());
            if (!option.config_key.empty()) {
                CHECK(std::ranges::count(config_keys(), option.config_key, &ConfigKey::name) == 1);
            }
        }
    }
}

TEST_CASE("help: every page of docs belongs to a command", "[cli]") {
    std::set<std::string> names{"exit-codes"};
    for (const CommandSpec& command : command_table()) {
        names.insert(file_of(command.name));
    }
    for (const auto& [name, text] : embedded_docs()) {
        INFO(name);
        CHECK(names.contains(name));
        CHECK(text.starts_with("# "));
    }
}

TEST_CASE("help: no line is wider than a hundred columns", "[cli]") {
    for (const CommandSpec& command : command_table()) {
        std::istringstream stream(help_text(command.name));
        for (std::string line; std::getline(stream, line);) {
            INFO(command.name << ": " << line);
            CHECK(line.size() <= 100);
        }
    }
}

TEST_CASE("help: asked for anywhere on the line it is given", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    const std::string text = kwright({"help", "run"}).out;
    CHECK(kwright({"run", "--no-such-option", "--help"}).out == text);
    CHECK(kwright({"run", "-h"}).out == text);
    CHECK(kwright({}).out == kwright({"help"}).out);
    CHECK(kwright({"--version"}).out == kwright({"version"}).out);
}

TEST_CASE("help: the manual page names every command and key", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    const Outcome page = kwright({"__man"});
    REQUIRE(page.code == 0);
    CHECK(page.out.find(".TH KWRIGHT 1") != std::string::npos);
    for (const CommandSpec& command : command_table()) {
        const bool named = page.out.find(".SS \"kwright " + command.name) != std::string::npos;
        INFO(command.name);
        CHECK((named || command.hidden || command.name.find('-') != std::string::npos));
    }
    for (const ConfigKey& key : config_keys()) {
        CHECK(page.out.find(key.name) != std::string::npos);
    }
}

TEST_CASE("help: every JSON schema that the sources print is documented", "[cli]") {
    const std::string documented =
        read_file(std::filesystem::path(KW_SOURCE_DIR) / "docs" / "json.md");
    const std::filesystem::path sources = std::filesystem::path(KW_SOURCE_DIR) / "cli";
    int found = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(sources)) {
        const std::string text = entry.is_regular_file() ? read_file(entry.path()) : "";
        const std::string begin = "\"schema\", \"";
        for (std::size_t at = text.find(begin); at != std::string::npos;
             at = text.find(begin, at + 1)) {
            const std::size_t name = at + begin.size();
            const std::string schema = text.substr(name, text.find('"', name) - name);
            INFO(schema);
            CHECK(documented.find("\"schema\":\"" + schema + "\"") != std::string::npos);
            ++found;
        }
    }
    CHECK(found >= 15);
}
