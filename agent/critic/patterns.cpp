// SPDX-License-Identifier: Apache-2.0
#include "agent/critic/patterns.hpp"

#include "agent/text.hpp"
#include "core/text_file.hpp"
#include "core/toml_tree.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace kw::agent {

namespace {

constexpr std::size_t k_max_patterns = 200;
constexpr std::size_t k_max_rules = 8;
constexpr std::size_t k_max_file_bytes = std::size_t{1} << 20;
constexpr std::size_t k_max_files = 100;
constexpr const char* k_schema = "kwright.patterns/1";

bool is_key(std::string_view key) {
    return !key.empty() && key.size() <= 48 && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

void read_rules(const TomlValue& list, const std::string& what, Pattern& out, Mistakes& mistakes) {
    if (list.items.size() > k_max_rules) {
        mistakes.add(list.place, what + ": more than " + std::to_string(k_max_rules) + " rules");
        return;
    }
    for (const TomlValue& item : list.items) {
        if (item.kind != TomlValue::Kind::text) {
            mistakes.add(
                item.place,
                what + ": a rule must be a text and is " + std::string(describe(item.kind)));
            continue;
        }
        Result<DimExpr> rule = DimExpr::parse(item.text);
        if (!rule) {
            mistakes.add(item.place, what + ": " + rule.error().what);
            continue;
        }
        for (const std::string& name : rule->names()) {
            if (!is_fact_name(name)) {
                mistakes.add(
                    item.place,
                    what + ": " + in_quotes(name) + " is not a fact",
                    suggestion(name, fact_names(), "docs/critic.md lists the facts"));
            }
        }
        out.when.push_back(std::move(rule).value());
    }
}

void read_gain(const TomlValue& gain, const std::string& what, Pattern& out, Mistakes& mistakes) {
    const auto number = [](const TomlValue& value) {
        return value.kind == TomlValue::Kind::number || value.kind == TomlValue::Kind::integer;
    };
    if (gain.items.size() != 2 || !number(gain.items[0]) || !number(gain.items[1]) ||
        !(gain.items[0].number >= 0.5) || !(gain.items[1].number <= 100) ||
        !(gain.items[0].number <= gain.items[1].number)) {
        mistakes.add(
            gain.place, what + ": gain must be [least, most], factors between 0.5 and 100");
        return;
    }
    out.gain_lo = gain.items[0].number;
    out.gain_hi = gain.items[1].number;
}

Pattern read_pattern(const TomlValue& table, Mistakes& mistakes) {
    TableReader reader(table, "[[pattern]]", mistakes);
    Pattern out;
    out.key = reader.text("key", Need::required, 64);
    const std::string what = "pattern " + in_quotes(out.key);
    if (!out.key.empty() && !is_key(out.key)) {
        mistakes.add(
            reader.place_of("key"), what + ": a key has small letters, digits and '-', at most 48");
    }
    out.title = reader.text("title", Need::required, 160);
    out.targets = reader.texts("targets", 2);
    for (const std::string& target : out.targets) {
        if (target != "cpu" && target != "cuda") {
            mistakes.add(reader.place_of("targets"), what + ": targets are \"cpu\" and \"cuda\"");
        }
    }
    if (out.targets.empty()) {
        mistakes.add(reader.place_of("targets"), what + ": targets is empty");
    }
    if (const TomlValue* rules = reader.find_kind("when", TomlValue::Kind::array)) {
        read_rules(*rules, what, out, mistakes);
    }
    out.description = reader.text("description", Need::required, 2000);
    out.change = reader.text("change", Need::required, 1000);
    out.example = reader.text("example", Need::optional, 2000);
    if (const TomlValue* gain = reader.find_kind("gain", TomlValue::Kind::array, Need::required)) {
        read_gain(*gain, what, out, mistakes);
    }
    out.source = reader.text("source", Need::required, 300);
    reader.finish();
    return out;
}

Result<std::vector<std::filesystem::path>> toml_files(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    std::error_code ec;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ec)) {
        if (entry.path().extension() == ".toml") {
            files.push_back(entry.path());
        }
    }
    if (ec && ec != std::errc::no_such_file_or_directory) {
        return Error{
            Errc::environment, "reading patterns in " + folder.string() + ": " + ec.message(), {}};
    }
    if (files.size() > k_max_files) {
        return Error{
            Errc::config,
            folder.string() + ": more than " + std::to_string(k_max_files) + " pattern files",
            {}};
    }
    std::sort(files.begin(), files.end());
    return files;
}

/// Whether the rule's facts are all known and it is not 0. Classes are known together.
bool fits(const DimExpr& rule, const Facts& facts, bool classes_known) {
    DimMap values = facts.values;
    for (const std::string& name : rule.names()) {
        if (!values.contains(name)) {
            if (!classes_known || !name.starts_with("class_")) {
                return false;
            }
            values[name] = 0;
        }
    }
    const Result<std::int64_t> value = rule.eval(values);
    return value.ok() && *value != 0;
}

std::string evidence_of(const DimExpr& rule, const Facts& facts) {
    std::string out;
    for (const std::string& name : rule.names()) {
        const auto found = facts.values.find(name);
        const std::int64_t value = found == facts.values.end() ? 0 : found->second;
        out += (out.empty() ? "" : ", ") + name + " = " + std::to_string(value);
    }
    return out;
}

/// Nothing is faster than the roof: what a change can still bring.
double head_room(const Facts& facts) {
    const auto sol = facts.values.find("sol_cold_pct");
    return sol == facts.values.end() || sol->second <= 0
               ? 100
               : std::max(1.0, 100 / static_cast<double>(sol->second));
}

}  // namespace

Result<std::vector<Pattern>> parse_patterns(const std::string& text, const std::string& file) {
    KW_TRY_ASSIGN(const TomlValue tree, parse_toml(text, file));
    Mistakes mistakes(file);
    TableReader reader(tree, "the file", mistakes);
    const std::string schema = reader.text("schema", Need::required, 64);
    if (!schema.empty() && schema != k_schema) {
        mistakes.add(
            reader.place_of("schema"),
            "schema " + in_quotes(schema) + " is not known",
            std::string("this kwright reads ") + k_schema);
    }
    std::vector<Pattern> patterns;
    std::set<std::string> keys;
    for (const TomlValue* table : reader.tables("pattern", Need::required, k_max_patterns)) {
        patterns.push_back(read_pattern(*table, mistakes));
        if (!keys.insert(patterns.back().key).second) {
            mistakes.add(
                table->place, "pattern " + in_quotes(patterns.back().key) + " stands there twice");
        }
    }
    reader.finish();
    if (!mistakes.none()) {
        return mistakes.error();
    }
    return patterns;
}

Result<PatternBook> load_patterns(const std::vector<std::filesystem::path>& folders) {
    std::map<std::string, Pattern> all;
    for (const std::filesystem::path& folder : folders) {
        std::map<std::string, std::string> of_folder;  // key -> file
        KW_TRY_ASSIGN(const auto files, toml_files(folder));
        for (const std::filesystem::path& file : files) {
            KW_TRY_ASSIGN(const std::string text, read_text_file(file, k_max_file_bytes));
            KW_TRY_ASSIGN(std::vector<Pattern> patterns, parse_patterns(text, file.string()));
            for (Pattern& pattern : patterns) {
                const auto [first, fresh] = of_folder.emplace(pattern.key, file.string());
                if (!fresh) {
                    return Error{
                        Errc::config,
                        file.string() + ": pattern '" + pattern.key + "' stands in " +
                            first->second + " too",
                        "rename one of them"};
                }
                const std::string key = pattern.key;
                all.insert_or_assign(key, std::move(pattern));
            }
        }
    }
    PatternBook book;
    for (auto& [key, pattern] : all) {
        book.patterns.push_back(std::move(pattern));
    }
    return book;
}

std::vector<Ranked> rank_patterns(
    const PatternBook& book, const Facts& facts, const std::set<std::string>& refuted) {
    const bool classes_known =
        std::any_of(facts.values.begin(), facts.values.end(), [](const auto& fact) {
            return fact.first.starts_with("class_");
        });
    std::vector<Ranked> ranked;
    for (const Pattern& pattern : book.patterns) {
        if (std::find(pattern.targets.begin(), pattern.targets.end(), facts.target) ==
            pattern.targets.end()) {
            continue;
        }
        Ranked entry;
        entry.pattern = &pattern;
        entry.gain = std::min(std::sqrt(pattern.gain_lo * pattern.gain_hi), head_room(facts));
        for (const DimExpr& rule : pattern.when) {
            if (fits(rule, facts, classes_known)) {
                entry.detected = true;
                entry.evidence = evidence_of(rule, facts);
                break;
            }
        }
        if (entry.detected || pattern.when.empty()) {
            ranked.push_back(std::move(entry));
        }
    }
    const auto order = [&refuted](const Ranked& entry) {
        return std::tuple(
            refuted.contains(entry.pattern->key),
            !entry.detected,
            -entry.gain,
            std::string_view(entry.pattern->key));
    };
    std::sort(ranked.begin(), ranked.end(), [&order](const Ranked& a, const Ranked& b) {
        return order(a) < order(b);
    });
    return ranked;
}

std::string patterns_text(const std::vector<Ranked>& ranked, std::size_t at_most) {
    std::string out;
    for (std::size_t i = 0; i < std::min(at_most, ranked.size()); ++i) {
        const Pattern& pattern = *ranked[i].pattern;
        out += "- **" + pattern.key + "**: " + one_line(pattern.title, 160);
        out += ranked[i].detected ? " (detected: " + ranked[i].evidence + ")" : " (general advice)";
        out += ". " + one_line(pattern.description, 2000) +
               " Change: " + one_line(pattern.change, 1000) +
               " Usual gain: " + figure(pattern.gain_lo, 2) + "x to " + figure(pattern.gain_hi, 2) +
               "x.\n";
        if (!pattern.example.empty()) {
            out +=
                fence(pattern.example, pattern.targets.front() == "cuda" ? "cuda" : "cpp") + "\n";
        }
    }
    return out;
}

}  // namespace kw::agent
