// SPDX-License-Identifier: Apache-2.0
// The key table: every configuration key is declared here and nowhere else.
#include "core/config.hpp"

namespace kw {
namespace {

ConfigKey text(
    std::string name,
    std::string fallback,
    std::string about,
    std::vector<std::string> choices = {}) {
    return {
        std::move(name),
        KeyType::text,
        std::move(fallback),
        std::move(about),
        "",
        {},
        std::move(choices)};
}
ConfigKey path(std::string name, std::string fallback, std::string about) {
    return {std::move(name), KeyType::path, std::move(fallback), std::move(about), "", {}, {}};
}
ConfigKey integer(
    std::string name, std::string fallback, double least, std::string about, std::string unit) {
    return {
        std::move(name),
        KeyType::integer,
        std::move(fallback),
        std::move(about),
        std::move(unit),
        least,
        {}};
}
ConfigKey number(
    std::string name,
    std::string fallback,
    std::optional<double> least,
    std::string about,
    std::string unit) {
    return {
        std::move(name),
        KeyType::number,
        std::move(fallback),
        std::move(about),
        std::move(unit),
        least,
        {}};
}

ConfigKey boolean(std::string name, std::string fallback, std::string about) {
    return {std::move(name), KeyType::boolean, std::move(fallback), std::move(about), "", {}, {}};
}

std::vector<ConfigKey> make_keys() {
    return {
        path("db", "./kwright.db", "database file of campaigns, candidates and results"),
        path(
            "cache_dir",
            "",
            "build cache and calibration; empty = kwright in the user's cache folder"),
        path("tasks_dir", "", "a further folder of task folders, searched first"),
        text(
            "sandbox",
            "auto",
            "how candidates are confined; none is recorded with every result",
            {"auto", "none"}),
        text("compiler", "g++", "C++ compiler of candidates: a name or a path"),
        text("color", "auto", "colours on the terminal", {"auto", "always", "never"}),

        text("model.base_url", "", "address of the model API; empty = the provider's own"),
        text(
            "model.key_env",
            "",
            "name of the environment variable that holds the API key; empty = the provider's usual "
            "one"),
        path("model.key_file", "", "file that holds the API key, when no variable does"),
        text("model.name", "", "model asked for when the proposer names none"),
        integer("model.max_output_tokens", "8192", 1, "longest reply of one call", "tokens"),
        number("model.temperature", "-1", {}, "negative = the provider's own", ""),
        boolean("model.stream", "true", "ask for answers as event streams"),
        number("model.timeout_s", "300", 1, "longest wait for one answer", "s"),
        number(
            "model.idle_timeout_s",
            "0",
            0,
            "longest time without a byte of an answer; 0 = model.timeout_s alone",
            "s"),
        number("model.retry_deadline_s", "900", 0, "longest time of all tries of a call", "s"),
        number("model.requests_per_minute", "0", 0, "rate limit of each model; 0 = no limit", ""),
        number(
            "model.tokens_per_minute",
            "0",
            0,
            "rate limit of each model, by estimated tokens; 0 = no limit",
            ""),
        text(
            "model.prices",
            "",
            "prices by model, before the ones below: openai:a=IN/OUT/CACHED, b=IN/OUT in USD per "
            "million tokens"),
        number(
            "model.usd_per_mtok_in",
            "-1",
            {},
            "price of prompts; negative = unknown",
            "USD per million tokens"),
        number(
            "model.usd_per_mtok_out",
            "-1",
            {},
            "price of replies; negative = unknown",
            "USD per million tokens"),
        number(
            "model.usd_per_mtok_cached",
            "-1",
            {},
            "price of prompts read from the provider's cache; negative = as usd_per_mtok_in",
            "USD per million tokens"),

        path(
            "cuda.home",
            "",
            "folder of the CUDA toolkit; empty = searched: CUDA_HOME, PATH, /usr/local/cuda, "
            "wheels"),
        path("cuda.driver", "", "the NVIDIA driver's libcuda; empty = libcuda.so.1 of the loader"),

        text(
            "search.strategy",
            "maxcode",
            "how the next parents are chosen: a shipped preset, or a preset's file"),
        integer("search.width", "0", 0, "proposals a step; 0 = as the strategy says", ""),
        integer("search.depth", "0", 0, "steps of a trajectory; 0 = as the strategy says", ""),
        number(
            "search.gamma",
            "0",
            0,
            "discount of the best reward, up to 1; 0 = as the strategy says",
            ""),
        text(
            "search.isa",
            "native",
            "instruction set of candidates",
            {"native", "x86-64-v2", "x86-64-v3", "x86-64-v4"}),
        text(
            "search.target",
            "cpu",
            "kind of candidates; follows from the device when only that is set",
            {"cpu", "cuda"}),
        text(
            "search.device",
            "cpu",
            "what judges: cpu, emulated:sm_80, emulated:sm_89, emulated:sm_90a, cuda:0 (a GPU, "
            "also by UUID); follows from the target when only that is set"),
        integer("search.seed", "1", 0, "seed of the search's own draws", ""),

        integer(
            "budget.max_evals",
            "40",
            0,
            "evaluations a campaign may spend; 0 = no limit",
            "evaluations"),
        number("budget.max_usd", "0", 0, "money a campaign may spend; 0 = no limit", "USD"),
        integer("budget.max_tokens", "0", 0, "tokens a campaign may spend; 0 = no limit", "tokens"),
        number("budget.max_seconds", "0", 0, "wall time a campaign may take; 0 = no limit", "s"),
        number(
            "budget.max_device_seconds",
            "0",
            0,
            "time of judging a campaign may take; 0 = no limit",
            "s"),

        number(
            "judge.cap_s", "0", 0, "wall time one judgement may take; 0 = the task's own cap", "s"),
        integer("judge.max_pairs", "300", 1, "timed pairs of calls a shape", "pairs"),

        number("exchange.wait_s", "3600", 0, "how long a prompt file waits for its answer", "s"),

        integer("serve.port", "8737", 0, "port of the evaluation service; 0 = any free one", ""),
        text(
            "serve.bind",
            "127.0.0.1",
            "address of the evaluation service; others than this machine's own need tokens"),
        path("serve.tls_cert", "", "PEM file of the service's certificate and its chain"),
        path("serve.tls_key", "", "PEM file of the certificate's key"),
        integer(
            "serve.build_threads",
            "-1",
            -1,
            "threads that build candidates; 0 = the lanes do, -1 = what the machine can spare",
            ""),
        integer("serve.max_queued", "200000", 1, "jobs that may wait in the queue", "jobs"),
        number(
            "serve.requests_per_s",
            "50",
            0,
            "requests of one caller, on average; 0 = no limit",
            "a second"),
    };
}

}  // namespace

const std::vector<ConfigKey>& config_keys() {
    static const std::vector<ConfigKey> keys = make_keys();
    return keys;
}

}  // namespace kw
