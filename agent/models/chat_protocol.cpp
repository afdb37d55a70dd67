// SPDX-License-Identifier: Apache-2.0
#include "agent/models/chat_protocol.hpp"

#include "agent/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace kw::agent {

namespace {

using nlohmann::json;

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string text_of(const json& object, const char* key) {
    if (!object.is_object()) {
        return {};
    }
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

const json& member(const json& object, const char* key) {
    static const json k_null;
    if (!object.is_object()) {
        return k_null;
    }
    const auto found = object.find(key);
    return found == object.end() ? k_null : *found;
}

std::int64_t count_of(const json& object, const char* key) {
    const json& value = member(object, key);
    return value.is_number() ? static_cast<std::int64_t>(std::clamp(value.get<double>(), 0.0, 1e12))
                             : 0;
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

ParameterPolicy policy_for(std::string_view model) {
    if (const std::size_t slash = model.rfind('/'); slash != std::string_view::npos) {
        model.remove_prefix(slash + 1);  // "openai/o3" of a relay
    }
    static constexpr std::array<std::string_view, 5> k_reasoning = {
        "o1", "o3", "o4", "o5", "gpt-5"};
    const bool reasoning =
        std::any_of(k_reasoning.begin(), k_reasoning.end(), [&](std::string_view prefix) {
            return model.starts_with(prefix);
        });
    return {reasoning, !reasoning};
}

bool adjust_policy(std::string_view error_body, ParameterPolicy& policy) {
    const auto blames = [&](const char* word) {
        return error_body.find(word) != std::string_view::npos;
    };
    if (!policy.completion_tokens && blames("max_tokens") && blames("max_completion_tokens")) {
        policy.completion_tokens = true;
        return true;
    }
    if (policy.completion_tokens && blames("max_completion_tokens")) {
        policy.completion_tokens = false;
        return true;
    }
    if (policy.temperature && blames("temperature")) {
        policy.temperature = false;
        return true;
    }
    return false;
}

std::string openai_body(const ChatCall& call) {
    json body;
    body["model"] = call.model;
    body["messages"] = json::array();
    if (!call.system.empty()) {
        body["messages"].push_back({{"role", "system"}, {"content", call.system}});
    }
    body["messages"].push_back({{"role", "user"}, {"content", call.prompt}});
    body[call.policy.completion_tokens ? "max_completion_tokens" : "max_tokens"] =
        call.max_output_tokens;
    if (call.policy.temperature && call.temperature >= 0) {
        body["temperature"] = call.temperature;
    }
    return dump(body);
}

std::string anthropic_body(const ChatCall& call) {
    json body;
    body["model"] = call.model;
    body["max_tokens"] = call.max_output_tokens;
    if (!call.system.empty()) {
        body["system"] = call.system;
    }
    body["messages"] = json::array({{{"role", "user"}, {"content", call.prompt}}});
    if (call.policy.temperature && call.temperature >= 0) {
        body["temperature"] = call.temperature;
    }
    return dump(body);
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
    answer.refused = !refusal.empty() || reason == "content_filter";
    if (answer.text.empty()) {
        answer.text = refusal;
    }
    answer.cut_off = reason == "length";
    answer.model = text_of(body, "model");
    const json& usage = member(body, "usage");
    answer.usage_known = usage.is_object();
    answer.tokens_in = count_of(usage, "prompt_tokens");
    answer.tokens_out = count_of(usage, "completion_tokens");
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
    const std::string reason = text_of(body, "stop_reason");
    answer.cut_off = reason == "max_tokens" || reason == "model_context_window_exceeded";
    answer.refused = reason == "refusal";
    answer.model = text_of(body, "model");
    const json& usage = member(body, "usage");
    answer.usage_known = usage.is_object();
    answer.tokens_in = count_of(usage, "input_tokens") +
                       count_of(usage, "cache_creation_input_tokens") +
                       count_of(usage, "cache_read_input_tokens");
    answer.tokens_out = count_of(usage, "output_tokens");
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
