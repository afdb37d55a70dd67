// SPDX-License-Identifier: Apache-2.0
// A cassette: the recorded replies of a campaign as JSON Lines (docs/json.md). First a header
//   {"schema":"kwright.cassette/1","task":...,"task_hash":...,"target":...,"device":...,
//    "isa":...,"campaign":...,"proposer":...,"strategy":...}   (no target: cpu)
// then one line a reply, by step and slot
//   {"step":1,"slot":0,"parent":HASH,"prompt_hash":HASH,"model":...,"raw":TEXT,
//    "usage":{"tokens_in":0,"tokens_out":0,"usd":0}}
// A reply that is not valid UTF-8 has "raw_hex" instead of "raw". Replay goes by step and slot and
// applies edits to the recorded parent; a changed prompt hash is remarked, not fatal.
#pragma once

#include "agent/search/strategy.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kw::agent {

inline constexpr const char* k_cassette_schema = "kwright.cassette/1";

struct CassetteReply {
    int step = 0;
    int slot = 0;
    std::string parent_hash;
    std::string prompt_hash;
    std::string raw;
    std::string model;
    std::int64_t tokens_in = 0;
    std::int64_t tokens_out = 0;
    double usd = 0;
};

struct Cassette {
    std::string task;
    std::string task_hash;
    std::string isa;
    std::string campaign;
    std::string proposer;
    std::string strategy;
    std::vector<CassetteReply> replies;  ///< by step, slot
    std::string target = "cpu";
    std::string device{};  ///< id, "" = not recorded
};

[[nodiscard]] std::string to_json_lines(const Cassette& cassette);
/// Errc::config "FILE:LINE: what"; unknown members are ignored, the file is hostile input.
[[nodiscard]] Result<Cassette> parse_cassette(std::string_view text, const std::string& file_name);
[[nodiscard]] Result<Cassette> load_cassette(const std::filesystem::path& file);

/// Asks exactly what was recorded, step by step, with the recorded parents.
[[nodiscard]] std::unique_ptr<Strategy> make_replay_strategy(const Cassette& cassette);

}  // namespace kw::agent
