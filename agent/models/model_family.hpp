// SPDX-License-Identifier: Apache-2.0
// What each family of models wants of a request, as data. docs/models.md shows the same table.
#pragma once

#include <string_view>
#include <vector>

namespace kw::agent {

/// The name a server knows the limit of output tokens by.
enum class TokenField { max_tokens, max_completion_tokens };

/// How a request is written. Starts as the family says; a server that refuses a parameter changes
/// it (adjust_policy).
struct ParameterPolicy {
    TokenField token_field = TokenField::max_tokens;
    bool temperature = true;   ///< may send one
    bool stream = true;        ///< ask for an event stream
    bool stream_usage = true;  ///< stream_options.include_usage (OpenAI)
    bool cache_marks = true;   ///< cache_control (Anthropic)
};

struct ModelFamily {
    std::string_view prefix;  ///< of the model's name; "" = every other model
    TokenField token_field = TokenField::max_tokens;
    bool temperature = true;
    bool think_tags = false;  ///< its reasoning stands as <think>...</think> before the answer
    std::string_view about;
};

/// First match counts; the last one matches everything.
[[nodiscard]] const std::vector<ModelFamily>& model_families();
/// "openai/o3" of a relay is "o3". Case does not matter.
[[nodiscard]] const ModelFamily& family_of(std::string_view model);
[[nodiscard]] ParameterPolicy policy_for(std::string_view model);

/// After a 400: the policy to try next when the message blames a parameter; false = it does not.
[[nodiscard]] bool adjust_policy(std::string_view error_body, ParameterPolicy& policy);

}  // namespace kw::agent
