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
        number(
            "serve.lease_s",
            "60",
            2,
            "time without a heartbeat after which a worker's job is given to another",
            "s"),
        integer("serve.max_queued", "200000", 1, "jobs that may wait in the queue", "jobs"),
        number(
            "serve.requests_per_s",
            "50",
            0,
            "requests of one caller, on average; 0 = no limit",
            "a second"),

        text(
            "evaluator.url",
            "",
            "address of the server that judges, like https://HOST:8737; empty = this machine"),
        path(
            "evaluator.token_file",
            "",
            "file that holds the server's token, when KWRIGHT_TOKEN does not"),
        path("evaluator.ca_file", "", "certificates of a private authority; empty = the system's"),
        number(
            "evaluator.retry_deadline_s",
            "900",
            0,
            "how long a server that does not answer is asked again",
            "s"),

        text("fleet.name", "kwright-worker", "name of the workers' jobs"),
        integer("fleet.min", "0", 0, "workers that stay when there is nothing to do", "workers"),
        integer("fleet.max", "4", 0, "most workers at one time", "workers"),
        integer("fleet.jobs_per_worker", "4", 1, "unfinished jobs that ask for one worker", "jobs"),
        number("fleet.idle_s", "120", 0, "workers too many for so long are drained", "s"),
        integer(
            "fleet.drain_s",
            "120",
            1,
            "time before a job's end in which its worker finishes what it judges",
            "s"),
        path(
            "fleet.token_file",
            "",
            "file on the nodes with the workers' token; empty = KWRIGHT_TOKEN goes with the job"),
        path("fleet.program", "", "kwright on the nodes; empty = this program's own path"),
        path("fleet.folder", "", "workers run and log there; empty = the current folder"),
        path(
            "fleet.cache_dir",
            "",
            "build cache and calibration, local to the node; empty = a folder a node in ~/.cache"),
        text("fleet.devices", "", "devices that workers open, with commas; empty = all they find"),
        text("fleet.partition", "", "Slurm's --partition"),
        text("fleet.account", "", "Slurm's --account"),
        text("fleet.qos", "", "Slurm's --qos"),
        text("fleet.time", "", "Slurm's --time: MINUTES, HH:MM:SS or DAYS-HH:MM:SS"),
        text("fleet.gres", "", "Slurm's --gres, like gpu:1"),
        text("fleet.constraint", "", "Slurm's --constraint"),
        text("fleet.memory", "", "Slurm's --mem, like 16G"),
        integer("fleet.cpus", "0", 0, "processors of a worker; 0 = as the partition says", ""),
        boolean("fleet.exclusive", "true", "a node for each worker alone"),
        text("fleet.launcher", "", "words before the program: apptainer exec --nv IMAGE"),
        text("fleet.prolog", "", "a line of shell before the worker starts: module load cuda"),
        text("fleet.container", "", "image: Slurm's --container-image, Kubernetes's image"),
        text("fleet.container_mounts", "", "Slurm's --container-mounts"),
        text("fleet.environment", "", "variables of the workers: NAME=value, NAME=value"),
        text("fleet.namespace", "", "Kubernetes namespace"),
        text("fleet.secret", "kwright", "Kubernetes Secret whose key token holds the token"),
    };
}

}  // namespace

const std::vector<ConfigKey>& config_keys() {
    static const std::vector<ConfigKey> keys = make_keys();
    return keys;
}

}  // namespace kw
