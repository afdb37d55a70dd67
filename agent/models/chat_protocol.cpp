// SPDX-License-Identifier: Apache-2.0
#include "agent/models/chat_protocol.hpp"

#include "agent/models/chat_usage.hpp"
#include "agent/text.hpp"

#include <algorithm>

namespace kw::agent {

namespace {

using nlohmann::json;

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// A string, or an array of content blocks of which only text counts.
std::string content_text(const json& content) {
    if (content.is_string()) {
        return content.get<std::string>();
    }
    std::string text;
    if (content.is_array()) {
        for (const json& block : content) {
            const std::string type = text_of(block, "type");
            if (type == "text" || type == "output_text") {
                text += text_of(block, "text");
            }
        }
    }
    return text;
}

Error not_a_response(const char* api) {
    return {
        Errc::model,
        std::string("reading the response of the ") + api + " API: not a complete response",
        "check that model.base_url points at such an API"};
}

}  // namespace

std::string openai_body(const ChatCall& call) {
    json body;
    body["model"] = call.model;
    body["messages"] = json::array();
    if (!call.system.empty()) {
        body["messages"].push_back({{"role", "system"}, {"content", call.system}});
    }
    body["messages"].push_back({{"role", "user"}, {"content", call.prompt}});
    const bool old_field = call.policy.token_field == TokenField::max_tokens;
    body[old_field ? "max_tokens" : "max_completion_tokens"] = call.max_output_tokens;
    if (call.policy.temperature && call.temperature >= 0) {
        body["temperature"] = call.temperature;
    }
    if (call.policy.stream) {
        body["stream"] = true;
        if (call.policy.stream_usage) {
            body["stream_options"] = {{"include_usage", true}};
        }
    }
    return dump(body);
}

std::string anthropic_body(const ChatCall& call) {
    const auto block = [&](std::string_view text, bool mark) {
        json out = {{"type", "text"}, {"text", text}};
        if (mark && call.policy.cache_marks) {
            out["cache_control"] = {{"type", "ephemeral"}};
        }
        return out;
    };
    json body;
    body["model"] = call.model;
    body["max_tokens"] = call.max_output_tokens;
    if (!call.system.empty()) {
        body["system"] = json::array({block(call.system, true)});
    }
    const std::size_t stable = std::min(call.stable_bytes, call.prompt.size());
    const std::string_view prompt = call.prompt;
    json content = json::array();
    if (stable > 0) {
        content.push_back(block(prompt.substr(0, stable), true));
    }
    if (stable < prompt.size() || stable == 0) {
        content.push_back(block(prompt.substr(stable), false));
    }
    body["messages"] = json::array({{{"role", "user"}, {"content", std::move(content)}}});
    if (call.policy.temperature && call.temperature >= 0) {
        body["temperature"] = call.temperature;
    }
    if (call.policy.stream) {
        body["stream"] = true;
    }
    return dump(body);
}

void add_openai_usage(const json& usage, ChatAnswer& answer) {
    if (!usage.is_object()) {
        return;
    }
    answer.usage_known = true;
    answer.tokens_in = count_of(usage, "prompt_tokens");
    answer.tokens_out = count_of(usage, "completion_tokens");
    const std::int64_t cached = count_of(member(usage, "prompt_tokens_details"), "cached_tokens");
    const std::int64_t hits = count_of(usage, "prompt_cache_hit_tokens");  // DeepSeek
    answer.tokens_cached = std::min(std::max(cached, hits), answer.tokens_in);
}

void add_anthropic_usage(const json& usage, ChatAnswer& answer) {
    if (!usage.is_object()) {
        return;
    }
    answer.usage_known = true;
    if (usage.contains("input_tokens")) {  // its input_tokens leave cached ones out
        answer.tokens_cached = count_of(usage, "cache_read_input_tokens");
        answer.tokens_cache_new = count_of(usage, "cache_creation_input_tokens");
        answer.tokens_in =
            count_of(usage, "input_tokens") + answer.tokens_cached + answer.tokens_cache_new;
    }
    if (usage.contains("output_tokens")) {
        answer.tokens_out = count_of(usage, "output_tokens");
    }
}

void add_openai_end(const std::string& finish_reason, ChatAnswer& answer) {
    answer.cut_off = finish_reason == "length";
    answer.refused = answer.refused || finish_reason == "content_filter";
}

void add_anthropic_end(const std::string& stop_reason, ChatAnswer& answer) {
    answer.cut_off = stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded";
    answer.refused = stop_reason == "refusal";
}

std::string without_thinking(std::string_view text) {
    static constexpr std::string_view k_open = "<think>";
    static constexpr std::string_view k_close = "</think>";
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos || !text.substr(begin).starts_with(k_open)) {
        return std::string(text);
    }
    const std::size_t close = text.find(k_close, begin);
    return close == std::string_view::npos ? std::string{}
                                           : std::string(text.substr(close + k_close.size()));
}

Result<ChatAnswer> read_openai(std::string_view text) {
    const json body = json::parse(text, nullptr, false);
    const json& choices = member(body, "choices");
    if (!choices.is_array() || choices.empty()) {
        return not_a_response("chat completions");
    }
    const json& choice = choices.front();
    const json& message = member(choice, "message");
    if (!message.is_object()) {
        return not_a_response("chat completions");
    }
    ChatAnswer answer;
    answer.text = content_text(member(message, "content"));
    const std::string refusal = text_of(message, "refusal");
    const std::string reason = text_of(choice, "finish_reason");
    answer.refused = !refusal.empty();
    if (answer.text.empty()) {
        answer.text = refusal;
    }
    add_openai_end(reason, answer);
    answer.model = text_of(body, "model");
    add_openai_usage(member(body, "usage"), answer);
    return answer;
}

Result<ChatAnswer> read_anthropic(std::string_view text) {
    const json body = json::parse(text, nullptr, false);
    const json& content = member(body, "content");
    if (!content.is_array()) {
        return not_a_response("messages");
    }
    ChatAnswer answer;
    answer.text = content_text(content);
    add_anthropic_end(text_of(body, "stop_reason"), answer);
    answer.model = text_of(body, "model");
    add_anthropic_usage(member(body, "usage"), answer);
    return answer;
}

std::string error_message(std::string_view text) {
    const json body = json::parse(text, nullptr, false);
    const json& error = member(body, "error");
    if (error.is_string()) {
        return one_line(error.get<std::string>(), 300);
    }
    std::string message = text_of(error, "message");
    const std::string kind =
        text_of(error, "code").empty() ? text_of(error, "type") : text_of(error, "code");
    if (!kind.empty()) {
        message += " (" + kind + ")";
    }
    return one_line(message, 300);
}

}  // namespace kw::agent
