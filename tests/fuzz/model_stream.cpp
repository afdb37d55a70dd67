// SPDX-License-Identifier: Apache-2.0
// The body of a model's answer: as server-sent events in pieces, and as one piece.
#include "agent/models/chat_protocol.hpp"
#include "agent/models/sse.hpp"
#include "core/check.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>

namespace kw::fuzz {

namespace {

void check(const Result<agent::ChatAnswer>& answer) {
    if (answer) {
        KW_CHECK(answer->tokens_in >= 0 && answer->tokens_out >= 0);
        KW_CHECK(answer->tokens_cached + answer->tokens_cache_new <= answer->tokens_in);
    } else {
        KW_CHECK(answer.error().code == Errc::model);
    }
}

}  // namespace

void model_stream(std::string_view bytes) {
    for (const auto make : {agent::make_openai_stream, agent::make_anthropic_stream}) {
        const auto stream = make();
        agent::SseReader reader;
        std::size_t piece = 1;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            piece = 1 + static_cast<unsigned char>(bytes[at]) % 16;
            reader.feed(
                bytes.substr(at, piece), [&](std::string_view data) { return stream->take(data); });
        }
        check(stream->result());
    }
    check(agent::read_openai(bytes));
    check(agent::read_anthropic(bytes));
    (void)agent::error_message(bytes);
}

}  // namespace kw::fuzz
