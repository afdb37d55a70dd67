// SPDX-License-Identifier: Apache-2.0
// Configuration: flag > environment KWRIGHT_* > ./kwright.toml > user config > default. Every key
// is declared once in the key table; `config show --origin` prints value and source. API keys are
// never configuration: they come from the environment or a file path.
#pragma once

#include "core/result.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kw {

enum class Origin { fallback, user_file, project_file, environment, flag };
[[nodiscard]] std::string_view name(Origin origin);

enum class KeyType { text, integer, number, boolean, path };

/// One configuration key, e.g. {"budget.max_evals", integer, "40", "evaluations a campaign may
/// spend"}. Its environment variable is KWRIGHT_ + upper case with '.' as '_':
/// KWRIGHT_BUDGET_MAX_EVALS.
struct ConfigKey {
    std::string name;
    KeyType type = KeyType::text;
    std::string fallback;
    std::string about;
    std::string unit;
    std::optional<double> least;       ///< integers and numbers
    std::vector<std::string> choices;  ///< texts; empty = any
};
/// "budget.max_evals" -> "KWRIGHT_BUDGET_MAX_EVALS"
[[nodiscard]] std::string environment_name(const std::string& key);
[[nodiscard]] const std::vector<ConfigKey>& config_keys();

struct ConfigValue {
    std::string text;
    Origin origin = Origin::fallback;
    std::string where;  ///< "kwright.toml:12", "KWRIGHT_DB", "--max-evals"
};

class Config {
public:
    struct Sources {
        std::optional<std::filesystem::path> user_file;
        std::optional<std::filesystem::path> project_file;
        std::function<std::optional<std::string>(const std::string&)> environment;
    };
    /// Unknown key (also an unknown KWRIGHT_* name is not an error: only files are checked) or
    /// wrong type: Errc::config with FILE:LINE and did-you-mean.
    static Result<Config> load(const Sources& sources);

    Result<void> set_flag(
        const std::string& key, const std::string& value, const std::string& flag);

    [[nodiscard]] std::string text(const std::string& key) const;
    [[nodiscard]] std::int64_t integer(const std::string& key) const;
    [[nodiscard]] double number(const std::string& key) const;
    [[nodiscard]] bool boolean(const std::string& key) const;
    [[nodiscard]] const std::map<std::string, ConfigValue>& values() const { return values_; }

private:
    std::map<std::string, ConfigValue> values_;
};

/// A commented kwright.toml with every key at its default: what `kwright init` writes.
[[nodiscard]] std::string config_template();

/// The nearest of `choices` by edit distance, if near enough to be a typing mistake.
[[nodiscard]] std::optional<std::string> did_you_mean(
    const std::string& given, const std::vector<std::string>& choices);

}  // namespace kw
