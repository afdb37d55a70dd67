// SPDX-License-Identifier: Apache-2.0
#include "agent/models/chat_usage.hpp"
#include "agent/text.hpp"

#include <optional>

namespace kw::agent {

namespace {

using nlohmann::json;

Error stream_error(const std::string& what) {
    return {
        Errc::model,
        "reading the stream of the answer: " + what,
        "set model.stream = false if the server does not stream well"};
}

/// What both protocols have: an answer that grows, an end, an error.
class Growing : public ChatStream {
public:
    [[nodiscard]] Result<ChatAnswer> result() const override {
        if (!problem_.empty()) {
            return stream_error(problem_);
        }
        if (!ended_) {
            return stream_error("it was cut before its end");
        }
        return answer_;
    }

protected:
    bool fail(const std::string& problem) {
        problem_ = problem;
        return false;
    }
    bool fail_with(const json& error) {
        const std::string message = text_of(error, "message");
        const std::string kind = text_of(error, "type");
        return fail("the server says " + one_line(message + " (" + kind + ")", 300));
    }

    ChatAnswer answer_;
    bool ended_ = false;  ///< it was said why the answer ends

private:
    std::string problem_;
};

class OpenaiStream final : public Growing {
public:
    bool take(std::string_view data) override {
        if (data == "[DONE]") {
            return false;
        }
        const json chunk = json::parse(data, nullptr, false);
        if (!chunk.is_object()) {
            return fail("a part of it is no JSON object");
        }
        if (const json& error = member(chunk, "error"); error.is_object()) {
            return fail_with(error);
        }
        if (answer_.model.empty()) {
            answer_.model = text_of(chunk, "model");
        }
        add_openai_usage(member(chunk, "usage"), answer_);
        const json& choices = member(chunk, "choices");
        for (const json& choice : choices.is_array() ? choices : json::array()) {
            if (count_of(choice, "index") == 0) {
                take_choice(choice);
            }
        }
        return true;
    }

    [[nodiscard]] Result<ChatAnswer> result() const override {
        Result<ChatAnswer> answer = Growing::result();
        if (answer && answer->text.empty()) {
            answer->text = refusal_;
        }
        return answer;
    }

private:
    void take_choice(const json& choice) {
        const json& delta = member(choice, "delta");
        answer_.text += text_of(delta, "content");
        refusal_ += text_of(delta, "refusal");
        answer_.refused = answer_.refused || !refusal_.empty();
        if (const std::string reason = text_of(choice, "finish_reason"); !reason.empty()) {
            add_openai_end(reason, answer_);
            ended_ = true;
        }
    }

    std::string refusal_;
};

class AnthropicStream final : public Growing {
public:
    bool take(std::string_view data) override {
        const json event = json::parse(data, nullptr, false);
        const std::string type = text_of(event, "type");
        if (type.empty()) {
            return fail("a part of it is no JSON object with a type");
        }
        if (type == "error") {
            return fail_with(member(event, "error"));
        }
        if (type == "message_start") {
            const json& message = member(event, "message");
            answer_.model = text_of(message, "model");
            add_anthropic_usage(member(message, "usage"), answer_);
        } else if (type == "content_block_start") {
            const json& block = member(event, "content_block");
            answer_.text += text_of(block, "type") == "text" ? text_of(block, "text") : "";
        } else if (type == "content_block_delta") {
            const json& delta = member(event, "delta");
            answer_.text += text_of(delta, "type") == "text_delta" ? text_of(delta, "text") : "";
        } else if (type == "message_delta") {
            add_anthropic_usage(member(event, "usage"), answer_);
            const std::string reason = text_of(member(event, "delta"), "stop_reason");
            if (!reason.empty()) {
                add_anthropic_end(reason, answer_);
                ended_ = true;
            }
        }
        return type != "message_stop";
    }
};

}  // namespace

std::unique_ptr<ChatStream> make_openai_stream() {
    return std::make_unique<OpenaiStream>();
}

std::unique_ptr<ChatStream> make_anthropic_stream() {
    return std::make_unique<AnthropicStream>();
}

}  // namespace kw::agent
