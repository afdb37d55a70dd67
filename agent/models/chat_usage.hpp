// SPDX-License-Identifier: Apache-2.0
// The parts that whole responses and streams share: usage and the reason of the end.
#pragma once

#include "agent/models/chat_json.hpp"
#include "agent/models/chat_protocol.hpp"

namespace kw::agent {

void add_openai_usage(const nlohmann::json& usage, ChatAnswer& answer);
/// Streams tell it in parts: what a part does not name stays.
void add_anthropic_usage(const nlohmann::json& usage, ChatAnswer& answer);
void add_openai_end(const std::string& finish_reason, ChatAnswer& answer);
void add_anthropic_end(const std::string& stop_reason, ChatAnswer& answer);

}  // namespace kw::agent
