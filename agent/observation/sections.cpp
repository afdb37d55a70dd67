// SPDX-License-Identifier: Apache-2.0
#include "agent/observation/sections.hpp"

#include "agent/text.hpp"
#include "core/toml_tree.hpp"

#include <algorithm>
#include <set>

namespace kw::agent {

const std::vector<std::string>& section_names() {
    static const std::vector<std::string> k_names = {
        "hints",
        "hint",
        "examples",
        "trajectory",
        "best",
        "discounted",
        "last",
        "parent",
        "critique",
        "refuted",
        "patterns"};
    return k_names;
}

const std::vector<std::string>& default_sections() {
    static const std::vector<std::string> k_names = {
        "hints", "hint", "trajectory", "best", "discounted", "last", "parent"};
    return k_names;
}

Result<void> check_sections(const std::vector<std::string>& sections) {
    std::set<std::string> seen;
    for (const std::string& section : sections) {
        const auto& names = section_names();
        if (std::find(names.begin(), names.end(), section) == names.end()) {
            return Error{
                Errc::usage,
                "unknown section '" + one_line(section, 40) + "' of a prompt",
                suggestion(section, names, "one of " + comma_list(names))};
        }
        if (!seen.insert(section).second) {
            return Error{
                Errc::usage, "section '" + section + "' of a prompt stands there twice", ""};
        }
    }
    return {};
}

bool has_section(const std::vector<std::string>& sections, const std::string& name) {
    const std::vector<std::string>& chosen = sections.empty() ? default_sections() : sections;
    return std::find(chosen.begin(), chosen.end(), name) != chosen.end();
}

}  // namespace kw::agent
