// SPDX-License-Identifier: Apache-2.0
#include "core/config.hpp"

#include "core/check.hpp"
#include "core/text_file.hpp"
#include "core/toml_tree.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace kw {
namespace {

constexpr std::size_t k_max_file_bytes = 1 << 20;
using Kind = TomlValue::Kind;

const ConfigKey* find_key(const std::string& name) {
    for (const ConfigKey& key : config_keys()) {
        if (key.name == name) {
            return &key;
        }
    }
    return nullptr;
}

std::vector<std::string> key_names() {
    std::vector<std::string> names;
    for (const ConfigKey& key : config_keys()) {
        names.push_back(key.name);
    }
    return names;
}

std::string unknown_key_hint(const std::string& name) {
    if (const auto near = did_you_mean(name, key_names())) {
        return "did you mean '" + *near + "'?";
    }
    if (name.find("key") != std::string::npos || name.find("token") != std::string::npos ||
        name.find("secret") != std::string::npos) {
        return "API keys are never configuration: put the key into an environment variable and "
               "name it in model.key_env";
    }
    return "see: kwright config show";
}

std::string_view type_name(KeyType type) {
    switch (type) {
        case KeyType::text: return "a text";
        case KeyType::path: return "a path";
        case KeyType::integer: return "an integer";
        case KeyType::number: return "a number";
        case KeyType::boolean: return "true or false";
    }
    return "a value";
}

std::string show_number(double value) {
    std::array<char, 32> text{};
    return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

template <class Number>
std::optional<Number> parse_number(const std::string& text) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, value);
    if (failed != std::errc{} || stop != end || text.empty()) {
        return std::nullopt;
    }
    return value;
}

std::optional<bool> parse_boolean(const std::string& text) {
    if (text == "true" || text == "1" || text == "yes" || text == "on") {
        return true;
    }
    if (text == "false" || text == "0" || text == "no" || text == "off") {
        return false;
    }
    return std::nullopt;
}

/// What is wrong with `text` as a value of `key`; nothing if it is right.
std::optional<std::string> problem_with(const ConfigKey& key, const std::string& text) {
    const auto wrong_type = [&] {
        std::string what = key.name + " must be ";
        what += type_name(key.type);
        return what + " and is " + in_quotes(text);
    };
    std::optional<double> number;
    if (key.type == KeyType::integer) {
        const auto value = parse_number<std::int64_t>(text);
        if (!value) {
            return wrong_type();
        }
        number = static_cast<double>(*value);
    } else if (key.type == KeyType::number) {
        number = parse_number<double>(text);
        if (!number || !std::isfinite(*number)) {
            return wrong_type();
        }
    } else if (key.type == KeyType::boolean && !parse_boolean(text)) {
        return wrong_type();
    } else if (const auto unfit = unprintable(text, 4096)) {
        return key.name + " " + *unfit;
    }
    if (number && key.least && *number < *key.least) {
        return key.name + " must be at least " + show_number(*key.least) + " and is " + text;
    }
    if (!key.choices.empty() &&
        std::find(key.choices.begin(), key.choices.end(), text) == key.choices.end()) {
        return key.name + " must be one of " + comma_list(key.choices) + " and is " +
               in_quotes(text);
    }
    return std::nullopt;
}

std::optional<std::string> scalar_text(const ConfigKey& key, const TomlValue& value) {
    const bool textual = key.type == KeyType::text || key.type == KeyType::path;
    if (textual) {
        return value.kind == Kind::text ? std::optional(value.text) : std::nullopt;
    }
    if (value.kind == Kind::integer && key.type != KeyType::boolean) {
        return std::to_string(value.integer);
    }
    if (value.kind == Kind::number && key.type == KeyType::number) {
        return show_number(value.number);
    }
    if (value.kind == Kind::boolean && key.type == KeyType::boolean) {
        return value.boolean ? "true" : "false";
    }
    return std::nullopt;
}

struct FileReader {
    std::string file;
    Origin origin;
    Mistakes mistakes;
    std::map<std::string, ConfigValue>& values;

    void read_member(const std::string& prefix, const TomlMember& member) {
        const std::string full = prefix.empty() ? member.key : prefix + "." + member.key;
        const ConfigKey* key = find_key(full);
        if (key != nullptr) {
            read_value(*key, member.value);
        } else if (member.value.kind == Kind::table && !member.value.members.empty()) {
            for (const TomlMember& inner : member.value.members) {
                read_member(full, inner);
            }
        } else if (member.value.kind != Kind::table || !is_section(full)) {
            mistakes.add(member.place, "unknown key " + in_quotes(full), unknown_key_hint(full));
        }
    }

    static bool is_section(const std::string& name) {
        return std::any_of(config_keys().begin(), config_keys().end(), [&](const ConfigKey& key) {
            return key.name.starts_with(name + ".");
        });
    }

    void read_value(const ConfigKey& key, const TomlValue& value) {
        const auto text = scalar_text(key, value);
        if (!text) {
            std::string what = key.name + " must be ";
            what += type_name(key.type);
            what += " and is ";
            what += describe(value.kind);
            mistakes.add(value.place, what);
        } else if (const auto problem = problem_with(key, *text)) {
            mistakes.add(value.place, *problem);
        } else {
            values[key.name] = {*text, origin, file + ":" + std::to_string(value.place.line)};
        }
    }
};

Result<void> read_file(
    const std::filesystem::path& file, Origin origin, std::map<std::string, ConfigValue>& values) {
    std::error_code failed;
    if (!std::filesystem::exists(file, failed)) {
        return {};
    }
    KW_TRY_ASSIGN(const std::string text, read_text_file(file, k_max_file_bytes));
    KW_TRY_ASSIGN(const TomlValue root, parse_toml(text, file.string()));
    FileReader reader{file.string(), origin, Mistakes(file.string()), values};
    for (const TomlMember& member : root.members) {
        reader.read_member("", member);
    }
    if (!reader.mistakes.none()) {
        return reader.mistakes.error();
    }
    return {};
}

const ConfigValue& value_of(
    const std::map<std::string, ConfigValue>& values,
    const std::string& key,
    std::initializer_list<KeyType> types) {
    const ConfigKey* declared = find_key(key);
    KW_CHECK_NOTE(declared != nullptr, key);
    KW_CHECK_NOTE(std::find(types.begin(), types.end(), declared->type) != types.end(), key);
    return values.at(key);
}

}  // namespace

std::string_view name(Origin origin) {
    switch (origin) {
        case Origin::fallback: return "default";
        case Origin::user_file: return "user file";
        case Origin::project_file: return "project file";
        case Origin::environment: return "environment";
        case Origin::flag: return "flag";
    }
    return "default";
}

std::string environment_name(const std::string& key) {
    std::string variable = "KWRIGHT_";
    for (const char c : key) {
        variable += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    return variable;
}

Result<Config> Config::load(const Sources& sources) {
    Config config;
    for (const ConfigKey& key : config_keys()) {
        KW_CHECK_NOTE(!problem_with(key, key.fallback), key.name);
        config.values_[key.name] = {key.fallback, Origin::fallback, "default"};
    }
    if (sources.user_file) {
        KW_TRY(read_file(*sources.user_file, Origin::user_file, config.values_));
    }
    if (sources.project_file) {
        KW_TRY(read_file(*sources.project_file, Origin::project_file, config.values_));
    }
    if (!sources.environment) {
        return config;
    }
    for (const ConfigKey& key : config_keys()) {
        const std::string variable = environment_name(key.name);
        const std::optional<std::string> text = sources.environment(variable);
        if (!text) {
            continue;
        }
        if (const auto problem = problem_with(key, *text)) {
            return Error{Errc::config, "environment variable " + variable + ": " + *problem, {}};
        }
        config.values_[key.name] = {*text, Origin::environment, variable};
    }
    return config;
}

Result<void> Config::set_flag(
    const std::string& key, const std::string& value, const std::string& flag) {
    const ConfigKey* declared = find_key(key);
    if (declared == nullptr) {
        return Error{
            Errc::usage,
            flag + ": unknown configuration key " + in_quotes(key),
            unknown_key_hint(key)};
    }
    if (const auto problem = problem_with(*declared, value)) {
        return Error{Errc::usage, flag + ": " + *problem, {}};
    }
    values_[key] = {value, Origin::flag, flag};
    return {};
}

std::string Config::text(const std::string& key) const {
    return value_of(values_, key, {KeyType::text, KeyType::path}).text;
}

std::int64_t Config::integer(const std::string& key) const {
    const auto value = parse_number<std::int64_t>(value_of(values_, key, {KeyType::integer}).text);
    KW_CHECK_NOTE(value.has_value(), key);
    return *value;
}

double Config::number(const std::string& key) const {
    const auto value =
        parse_number<double>(value_of(values_, key, {KeyType::number, KeyType::integer}).text);
    KW_CHECK_NOTE(value.has_value(), key);
    return *value;
}

bool Config::boolean(const std::string& key) const {
    const auto value = parse_boolean(value_of(values_, key, {KeyType::boolean}).text);
    KW_CHECK_NOTE(value.has_value(), key);
    return *value;
}

std::string config_template() {
    std::string out =
        "# kwright.toml: settings of this folder. Every line is at its default; take the # off to\n"
        "# change one. A flag wins over the environment (KWRIGHT_BUDGET_MAX_EVALS), that over "
        "this\n"
        "# file, that over the user's own file. Seen with: kwright config show --origin\n"
        "# API keys never belong in here.\n";
    std::string section;
    for (const ConfigKey& key : config_keys()) {
        const std::size_t dot = key.name.find('.');
        const std::string table = dot == std::string::npos ? "" : key.name.substr(0, dot);
        const std::string leaf = dot == std::string::npos ? key.name : key.name.substr(dot + 1);
        out += "\n";
        if (table != section) {
            section = table;
            out += "[" + table + "]\n";
        }
        const bool textual = key.type == KeyType::text || key.type == KeyType::path;
        out += "# " + key.about + (key.unit.empty() ? "" : " (" + key.unit + ")");
        out += key.choices.empty() ? "\n" : ": " + comma_list(key.choices) + "\n";
        out += "#" + leaf + " = " + (textual ? "\"" + key.fallback + "\"" : key.fallback) + "\n";
    }
    return out;
}

}  // namespace kw
