// SPDX-License-Identifier: Apache-2.0
// API keys come from an environment variable or a file, are held by one proposer, and never reach a
// log, an error, an event, a prompt or the database.
#pragma once

#include "agent/models/model_config.hpp"
#include "core/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace kw::agent {

[[nodiscard]] std::optional<std::string> read_environment(
    const ModelConfig& models, const std::string& variable);

/// From models.key_env, else `usual_variable`, else models.key_file. None: Errc::environment, or ""
/// when `may_lack` (a local server needs none). A key with control characters or spaces is refused:
/// it would break the header it is sent in.
[[nodiscard]] Result<std::string> read_api_key(
    const ModelConfig& models, const std::string& usual_variable, bool may_lack);

/// The text without the key. Keys shorter than 8 bytes ("none", "EMPTY") are no secrets.
[[nodiscard]] std::string without_key(std::string_view text, std::string_view key);
/// Also without words that begin like the key: servers echo "sk-proj-abc***xyz" in errors.
[[nodiscard]] std::string without_key_words(std::string_view text, std::string_view key);

}  // namespace kw::agent
