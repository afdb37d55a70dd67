// SPDX-License-Identifier: Apache-2.0
#include "agent/ablate/arm.hpp"

#include "agent/observation/sections.hpp"
#include "core/config.hpp"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace kw::agent {

namespace {

using Part = std::pair<std::string_view, bool Shown::*>;
constexpr std::array<Part, 5> k_parts = {{
    {"parent", &Shown::parent},
    {"failure", &Shown::failure},
    {"trajectory", &Shown::trajectory},
    {"best", &Shown::best},
    {"critique", &Shown::critique},
}};

Error unknown_part(const std::string& part, const std::string& arm) {
    std::vector<std::string> names;
    std::string list;
    for (const Part& known : k_parts) {
        names.emplace_back(known.first);
        list += (list.empty() ? "" : ", ") + names.back();
    }
    const auto near = did_you_mean(part, names);
    return {
        Errc::usage,
        "unknown part '" + part + "' in the arm '" + arm + "'",
        near ? "did you mean " + *near + "?" : "one of " + list};
}

}  // namespace

Shown shown_by(const StrategyPreset& preset) {
    const std::vector<std::string> sections = sections_of(preset);
    const std::string& kind = preset.selection.kind;
    const bool starts_over = kind == "start" || kind == "single";
    Shown shown;
    shown.parent = !starts_over && has_section(sections, "parent");
    shown.failure = shown.parent;  // its section tells how it came out
    shown.trajectory = has_section(sections, "trajectory");
    shown.best = !starts_over && has_section(sections, "best");
    shown.critique = shown.parent && preset.critic != "none" && has_section(sections, "critique");
    return shown;
}

Result<Arm> parse_arm(const std::string& text, const std::filesystem::path& presets) {
    const std::size_t colon = text.find(':');
    Arm arm{text, text.substr(0, colon), {}};
    KW_TRY_ASSIGN(const StrategyPreset preset, load_preset(arm.strategy, presets));
    arm.shown = shown_by(preset);
    for (std::size_t at = colon; at < text.size() - 1;) {
        const std::size_t begin = at + 1;
        const std::size_t end = std::min(text.find_first_of("+-", begin + 1), text.size());
        const std::string part = text.substr(begin + 1, end - begin - 1);
        bool known = false;
        for (const auto& [name, member] : k_parts) {
            if (part == name) {
                arm.shown.*member = text[begin] == '+';
                known = true;
            }
        }
        if (!known || (text[begin] != '+' && text[begin] != '-')) {
            return unknown_part(part, text);
        }
        at = end - 1;
    }
    return arm;
}

}  // namespace kw::agent
