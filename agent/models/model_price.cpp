// SPDX-License-Identifier: Apache-2.0
#include "agent/models/model_price.hpp"

#include "core/ascii.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

namespace kw::agent {

namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t end = text.find(at);
        parts.push_back(trimmed(text.substr(0, end)));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

std::optional<double> price_of(std::string_view text) {
    double value = -1;
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good = error == std::errc{} && at == text.data() + text.size() &&
                      std::isfinite(value) && value >= 0;
    return good ? std::optional<double>(value) : std::nullopt;
}

}  // namespace

double cost_usd(const ModelPrice& price, const TokenCounts& tokens) {
    const double cached = price.cached >= 0 ? price.cached : price.in;
    const auto plain = static_cast<double>(
        std::max<std::int64_t>(0, tokens.in - tokens.cached - tokens.cache_new));
    return (plain * price.in + static_cast<double>(tokens.cached) * cached +
            static_cast<double>(tokens.cache_new) * price.in * k_cache_new_factor +
            static_cast<double>(tokens.out) * price.out) *
           1e-6;
}

Result<std::map<std::string, ModelPrice>> parse_prices(const std::string& text) {
    std::map<std::string, ModelPrice> prices;
    for (const std::string_view entry : split(text, ',')) {
        if (entry.empty()) {
            continue;
        }
        const std::size_t equals = entry.rfind('=');
        const std::string_view name =
            equals == std::string_view::npos ? "" : trimmed(entry.substr(0, equals));
        std::vector<double> numbers;
        if (!name.empty()) {
            for (const std::string_view part : split(entry.substr(equals + 1), '/')) {
                if (const auto number = price_of(part)) {
                    numbers.push_back(*number);
                } else {
                    numbers.assign(4, -1);
                }
            }
        }
        if (numbers.size() < 2 || numbers.size() > 3) {
            return Error{
                Errc::config,
                "model.prices: '" + std::string(entry) +
                    "' is not MODEL=IN/OUT or "
                    "MODEL=IN/OUT/CACHED",
                "prices are in USD per million tokens: openai:gpt-x=1.25/10/0.125"};
        }
        prices[std::string(name)] = {numbers[0], numbers[1], numbers.size() == 3 ? numbers[2] : -1};
    }
    return prices;
}

}  // namespace kw::agent
