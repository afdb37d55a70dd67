// SPDX-License-Identifier: Apache-2.0
// The bodies of chat APIs: what is sent to and read from OpenAI-compatible endpoints and
// Anthropic's messages API. Pure functions on text.
#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace kw::agent {

/// How a model wants its parameters. Families differ: reasoning models of OpenAI refuse max_tokens
/// and temperature, older compatible servers know max_tokens only.
struct ParameterPolicy {
    bool completion_tokens = false;  ///< send max_completion_tokens, not max_tokens
    bool temperature = true;         ///< may send a temperature
};
[[nodiscard]] ParameterPolicy policy_for(std::string_view model);

/// After a 400: the policy to try next when the message blames a parameter; false = it does not.
[[nodiscard]] bool adjust_policy(std::string_view error_body, ParameterPolicy& policy);

struct ChatCall {
    std::string model;
    std::string system;
    std::string prompt;
    int max_output_tokens = 8192;
    double temperature = -1;  ///< negative = not sent
    ParameterPolicy policy;
};

[[nodiscard]] std::string openai_body(const ChatCall& call);
[[nodiscard]] std::string anthropic_body(const ChatCall& call);

struct ChatAnswer {
    std::string text;   ///< text blocks joined; thinking blocks are left out
    std::string model;  ///< as the server names it
    std::int64_t tokens_in = 0;
    std::int64_t tokens_out = 0;
    bool usage_known = false;
    bool cut_off = false;  ///< the output limit was met
    bool refused = false;
};

/// Errc::model when the body is not a response of that API (also when it is truncated).
[[nodiscard]] Result<ChatAnswer> read_openai(std::string_view body);
[[nodiscard]] Result<ChatAnswer> read_anthropic(std::string_view body);

/// The message and the type or code of an error body, one line; "" when there is none.
[[nodiscard]] std::string error_message(std::string_view body);

}  // namespace kw::agent
