// SPDX-License-Identifier: Apache-2.0
// How model APIs are reached, priced and slowed down: the keys model.* of the configuration.
#pragma once

#include "agent/models/model_price.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace kw::agent {

struct ModelConfig {
    std::string base_url;  ///< "" = OPENAI_BASE_URL / ANTHROPIC_BASE_URL, else the provider's own
    std::string key_env;   ///< "" = OPENAI_API_KEY / ANTHROPIC_API_KEY
    std::filesystem::path key_file;  ///< read when the variable is not set; "" = none
    std::string name;                ///< model when the proposer names none
    int max_output_tokens = 8192;
    double connect_timeout_s = 20;
    double timeout_s = 300;         ///< one try
    double idle_timeout_s = 0;      ///< without a byte; 0 = timeout_s alone
    double retry_deadline_s = 900;  ///< all tries of one call together, without queues for a limit
    double temperature = -1;        ///< negative = the provider's default
    bool stream = true;             ///< ask for event streams
    double usd_per_mtok_in = -1;    ///< USD per million tokens; negative = unknown
    double usd_per_mtok_out = -1;
    double usd_per_mtok_cached = -1;           ///< cached prompts; negative = as usd_per_mtok_in
    std::map<std::string, ModelPrice> prices;  ///< by label "openai:m" or model "m"; before those
    double requests_per_minute = 0;            ///< of each model; 0 = no limit
    double tokens_per_minute = 0;
    double command_timeout_s = 900;  ///< one run of a `command:` proposer
    /// Environment; the process's own by default.
    std::function<std::optional<std::string>(const std::string&)> environment;
};

}  // namespace kw::agent
