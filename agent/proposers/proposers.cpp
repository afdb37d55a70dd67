// SPDX-License-Identifier: Apache-2.0
#include "agent/proposers/proposers.hpp"

#include "core/config.hpp"
#include "core/hash.hpp"
#include "core/text_file.hpp"

#include <algorithm>

namespace kw::agent {

namespace {

Result<std::unique_ptr<Proposer>> make_tuner(const ProposerOptions& options) {
    const Task& task = options.task;
    const bool cuda = options.target == "cuda";
    const std::filesystem::path& seed = seed_of(task, options.target);
    if (seed.empty()) {
        return Error{
            Errc::usage,
            "proposer tune: task " + task.name + " has no seed source" +
                (cuda ? " for target cuda" : ""),
            std::string("add ") + (cuda ? "seed to [cuda]" : "[seed]") +
                " in its task.toml, or choose another --proposer"};
    }
    KW_TRY_ASSIGN(std::string source, read_text_file(seed));
    Result<TuneSpace> space = read_tune_space(source);
    if (!space) {
        return Error{
            space.error().code, seed.string() + ": " + space.error().what, space.error().hint};
    }
    if (space->params.empty()) {
        return Error{
            Errc::usage,
            "proposer tune: " + seed.string() + " declares no parameter",
            "write //!tune NAME = {1, 2, 4} before #define NAME 1"};
    }
    return make_tune_proposer(
        std::move(*space), std::move(source), options.search_seed, cuda ? "cuda" : "cpp");
}

bool is_api(const std::string& kind) {
    return kind == "openai" || kind == "anthropic";
}

/// "openai:a, anthropic:b"
Result<std::unique_ptr<Proposer>> make_models(
    const std::string& spec, const ProposerOptions& options) {
    std::vector<ProposerSpec> models;
    for (std::size_t at = 0; at != std::string::npos;) {
        const std::size_t comma = spec.find(',', at);
        std::string part = spec.substr(at, comma - at);
        part.erase(0, std::min(part.find_first_not_of(' '), part.size()));
        part.erase(part.find_last_not_of(' ') + 1);
        models.push_back(split_spec(part));
        if (!is_api(models.back().kind)) {
            return Error{
                Errc::usage,
                "proposer '" + spec + "': '" + part + "' is no model",
                "several models are written openai:A,anthropic:B"};
        }
        at = comma == std::string::npos ? comma : comma + 1;
    }
    return make_api_proposer(models, options);
}

}  // namespace

std::string whole_prompt(const ProposeRequest& request) {
    return request.system.empty() ? request.prompt : request.system + "\n\n" + request.prompt;
}

std::string prompt_hash(const ProposeRequest& request) {
    return sha256_hex(whole_prompt(request));
}

const std::filesystem::path& seed_of(const Task& task, const std::string& target) {
    return target == "cuda" ? task.cuda.seed : task.seed;
}

const std::vector<Baseline>& baselines_of(const Task& task, const std::string& target) {
    return target == "cuda" ? task.cuda.baselines : task.baselines;
}

ProposerSpec split_spec(const std::string& spec) {
    const std::size_t colon = spec.find(':');
    return colon == std::string::npos ? ProposerSpec{spec, ""}
                                      : ProposerSpec{spec.substr(0, colon), spec.substr(colon + 1)};
}

Result<std::unique_ptr<Proposer>> make_proposer(
    const std::string& spec, const ProposerOptions& options) {
    const auto [kind, rest] = split_spec(spec);
    if (kind == "tune") {
        return make_tuner(options);
    }
    if (is_api(kind)) {
        return make_models(spec, options);
    }
    if (kind == "exchange") {
        return make_exchange_proposer(rest, options.exchange_wait_s, options.clock);
    }
    if (kind == "command") {
        if (rest.empty()) {
            return Error{Errc::usage, "proposer command: no command given", "write command:CMD"};
        }
        return make_command_proposer(rest, options.models.command_timeout_s, options.clock);
    }
    if (kind == "replay") {
        KW_TRY_ASSIGN(Cassette cassette, load_cassette(rest));
        if (cassette.task != options.task.name) {
            return Error{
                Errc::usage,
                "replaying " + rest + ": it was recorded for task " + cassette.task + ", not " +
                    options.task.name,
                "kwright run " + cassette.task + " --proposer replay:" + rest};
        }
        if (cassette.target != options.target) {
            const std::string device =
                cassette.device.empty() ? "" : " --device " + cassette.device;
            return Error{
                Errc::usage,
                "replaying " + rest + ": it was recorded for target " + cassette.target + ", not " +
                    options.target,
                "kwright run " + cassette.task + " --target " + cassette.target + device +
                    " --proposer replay:" + rest};
        }
        return make_replay_proposer(std::move(cassette));
    }
    const auto near =
        did_you_mean(kind, {"tune", "openai", "anthropic", "exchange", "command", "replay"});
    return Error{
        Errc::usage,
        "unknown proposer '" + kind + "'",
        near
            ? "did you mean " + *near + "?"
            : "one of tune, openai:MODEL, anthropic:MODEL, exchange:DIR, command:CMD, replay:FILE"};
}

}  // namespace kw::agent
