// SPDX-License-Identifier: Apache-2.0
#include "agent/models/chat_protocol.hpp"

#include "agent/models/api_key.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <nlohmann/json.hpp>

using namespace kw;
using namespace kw::agent;
using kw::test::must;
using nlohmann::json;

namespace {

json openai(const std::string& model, double temperature) {
    return json::parse(
        openai_body({model, "role", "question", 100, temperature, policy_for(model)}));
}

}  // namespace

TEST_CASE("chat protocol: reasoning models get max_completion_tokens and no temperature") {
    for (const char* model : {"o3-mini", "gpt-5.1", "openai/o4-mini"}) {
        const json body = openai(model, 0.7);
        CHECK(body["max_completion_tokens"] == 100);
        CHECK_FALSE(body.contains("max_tokens"));
        CHECK_FALSE(body.contains("temperature"));
    }
    const json body = openai("qwen2.5-coder", 0.7);
    CHECK(body["max_tokens"] == 100);
    CHECK(body["temperature"] == 0.7);
    CHECK_FALSE(openai("qwen2.5-coder", -1).contains("temperature"));
}

TEST_CASE("chat protocol: a refused parameter is exchanged once") {
    ParameterPolicy policy = policy_for("other");
    CHECK(
        adjust_policy("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'", policy));
    CHECK(policy.token_field == TokenField::max_completion_tokens);
    CHECK(adjust_policy("'temperature' does not support 0.7", policy));
    CHECK_FALSE(policy.temperature);
    CHECK_FALSE(adjust_policy("context length exceeded", policy));
}

TEST_CASE("chat protocol: bodies hold any bytes") {
    const json body = json::parse(anthropic_body({"m", "", "a\xff\"\\\n", 10, -1, {}}));
    CHECK(body["messages"][0]["role"] == "user");
    CHECK_FALSE(body.contains("system"));
    CHECK(body["max_tokens"] == 10);
}

TEST_CASE("chat protocol: an OpenAI answer is text usage and how it ended") {
    const ChatAnswer answer = must(read_openai(
        R"({"model":"m-1","choices":[{"finish_reason":"length","message":{"content":"hi"}}],
            "usage":{"prompt_tokens":12,"completion_tokens":34}})"));
    CHECK(answer.text == "hi");
    CHECK(answer.cut_off);
    CHECK_FALSE(answer.refused);
    CHECK(answer.tokens_in == 12);
    CHECK(answer.tokens_out == 34);
    const ChatAnswer blocks = must(read_openai(
        R"({"choices":[{"message":{"content":[{"type":"reasoning","text":"no"},
            {"type":"text","text":"a"},{"type":"output_text","text":"b"}]}}]})"));
    CHECK(blocks.text == "ab");
    CHECK_FALSE(blocks.usage_known);
    const ChatAnswer refusal =
        must(read_openai(R"({"choices":[{"message":{"content":null,"refusal":"I will not"}}]})"));
    CHECK(refusal.refused);
    CHECK(refusal.text == "I will not");
}

TEST_CASE("chat protocol: an Anthropic answer leaves thinking blocks out") {
    const ChatAnswer answer = must(read_anthropic(
        R"({"content":[{"type":"thinking","thinking":"x"},{"type":"redacted_thinking","data":"y"},
            {"type":"text","text":"code"}],"stop_reason":"end_turn",
            "usage":{"input_tokens":5,"cache_read_input_tokens":7,"output_tokens":9}})"));
    CHECK(answer.text == "code");
    CHECK(answer.tokens_in == 12);
    CHECK(answer.tokens_out == 9);
    CHECK(must(read_anthropic(R"({"content":[],"stop_reason":"refusal"})")).refused);
    CHECK(must(read_anthropic(R"({"content":[],"stop_reason":"max_tokens"})")).cut_off);
}

TEST_CASE("chat protocol: what is no answer is an error and never a crash") {
    for (const char* body :
         {"",
          "{",
          "[]",
          "null",
          "1",
          R"({"choices":[]})",
          R"({"choices":[1]})",
          R"({"choices":{"a":1}})",
          R"({"choices":[{"message":3}]})",
          "<html>502</html>",
          R"({"content":"x")",
          "\xff\xfe"}) {
        INFO(body);
        CHECK_FALSE(read_openai(body).ok());
        CHECK_FALSE(read_anthropic(body).ok());
        CHECK(error_message(body).empty());
    }
    CHECK(
        error_message(R"({"error":{"message":"too\nmany","code":"rate_limit"}})") ==
        "too many (rate_limit)");
    CHECK(error_message(R"({"error":"plain"})") == "plain");
}

TEST_CASE("api key: keys are taken out of text") {
    const std::string key = "sk-test-0123456789abcdef";
    CHECK(without_key("a " + key + " b", key) == "a [key] b");
    CHECK(without_key("sk-test-other", key) == "sk-test-other");
    CHECK(without_key_words("key sk-test-****cdef, sorry", key) == "key [key], sorry");
    CHECK(without_key("none of it", "none") == "none of it");
}

TEST_CASE("api key: it comes from the environment or a file") {
    const test::TempDir dir;
    ModelConfig models;
    models.environment = [](const std::string& name) -> std::optional<std::string> {
        return name == "SET" ? std::optional<std::string>(" key-from-env\n") : std::nullopt;
    };
    CHECK(must(read_api_key(models, "SET", false)) == "key-from-env");
    CHECK(must(read_api_key(models, "UNSET", true)).empty());
    const auto none = read_api_key(models, "UNSET", false);
    REQUIRE_FALSE(none.ok());
    CHECK(none.error().code == Errc::environment);
    CHECK_THAT(none.error().what, Catch::Matchers::Contains("UNSET"));
    models.key_file = dir / "key";
    CHECK_FALSE(read_api_key(models, "UNSET", true).ok());
    test::write_text(models.key_file, "key-from-file\n");
    CHECK(must(read_api_key(models, "UNSET", false)) == "key-from-file");
    test::write_text(models.key_file, "two words\n");
    CHECK_FALSE(read_api_key(models, "UNSET", false).ok());
}
