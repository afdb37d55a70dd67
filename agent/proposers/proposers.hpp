// SPDX-License-Identifier: Apache-2.0
// The proposers behind proposer.hpp, made from their text form:
//   tune | openai:MODEL | anthropic:MODEL | exchange:DIR | command:CMD | replay:FILE
// Several models are written with commas: openai:A,anthropic:B.
#pragma once

#include "agent/models/model_config.hpp"
#include "agent/proposers/cassette.hpp"
#include "agent/proposers/proposer.hpp"
#include "agent/proposers/tuner.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/task.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace kw::agent {

/// Told before each new try of a model call: what went wrong, and when it is tried again. Called on
/// another thread.
using RetryObserver = std::function<void(const ProposeRequest&, const std::string&)>;

struct ProposerOptions {
    Clock& clock;
    const Task& task;
    ModelConfig models;
    double exchange_wait_s = 3600;
    std::uint64_t search_seed = 1;
    RetryObserver on_retry;
    std::string target = "cpu";  ///< whose seed the tuner takes, whose cassettes are replayed
};

/// Errc::usage for an unknown kind or a missing part, Errc::environment when no API key is set.
[[nodiscard]] Result<std::unique_ptr<Proposer>> make_proposer(
    const std::string& spec, const ProposerOptions& options);

/// The task's sources for a target: "cpu" or "cuda". The seed may be empty.
[[nodiscard]] const std::filesystem::path& seed_of(const Task& task, const std::string& target);
[[nodiscard]] const std::vector<Baseline>& baselines_of(
    const Task& task, const std::string& target);

/// The part before and behind the first colon.
struct ProposerSpec {
    std::string kind;
    std::string rest;
};
[[nodiscard]] ProposerSpec split_spec(const std::string& spec);

/// Writes DIR/<campaign>/<step>-<slot>.prompt.md and waits for
/// DIR/<campaign>/<step>-<slot>.reply.md, looking twice a second. A reply counts when its size is
/// the same at two looks, so that a half written file is not taken. Replies to another prompt of
/// the same name are set aside (.old).
[[nodiscard]] Result<std::unique_ptr<Proposer>> make_exchange_proposer(
    const std::filesystem::path& folder, double wait_s, Clock& clock);

/// Runs `/bin/sh -c CMD`: prompt on stdin, reply on stdout, the user's own environment and
/// KWRIGHT_STEP, KWRIGHT_SLOT. A status other than 0 or the time limit: Errc::model.
[[nodiscard]] std::unique_ptr<Proposer> make_command_proposer(
    const std::string& command, double timeout_s, Clock& clock);

/// Replies of a cassette, by step and slot. Nothing is charged.
[[nodiscard]] std::unique_ptr<Proposer> make_replay_proposer(Cassette cassette);

/// The parameter search of tuner.hpp; it reads the points tried so far from the history.
/// `language` is that of the reply's fence.
[[nodiscard]] std::unique_ptr<Proposer> make_tune_proposer(
    TuneSpace space,
    std::string seed_source,
    std::uint64_t search_seed,
    std::string language = "cpp");

/// Chat APIs over HTTP, at least one. Each kind is "openai" or "anthropic".
[[nodiscard]] Result<std::unique_ptr<Proposer>> make_api_proposer(
    const std::vector<ProposerSpec>& models, const ProposerOptions& options);

}  // namespace kw::agent
