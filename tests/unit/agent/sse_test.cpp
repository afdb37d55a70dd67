// SPDX-License-Identifier: Apache-2.0
#include "agent/models/sse.hpp"

#include "agent/models/chat_protocol.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <random>

using namespace kw;
using namespace kw::agent;
using kw::test::contains;
using kw::test::must;

namespace {

/// The data of all events, fed in pieces of random length.
std::vector<std::string> events_of(const std::string& stream, unsigned seed) {
    std::minstd_rand random(seed);
    SseReader reader;
    std::vector<std::string> out;
    for (std::size_t at = 0; at < stream.size();) {
        const std::size_t size = seed == 0 ? stream.size() : 1 + random() % 7;
        reader.feed(std::string_view(stream).substr(at, size), [&](std::string_view data) {
            out.emplace_back(data);
            return true;
        });
        at += size;
    }
    return out;
}

Result<ChatAnswer> answer_of(ChatStream& stream, const std::vector<std::string>& data) {
    for (const std::string& one : data) {
        if (!stream.take(one)) {
            break;
        }
    }
    return stream.result();
}

const std::vector<std::string> k_openai = {
    R"({"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})",
    R"({"choices":[{"index":0,"delta":{"content":"int "}}]})",
    R"({"choices":[{"index":0,"delta":{"reasoning_content":"hm"}},{"index":1,)"
    R"("delta":{"content":"no"}}]})",
    R"({"choices":[{"index":0,"delta":{"content":"x;"},"finish_reason":"length"}]})",
    R"({"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":34,)"
    R"("prompt_tokens_details":{"cached_tokens":5}}})",
    "[DONE]"};

const std::vector<std::string> k_anthropic = {
    R"({"type":"message_start","message":{"model":"c-1","usage":{"input_tokens":3,)"
    R"("cache_read_input_tokens":4,"cache_creation_input_tokens":5,"output_tokens":1}}})",
    R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}})",
    R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}})",
    R"({"type":"ping"})",
    R"({"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}})",
    R"({"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"int "}})",
    R"({"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"x;"}})",
    R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}})",
    R"({"type":"message_stop"})"};

}  // namespace

TEST_CASE("sse: events are the same however the bytes are cut") {
    const std::string stream =
        "\xEF\xBB\xBF: comment\r\ndata: one\r\n\r\nevent: x\ndata:two\ndata\ndata:  three\n\n"
        "id: 7\n\ndata: four\r\rdata: cut off";
    const std::vector<std::string> want = {"one", "two\n\n three", "four"};
    for (unsigned seed = 0; seed < 200; ++seed) {
        INFO("seed " << seed);
        CHECK(events_of(stream, seed) == want);
    }
}

TEST_CASE("sse: a line an event and a stream without end meet their limits") {
    const auto ignore = [](std::string_view) {
        return true;
    };
    const std::string block(std::size_t{1} << 16, 'x');
    SseReader line;
    int fed = 0;
    while (line.feed(block, ignore)) {
        REQUIRE(++fed < 20);
    }
    CHECK(line.too_long());
    SseReader event;
    fed = 0;
    while (event.feed("data: " + block + "\n", ignore)) {
        REQUIRE(++fed < 20);
    }
    CHECK(event.too_long());
    SseReader stream;
    fed = 0;
    while (stream.feed(": " + block + "\n\n", ignore)) {
        REQUIRE(++fed < 300);
    }
    CHECK(stream.too_long());
    CHECK_FALSE(stream.feed("data: late\n\n", [](std::string_view) {
        FAIL("nothing is read behind a limit");
        return true;
    }));
}

TEST_CASE("sse: who wants no more events gets none") {
    SseReader reader;
    int seen = 0;
    CHECK_FALSE(reader.feed("data: a\n\ndata: b\n\n", [&](std::string_view) {
        ++seen;
        return false;
    }));
    CHECK(seen == 1);
    CHECK_FALSE(reader.too_long());
}

TEST_CASE("chat stream: an OpenAI stream is text usage and how it ended") {
    const ChatAnswer answer = must(answer_of(*make_openai_stream(), k_openai));
    CHECK(answer.text == "int x;");
    CHECK(answer.model == "m-1");
    CHECK(answer.cut_off);
    CHECK(answer.tokens_in == 12);
    CHECK(answer.tokens_cached == 5);
    CHECK(answer.tokens_out == 34);
    const ChatAnswer refusal = must(answer_of(
        *make_openai_stream(),
        {R"({"choices":[{"delta":{"refusal":"I will "}}]})",
         R"({"choices":[{"delta":{"refusal":"not"},"finish_reason":"stop"}]})"}));
    CHECK(refusal.refused);
    CHECK(refusal.text == "I will not");
    CHECK_FALSE(refusal.usage_known);
}

TEST_CASE("chat stream: an Anthropic stream leaves thinking out and counts its cache") {
    const ChatAnswer answer = must(answer_of(*make_anthropic_stream(), k_anthropic));
    CHECK(answer.text == "int x;");
    CHECK(answer.model == "c-1");
    CHECK_FALSE(answer.cut_off);
    CHECK(answer.tokens_in == 12);
    CHECK(answer.tokens_cached == 4);
    CHECK(answer.tokens_cache_new == 5);
    CHECK(answer.tokens_out == 9);
}

TEST_CASE("chat stream: one that was cut before its end is no answer") {
    const auto cut = [](const std::vector<std::string>& data, std::size_t keep) {
        return std::vector<std::string>(data.begin(), data.begin() + static_cast<long>(keep));
    };
    for (std::size_t keep = 0; keep < 4; ++keep) {  // the fourth says why it ends
        CHECK(answer_of(*make_openai_stream(), cut(k_openai, keep)).ok() == (keep > 3));
    }
    CHECK(answer_of(*make_openai_stream(), cut(k_openai, 4)).ok());
    for (std::size_t keep = 0; keep < 8; ++keep) {
        CHECK_FALSE(answer_of(*make_anthropic_stream(), cut(k_anthropic, keep)).ok());
    }
    CHECK(answer_of(*make_anthropic_stream(), cut(k_anthropic, 8)).ok());
}

TEST_CASE("chat stream: an error within the stream is told") {
    auto openai = answer_of(
        *make_openai_stream(),
        {k_openai[1], R"({"error":{"message":"overloaded","type":"server_error"}})"});
    REQUIRE_FALSE(openai.ok());
    CHECK(contains(openai.error().what, "overloaded (server_error)"));
    auto anthropic = answer_of(
        *make_anthropic_stream(),
        {k_anthropic[0], R"({"type":"error","error":{"type":"overloaded_error","message":"no"}})"});
    REQUIRE_FALSE(anthropic.ok());
    CHECK(contains(anthropic.error().what, "overloaded_error"));
}

TEST_CASE("chat stream: hostile events are errors or nothing and never a crash") {
    const std::vector<std::string> hostile = {
        "",
        "{",
        "[]",
        "null",
        "1",
        R"({"choices":7})",
        R"({"choices":[7,null,{"delta":[]},{"index":"x","delta":{"content":3}}]})",
        R"({"usage":[],"choices":[{"finish_reason":3}]})",
        R"({"usage":{"prompt_tokens":-1e300,"completion_tokens":1e300}})",
        R"({"type":"message_start","message":3})",
        R"({"type":"message_delta","usage":7,"delta":null})",
        R"({"type":"content_block_delta","delta":"x"})",
        R"({"type":[]})",
        "\xff\xfe",
        std::string(100'000, '[')};
    for (const auto make : {make_openai_stream, make_anthropic_stream}) {
        for (const std::string& one : hostile) {
            const auto stream = make();
            stream->take(one);
            CHECK_FALSE(stream->result().ok());
        }
    }
    std::minstd_rand random(7);
    for (int round = 0; round < 2000; ++round) {
        const bool first = random() % 2 == 0;
        const auto stream = first ? make_openai_stream() : make_anthropic_stream();
        for (std::string one : first ? k_openai : k_anthropic) {
            for (auto left = random() % 3; left > 0; --left) {
                one[random() % one.size()] = static_cast<char>(random() % 256);
            }
            if (!stream->take(one)) {
                break;
            }
        }
        if (const auto answer = stream->result()) {
            CHECK(answer->tokens_in >= 0);
            CHECK(answer->tokens_out >= 0);
        }
    }
}

TEST_CASE("chat stream: thinking in tags is left out") {
    CHECK(without_thinking("\n<think>\nhm\n</think>\nint x;") == "\nint x;");
    CHECK(without_thinking("int x; // <think>") == "int x; // <think>");
    CHECK(without_thinking("<think>cut off").empty());
}
