// SPDX-License-Identifier: Apache-2.0
// The bodies of chat APIs: what is sent to and read from OpenAI-compatible endpoints and
// Anthropic's messages API, whole or as a stream. Pure functions on text.
#pragma once

#include "agent/models/model_family.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kw::agent {

struct ChatCall {
    std::string model;
    std::string system;
    std::string prompt;
    int max_output_tokens = 8192;
    double temperature = -1;  ///< negative = not sent
    ParameterPolicy policy;
    /// So many bytes of the prompt's beginning will come again: the provider may cache them.
    std::size_t stable_bytes = 0;
};

[[nodiscard]] std::string openai_body(const ChatCall& call);
[[nodiscard]] std::string anthropic_body(const ChatCall& call);

struct ChatAnswer {
    std::string text;   ///< text blocks joined; thinking blocks are left out
    std::string model;  ///< as the server names it
    std::int64_t tokens_in = 0;
    std::int64_t tokens_cached = 0;     ///< of tokens_in, read from the provider's cache
    std::int64_t tokens_cache_new = 0;  ///< of tokens_in, written to it (Anthropic)
    std::int64_t tokens_out = 0;
    bool usage_known = false;
    bool cut_off = false;  ///< the output limit was met
    bool refused = false;
};

/// Errc::model when the body is not a response of that API (also when it is truncated).
[[nodiscard]] Result<ChatAnswer> read_openai(std::string_view body);
[[nodiscard]] Result<ChatAnswer> read_anthropic(std::string_view body);

/// Reads the data of server-sent events, one by one.
struct ChatStream {
    virtual ~ChatStream() = default;
    /// False: the stream has said everything, or an error; see result().
    virtual bool take(std::string_view data) = 0;
    /// The answer so far. Errc::model when the stream was cut before it said why it ends, or told
    /// of an error.
    [[nodiscard]] virtual Result<ChatAnswer> result() const = 0;
};
[[nodiscard]] std::unique_ptr<ChatStream> make_openai_stream();
[[nodiscard]] std::unique_ptr<ChatStream> make_anthropic_stream();

/// Without a <think>...</think> at the beginning; what was cut off inside of it is nothing.
[[nodiscard]] std::string without_thinking(std::string_view text);

/// The message and the type or code of an error body, one line; "" when there is none.
[[nodiscard]] std::string error_message(std::string_view body);

}  // namespace kw::agent
