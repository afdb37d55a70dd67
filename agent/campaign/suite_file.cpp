// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/suite_file.hpp"

#include "core/text_file.hpp"
#include "core/toml_tree.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace kw::agent {

namespace {

namespace fs = std::filesystem;

constexpr const char* k_schema = "kwright.suite/1";
constexpr std::size_t k_max_bytes = std::size_t{64} << 10;
constexpr std::size_t k_max_tasks = 256;
constexpr std::size_t k_max_name = 64;

/// Also of tasks: a suite's names become names of campaigns, not paths.
bool is_name(const std::string& name) {
    return !name.empty() && name.size() <= k_max_name &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
}

void check_names(const Suite& suite, const TableReader& table, Mistakes& mistakes) {
    if (!suite.name.empty() && !is_name(suite.name)) {
        mistakes.add(
            table.place_of("name"),
            "name is " + in_quotes(suite.name),
            "lower-case letters, digits, '_' and '-'");
    }
    std::set<std::string_view> seen;
    for (const std::string& task : suite.tasks) {
        if (!is_name(task)) {
            mistakes.add(table.place_of("tasks"), in_quotes(task) + " is no task's name");
        } else if (!seen.insert(task).second) {
            mistakes.add(table.place_of("tasks"), "task " + in_quotes(task) + " twice");
        }
    }
    if (suite.tasks.empty()) {
        mistakes.add(table.place_of("tasks"), "a suite needs at least one task");
    }
}

}  // namespace

Result<Suite> parse_suite(const std::string& text, const std::string& file) {
    KW_TRY_ASSIGN(const TomlValue tree, parse_toml(text, file));
    Mistakes mistakes(file);
    TableReader table(tree, "the suite", mistakes);
    const std::string schema = table.text("schema", Need::required, k_max_name);
    if (!schema.empty() && schema != k_schema) {
        mistakes.add(
            table.place_of("schema"),
            "schema is " + in_quotes(schema),
            std::string("this program reads ") + k_schema);
    }
    Suite suite;
    suite.name = table.text("name", Need::required, k_max_name);
    suite.about = table.text("about", Need::optional, 200);
    suite.tasks = table.texts("tasks", k_max_tasks);
    check_names(suite, table, mistakes);
    table.finish();
    if (!mistakes.none()) {
        return mistakes.error();
    }
    return suite;
}

Result<Suite> find_suite(const std::string& name, const std::vector<fs::path>& task_roots) {
    fs::path file = name;
    if (name.find('/') == std::string::npos && !name.ends_with(".toml")) {
        std::map<std::string, fs::path> found;
        for (const fs::path& root : task_roots) {
            std::error_code failed;
            for (fs::directory_iterator at(root / "suites", failed), end; !failed && at != end;
                 at.increment(failed)) {
                if (at->path().extension() == ".toml") {
                    found.try_emplace(at->path().stem().string(), at->path());
                }
            }
        }
        const auto entry = found.find(name);
        if (entry == found.end()) {
            std::vector<std::string> names;
            for (const auto& [known, path] : found) {
                names.push_back(known);
            }
            return Error{
                Errc::usage,
                "unknown suite " + in_quotes(name),
                suggestion(name, names, "one of " + comma_list(names) + ", or a suite's file")};
        }
        file = entry->second;
    }
    KW_TRY_ASSIGN(const std::string text, read_text_file(file, k_max_bytes));
    return parse_suite(text, file.string());
}

}  // namespace kw::agent
