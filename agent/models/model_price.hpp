// SPDX-License-Identifier: Apache-2.0
// What tokens of a model cost. Prices are the user's: they change too often to be shipped.
#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace kw::agent {

/// USD per million tokens; negative = unknown.
struct ModelPrice {
    double in = -1;
    double out = -1;
    double cached = -1;  ///< prompts read from the provider's cache; unknown = as `in`
    [[nodiscard]] bool known() const { return in >= 0 && out >= 0; }
};

/// Writing to Anthropic's cache costs a quarter more than reading the prompt (its price list, cache
/// of five minutes).
inline constexpr double k_cache_new_factor = 1.25;

struct TokenCounts {
    std::int64_t in = 0;         ///< all of the prompt
    std::int64_t cached = 0;     ///< of `in`
    std::int64_t cache_new = 0;  ///< of `in`
    std::int64_t out = 0;
};

/// USD; the price must be known.
[[nodiscard]] double cost_usd(const ModelPrice& price, const TokenCounts& tokens);

/// "openai:a=3/15, b=0.25/2/0.025": MODEL=IN/OUT or MODEL=IN/OUT/CACHED, USD per million tokens. A
/// model is named with or without its provider. Errc::config for anything else.
[[nodiscard]] Result<std::map<std::string, ModelPrice>> parse_prices(const std::string& text);

}  // namespace kw::agent
