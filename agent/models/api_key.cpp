// SPDX-License-Identifier: Apache-2.0
#include "agent/models/api_key.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace kw::agent {

namespace {

constexpr std::size_t k_telling_prefix = 8;

std::string trimmed(std::string text) {
    const char* spaces = " \t\r\n";
    text.erase(0, std::min(text.find_first_not_of(spaces), text.size()));
    text.erase(text.find_last_not_of(spaces) + 1);
    return text;
}

}  // namespace

std::optional<std::string> read_environment(
    const ModelConfig& models, const std::string& variable) {
    std::optional<std::string> value;
    if (models.environment) {
        value = models.environment(variable);
    } else if (const char* text = std::getenv(variable.c_str())) {
        value = text;
    }
    if (value && value->empty()) {
        return std::nullopt;
    }
    return value;
}

Result<std::string> read_api_key(
    const ModelConfig& models, const std::string& usual_variable, bool may_lack) {
    const std::string variable = models.key_env.empty() ? usual_variable : models.key_env;
    std::string key = trimmed(read_environment(models, variable).value_or(""));
    if (key.empty() && !models.key_file.empty()) {
        std::ifstream in(models.key_file);
        if (!in) {
            return Error{
                Errc::environment,
                "reading the API key file " + models.key_file.string() + ": cannot open it",
                "set " + variable + " or correct model.key_file"};
        }
        std::getline(in, key);
        key = trimmed(key);
    }
    if (key.empty() && !may_lack) {
        return Error{
            Errc::environment,
            "no API key: " + variable + " is not set",
            "export " + variable +
                "=..., or use --proposer tune, exchange:DIR or replay:FILE, "
                "which need none"};
    }
    const bool printable =
        std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7F; });
    if (!printable) {
        return Error{
            Errc::environment, "the API key in " + variable + " holds characters no key has", ""};
    }
    return key;
}

namespace {

/// Replaces each `what`, and with `whole_word` the rest of the word it begins.
std::string replace_all(std::string_view text, std::string_view what, bool whole_word) {
    std::string out;
    std::size_t at = 0;
    while (true) {
        const std::size_t found = text.find(what, at);
        out += text.substr(at, found == std::string_view::npos ? found : found - at);
        if (found == std::string_view::npos) {
            return out;
        }
        out += "[key]";
        at = found + what.size();
        while (whole_word && at < text.size() && text[at] > 0x20 &&
               std::string_view("\"',;<>(){}").find(text[at]) == std::string_view::npos) {
            ++at;
        }
    }
}

}  // namespace

std::string without_key(std::string_view text, std::string_view key) {
    return key.size() < k_telling_prefix ? std::string(text) : replace_all(text, key, false);
}

std::string without_key_words(std::string_view text, std::string_view key) {
    return key.size() < k_telling_prefix ? std::string(text)
                                         : replace_all(text, key.substr(0, k_telling_prefix), true);
}

}  // namespace kw::agent
