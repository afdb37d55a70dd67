// SPDX-License-Identifier: Apache-2.0
#include "agent/search/preset.hpp"

#include "agent/observation/sections.hpp"
#include "core/config.hpp"
#include "core/text_file.hpp"
#include "core/toml_tree.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace kw::agent {

namespace {

constexpr const char* k_schema = "kwright.strategy/1";
constexpr std::size_t k_max_bytes = std::size_t{16} << 10;
constexpr std::size_t k_max_name = 64;
constexpr std::size_t k_max_sections = 32;
constexpr int k_max_asks = 64;
constexpr int k_max_steps = 10'000;
constexpr int k_max_kernels = 10'000;
constexpr int k_max_islands = 64;
constexpr double k_max_sharpness = 1000;
constexpr double k_max_weight = 1000;

int whole(
    TableReader& table,
    std::string_view key,
    int fallback,
    int least,
    int most,
    Need need = Need::optional) {
    return static_cast<int>(table.integer(key, fallback, least, most, need));
}

bool is_name(const std::string& name) {
    return !name.empty() && name.size() <= k_max_name &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

void read_head(TableReader& file, StrategyPreset& preset, Mistakes& mistakes) {
    const std::string schema = file.text("schema", Need::required, k_max_name);
    if (!schema.empty() && schema != k_schema) {
        mistakes.add(
            file.place_of("schema"),
            "schema is " + in_quotes(schema),
            std::string("this program reads ") + k_schema);
    }
    preset.name = file.text("name", Need::required, k_max_name);
    if (!preset.name.empty() && !is_name(preset.name)) {
        mistakes.add(
            file.place_of("name"),
            "name is " + in_quotes(preset.name),
            "lower-case letters, digits and '-'");
    }
    preset.about = file.text("about", Need::optional, 200);
    preset.width = whole(file, "width", preset.width, 1, k_max_asks);
    preset.depth = whole(file, "depth", preset.depth, 1, k_max_steps);
    constexpr double k_least_gamma = 0.01;
    preset.gamma = file.number("gamma", preset.gamma, k_least_gamma, 1);
    preset.transpile = whole(file, "transpile", 0, 0, k_max_asks);
}

/// Only the keys of the kind are known: a number that would do nothing is a mistake.
SelectionSpec read_selection(const TomlValue& value, Mistakes& mistakes) {
    TableReader table(value, "[selection]", mistakes);
    SelectionSpec spec;
    spec.kind = table.choice(
        "kind",
        {"start", "single", "newest", "cascade", "spread", "weighted", "trajectory"},
        Need::required);
    if (spec.kind == "newest" || spec.kind == "trajectory") {
        spec.patience = whole(table, "patience", spec.patience, 1, k_max_steps);
    }
    if (spec.kind == "weighted") {
        spec.sharpness = table.number("sharpness", spec.sharpness, 0, k_max_sharpness);
        spec.inspirations = whole(table, "inspirations", spec.inspirations, 0, 16);
        spec.improve = table.number("improve", spec.improve, 0, k_max_weight);
        spec.fresh = table.number("fresh", spec.fresh, 0, k_max_weight);
        spec.crossover = table.number("crossover", spec.crossover, 0, k_max_weight);
        if (!(spec.improve + spec.fresh > 0)) {
            mistakes.add(
                table.place_of("improve"),
                "improve and fresh are both 0",
                "crossover needs two kernels, which a campaign does not begin with");
        }
    }
    if (!spec.kind.empty()) {
        table.finish();
    }
    return spec;
}

ArchiveSpec read_archive(const TomlValue& value, Mistakes& mistakes) {
    TableReader table(value, "[archive]", mistakes);
    ArchiveSpec spec;
    spec.kind = table.choice("kind", {"all", "elites", "islands"}, Need::required);
    if (spec.kind == "elites" || spec.kind == "islands") {
        spec.size = whole(table, "size", 1, 1, k_max_kernels, Need::required);
    }
    if (spec.kind == "elites") {
        spec.distinct_lineages = table.boolean("distinct_lineages", false);
    }
    if (spec.kind == "islands") {
        spec.count = whole(table, "count", 1, 1, k_max_islands, Need::required);
        spec.migrate_every = whole(table, "migrate_every", 0, 0, k_max_steps);
        spec.migrants = whole(table, "migrants", spec.migrants, 1, k_max_kernels);
    }
    if (!spec.kind.empty()) {
        table.finish();
    }
    return spec;
}

void read_critic(const TomlValue& value, StrategyPreset& preset, Mistakes& mistakes) {
    TableReader table(value, "[critic]", mistakes);
    preset.critic = table.choice("kind", {"none", "rules", "model"}, Need::required);
    table.finish();
}

void read_value(const TomlValue& value, StrategyPreset& preset, Mistakes& mistakes) {
    TableReader table(value, "[value]", mistakes);
    preset.value = table.choice("kind", {"none", "features", "model", "verifiers"}, Need::required);
    preset.rerank = whole(table, "rerank", 0, 0, k_max_asks);
    if (preset.rerank > 0 && preset.value == "none") {
        mistakes.add(
            table.place_of("rerank"),
            "rerank needs an estimate to rank by",
            "kind = \"features\" or \"model\"");
    } else if (preset.rerank > 0 && preset.rerank < preset.width) {
        mistakes.add(
            table.place_of("rerank"),
            "rerank is " + std::to_string(preset.rerank) + " and the width is " +
                std::to_string(preset.width),
            "rerank is the number of proposals asked for, of which width are judged");
    }
    table.finish();
}

void read_observation(const TomlValue& value, StrategyPreset& preset, Mistakes& mistakes) {
    TableReader table(value, "[observation]", mistakes);
    preset.sections = table.texts("sections", k_max_sections);
    const std::vector<std::string>& known = section_names();
    std::set<std::string_view> seen;
    for (const std::string& section : preset.sections) {
        if (std::ranges::find(known, section) == known.end()) {
            mistakes.add(
                table.place_of("sections"),
                "unknown section " + in_quotes(section),
                suggestion(section, known, "one of " + comma_list(known)));
        } else if (!seen.insert(section).second) {
            mistakes.add(table.place_of("sections"), "section " + in_quotes(section) + " twice");
        }
    }
    table.finish();
}

void read_parts(TableReader& file, StrategyPreset& preset, Mistakes& mistakes) {
    constexpr auto k_table = TomlValue::Kind::table;
    if (const auto* table = file.find_kind("selection", k_table, Need::required)) {
        preset.selection = read_selection(*table, mistakes);
    }
    if (const auto* table = file.find_kind("archive", k_table)) {
        preset.archive = read_archive(*table, mistakes);
    }
    if (const auto* table = file.find_kind("critic", k_table)) {
        read_critic(*table, preset, mistakes);
    }
    if (const auto* table = file.find_kind("value", k_table)) {
        read_value(*table, preset, mistakes);
    }
    if (const auto* table = file.find_kind("observation", k_table)) {
        read_observation(*table, preset, mistakes);
    }
}

bool is_file(const std::string& name) {
    return name.find('/') != std::string::npos || name.ends_with(".toml");
}

Result<StrategyPreset> load_file(const std::filesystem::path& file) {
    KW_TRY_ASSIGN(const std::string text, read_text_file(file, k_max_bytes));
    return parse_preset(text, file.string());
}

}  // namespace

std::vector<std::string> sections_of(const StrategyPreset& preset) {
    if (!preset.sections.empty()) {
        return preset.sections;
    }
    std::vector<std::string> sections = default_sections();
    if (preset.critic != "none") {
        sections.insert(sections.end(), {"critique", "refuted"});
    }
    return sections;
}

Result<StrategyPreset> parse_preset(const std::string& text, const std::string& file) {
    if (text.size() > k_max_bytes) {
        return Error{
            Errc::config, file + ": larger than " + std::to_string(k_max_bytes) + " bytes", ""};
    }
    KW_TRY_ASSIGN(const TomlValue tree, parse_toml(text, file));
    Mistakes mistakes(file);
    TableReader reader(tree, "the preset", mistakes);
    StrategyPreset preset;
    preset.text = text;
    read_head(reader, preset, mistakes);
    read_parts(reader, preset, mistakes);
    const bool has_critic = preset.critic == "rules" || preset.critic == "model";
    if (has_critic && !has_section(sections_of(preset), "critique")) {
        mistakes.add(
            reader.place_of("critic"),
            "the critic would speak to nobody",
            "add \"critique\" to the sections of [observation]");
    }
    reader.finish();
    if (!mistakes.none()) {
        return mistakes.error();
    }
    return preset;
}

std::vector<std::string> preset_names(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    std::error_code failed;
    for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end;
         at.increment(failed)) {
        if (at->path().extension() == ".toml") {
            names.push_back(at->path().stem().string());
        }
    }
    std::ranges::sort(names);
    return names;
}

Result<StrategyPreset> load_preset(const std::string& name, const std::filesystem::path& folder) {
    if (is_file(name)) {
        return load_file(name);
    }
    const std::vector<std::string> names = preset_names(folder);
    if (names.empty()) {
        return Error{
            Errc::environment,
            "looking for strategy " + in_quotes(name) + ": none are in " + folder.string(),
            "kwright doctor says whether the installation is whole"};
    }
    if (std::ranges::find(names, name) == names.end()) {
        return Error{
            Errc::usage,
            "unknown strategy " + in_quotes(name),
            suggestion(name, names, "one of " + comma_list(names) + ", or a preset's file")};
    }
    return load_file(folder / (name + ".toml"));
}

}  // namespace kw::agent
