// SPDX-License-Identifier: Apache-2.0
#include "agent/critic/critique.hpp"

#include "agent/text.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <optional>

namespace kw::agent {

namespace {

using nlohmann::json;

constexpr std::size_t k_max_answer = std::size_t{64} << 10;
constexpr int k_max_nesting = 16;

/// Where the object that opens at `open` ends, one past its brace. Nothing: it does not, or it is
/// nested too deeply.
std::optional<std::size_t> end_of_object(std::string_view text, std::size_t open) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t at = open; at < text.size(); ++at) {
        const char c = text[at];
        if (quoted) {
            at += c == '\\' ? 1 : 0;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > k_max_nesting) {
                return std::nullopt;
            }
        } else if (c == '}' || c == ']') {
            if (--depth == 0) {
                return at + 1;
            }
        }
    }
    return std::nullopt;
}

Critique unusable(const std::string& why) {
    Critique critique;
    critique.kind = "model";
    critique.diagnosis = why;
    return critique;
}

/// The text of a key as one line; nothing and `why` when it is not there or is none.
std::optional<std::string> line_of(
    const json& object, const char* key, std::size_t at_most, std::string& why) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) {
        why = std::string("the answer has no text '") + key + "'";
        return std::nullopt;
    }
    std::string line = one_line(found->get_ref<const std::string&>(), at_most);
    if (line.empty()) {
        why = std::string("the answer's '") + key + "' is empty";
        return std::nullopt;
    }
    return line;
}

}  // namespace

std::string first_json_object(std::string_view text) {
    text = text.substr(0, k_max_answer);
    // A brace that opens nothing is prose; a few are tried so that the time stays linear.
    constexpr int k_most_tries = 16;
    std::size_t open = text.find('{');
    for (int tries = 0; open != std::string_view::npos && tries < k_most_tries; ++tries) {
        if (const auto end = end_of_object(text, open)) {
            const std::string_view candidate = text.substr(open, *end - open);
            if (json::accept(candidate.begin(), candidate.end())) {
                return std::string(candidate);
            }
        }
        open = text.find('{', open + 1);
    }
    return {};
}

Critique parse_critique(const std::string& answer) {
    const std::string text = first_json_object(answer);
    const json object = json::parse(text, nullptr, false);
    if (!object.is_object()) {
        return unusable("the answer holds no JSON object");
    }
    std::string why;
    const auto diagnosis = line_of(object, "diagnosis", k_max_diagnosis, why);
    const auto bottleneck = line_of(object, "bottleneck", k_max_bottleneck, why);
    const auto change = line_of(object, "change", k_max_change, why);
    if (!diagnosis || !bottleneck || !change) {
        return unusable(why);
    }
    const auto gain = object.find("expected_gain");
    if (gain == object.end() || !gain->is_number()) {
        return unusable("the answer has no number 'expected_gain'");
    }
    const auto factor = gain->get<double>();
    if (!std::isfinite(factor) || factor <= 0 || factor > k_max_expected_gain) {
        return unusable("the answer's expected_gain is not a factor between 0 and 100");
    }
    Critique critique;
    critique.kind = "model";
    critique.usable = true;
    critique.diagnosis = *diagnosis;
    critique.bottleneck = *bottleneck;
    critique.change = *change;
    critique.expected_gain = factor;
    return critique;
}

CritiqueRow row_of(const GivenCritique& given, std::int64_t campaign_id) {
    const Critique& critique = given.critique;
    CritiqueRow row;
    row.campaign_id = campaign_id;
    row.step = given.step;
    row.slot = given.slot;
    row.kind = critique.kind;
    row.usable = critique.usable;
    row.diagnosis = critique.diagnosis;
    row.bottleneck = critique.bottleneck;
    row.change = critique.change;
    row.expected_gain = critique.expected_gain;
    static_cast<PaidAnswer&>(row) = critique;
    return row;
}

GivenCritique given_of(const CritiqueRow& row) {
    GivenCritique given;
    given.step = row.step;
    given.slot = row.slot;
    Critique& critique = given.critique;
    critique.kind = row.kind;
    critique.usable = row.usable;
    critique.diagnosis = row.diagnosis;
    critique.bottleneck = row.bottleneck;
    critique.change = row.change;
    critique.expected_gain = row.expected_gain;
    static_cast<PaidAnswer&>(critique) = row;
    return given;
}

}  // namespace kw::agent
