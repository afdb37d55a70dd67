// SPDX-License-Identifier: Apache-2.0
// What hostile bytes reach, one function each. A target returns whatever the bytes are; a promise
// that a public function breaks is a failed KW_CHECK. libFuzzer drives them (entry.cpp), and
// without clang an ordinary test does (replay_test.cpp).
#pragma once

#include <string_view>

namespace kw::fuzz {

void cassette(std::string_view bytes);
void critique(std::string_view bytes);
void database(std::string_view bytes);
void launch_plan(std::string_view bytes);
void model_stream(std::string_view bytes);
void patterns(std::string_view bytes);
void ptx(std::string_view bytes);
void reply_parser(std::string_view bytes);
void service_request(std::string_view bytes);
void strategy_toml(std::string_view bytes);
void task_toml(std::string_view bytes);

}  // namespace kw::fuzz
