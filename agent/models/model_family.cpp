// SPDX-License-Identifier: Apache-2.0
#include "agent/models/model_family.hpp"

#include <algorithm>
#include <cctype>
#include <string>

namespace kw::agent {

const std::vector<ModelFamily>& model_families() {
    using enum TokenField;
    static const std::vector<ModelFamily> families = {
        {"o1", max_completion_tokens, false, false, "OpenAI reasoning models"},
        {"o3", max_completion_tokens, false, false, "OpenAI reasoning models"},
        {"o4", max_completion_tokens, false, false, "OpenAI reasoning models"},
        {"gpt-5", max_completion_tokens, false, false, "OpenAI reasoning models"},
        {"claude", max_tokens, true, false, "Anthropic; thinking comes in blocks of its own"},
        {"deepseek-reasoner", max_tokens, false, false, "reasoning comes in a field of its own"},
        {"deepseek-r1", max_tokens, true, true, "open weights, reasoning in tags"},
        {"qwq", max_tokens, true, true, "open weights, reasoning in tags"},
        {"qwen3", max_tokens, true, true, "open weights, reasoning in tags"},
        {"", max_tokens, true, false, "every other model"},
    };
    return families;
}

const ModelFamily& family_of(std::string_view model) {
    if (const std::size_t slash = model.rfind('/'); slash != std::string_view::npos) {
        model.remove_prefix(slash + 1);
    }
    std::string name(model);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    return *std::ranges::find_if(model_families(), [&](const ModelFamily& family) {
        return name.starts_with(family.prefix);
    });
}

ParameterPolicy policy_for(std::string_view model) {
    const ModelFamily& family = family_of(model);
    ParameterPolicy policy;
    policy.token_field = family.token_field;
    policy.temperature = family.temperature;
    return policy;
}

bool adjust_policy(std::string_view error_body, ParameterPolicy& policy) {
    const auto blames = [&](const char* word) {
        return error_body.find(word) != std::string_view::npos;
    };
    const bool old_field = policy.token_field == TokenField::max_tokens;
    if (old_field && blames("max_tokens") && blames("max_completion_tokens")) {
        policy.token_field = TokenField::max_completion_tokens;
        return true;
    }
    if (!old_field && blames("max_completion_tokens")) {
        policy.token_field = TokenField::max_tokens;
        return true;
    }
    if (policy.temperature && blames("temperature")) {
        policy.temperature = false;
        return true;
    }
    if (policy.stream_usage && (blames("stream_options") || blames("include_usage"))) {
        policy.stream_usage = false;
        return true;
    }
    if (policy.cache_marks && blames("cache_control")) {
        policy.cache_marks = false;
        return true;
    }
    if (policy.stream && blames("stream")) {
        policy.stream = false;
        return true;
    }
    return false;
}

}  // namespace kw::agent
