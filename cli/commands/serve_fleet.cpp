// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "cli/server_choice.hpp"
#include "core/clock.hpp"
#include "server/client/queue_load.hpp"
#include "server/fleet/k8s_manifest.hpp"
#include "server/fleet/scale_loop.hpp"
#include "server/fleet/slurm_script.hpp"

#include <nlohmann/json.hpp>

namespace kw::cli {
namespace {

namespace fs = std::filesystem;
using server::FleetSettings;
using server::Slurm;
using server::SlurmJob;

constexpr const char* k_group = "Serve";

Result<FleetSettings> fleet_of(const Config& config) {
    std::error_code failed;
    const fs::path program = fs::read_symlink("/proc/self/exe", failed);
    return server::fleet_settings(config, program, fs::current_path(failed));
}

/// A worker without a token gets nowhere, and says so in a log that nobody reads.
Result<void> check_token(const Config& config) {
    if (!config.text("fleet.token_file").empty()) {
        return {};  // a file of the nodes: this machine need not see it
    }
    KW_TRY_ASSIGN(const std::string token, token_of(""));
    if (token.empty()) {
        return Error{
            Errc::environment,
            "placing workers: there is no token for them",
            "kwright serve token new --name fleet --scope worker; then set KWRIGHT_TOKEN, or "
            "fleet.token_file to a file that the nodes see"};
    }
    return {};
}

Result<int> start(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(const FleetSettings fleet, fleet_of(invocation.config));
    KW_TRY_ASSIGN(const auto workers, invocation.integer("workers", 1));
    KW_TRY_ASSIGN(
        const std::string script,
        server::slurm_script(
            fleet, static_cast<int>(std::clamp<std::int64_t>(workers, 0, 1 << 20))));
    if (invocation.has("print")) {
        console.print_source(script);
        return 0;
    }
    KW_TRY(check_token(invocation.config));
    Slurm slurm;
    KW_TRY_ASSIGN(const std::string id, slurm.submit(script));
    if (invocation.json) {
        console.print(json_text(nlohmann::json{
            {"schema", "kwright.fleet-start/1"}, {"job", id}, {"workers", workers}}));
    } else {
        console.print("job " + id + ": " + std::to_string(workers) + " workers asked for");
    }
    console.say("next      kwright serve fleet slurm status");
    return 0;
}

std::string state_of(const SlurmJob& job) {
    std::string state = job.state;
    std::ranges::transform(
        state, state.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return state;
}

Result<int> status(const Invocation& invocation, Console& console) {
    const std::string name = invocation.config.text("fleet.name");
    Slurm slurm;
    KW_TRY_ASSIGN(const std::vector<SlurmJob> jobs, slurm.jobs(name));
    if (invocation.json) {
        nlohmann::json document = {
            {"schema", "kwright.fleet/1"}, {"name", name}, {"workers", nlohmann::json::array()}};
        for (const SlurmJob& job : jobs) {
            document["workers"].push_back(
                {{"job", job.id},
                 {"state", state_of(job)},
                 {"seconds", job.seconds},
                 {"node", job.node},
                 {"reason", job.reason}});
        }
        console.print(json_text(document));
        return 0;
    }
    if (jobs.empty()) {
        console.say("no job is named " + name);
        return 0;
    }
    Table table;
    table.head = {"job", "state", "for", "node", "waits for"};
    for (const SlurmJob& job : jobs) {
        table.rows.push_back(
            {job.id,
             state_of(job),
             is_running(job) ? show_duration(static_cast<double>(job.seconds)) : "-",
             job.node.empty() ? "-" : job.node,
             job.reason});
    }
    console.print(render(table));
    return 0;
}

Result<int> scale(const Invocation& invocation, Console& console) {
    const Config& config = invocation.config;
    KW_TRY_ASSIGN(const FleetSettings fleet, fleet_of(config));
    KW_TRY(check_token(config));
    server::ScaleSettings settings;
    const auto limited = [&](const char* key) {
        return static_cast<int>(std::min<std::int64_t>(config.integer(key), 1 << 20));
    };
    settings.rule = {
        limited("fleet.min"),
        limited("fleet.max"),
        limited("fleet.jobs_per_worker"),
        config.number("fleet.idle_s")};
    KW_TRY_ASSIGN(settings.every_s, invocation.number("every", settings.every_s));
    settings.once = invocation.has("once");
    const auto stop = [] {
        return stop_control().level.load() > 0;
    };
    // Any token may ask for the queue's length; the workers' own is at hand.
    const bool own = !config.text("evaluator.token_file").empty();
    KW_TRY_ASSIGN(
        const auto link,
        open_server(
            config,
            config.text("evaluator.url"),
            config.text(own ? "evaluator.token_file" : "fleet.token_file")));
    Slurm slurm;
    server::ScaleWorld world{
        slurm,
        system_clock(),
        [&]() -> Result<server::QueueLoad> {
            KW_TRY_ASSIGN(const server::ServerQueue queue, server::ask_queue(*link, stop));
            return server::QueueLoad{queue.waiting, queue.leased};
        },
        stop,
        [&](const std::string& line) {
            console.print(iso8601(system_clock().utc_ms()).substr(11, 8) + "  " + line);
        }};
    KW_TRY(server::keep_scaled(fleet, settings, world));
    if (!settings.once) {
        console.say("stopped   workers stay: kwright serve fleet slurm cancel ends them");
    }
    return 0;
}

Result<int> cancel(const Invocation& invocation, Console& console) {
    const std::string name = invocation.config.text("fleet.name");
    const bool now = invocation.has("now");
    Slurm slurm;
    KW_TRY_ASSIGN(const std::vector<SlurmJob> jobs, slurm.jobs(name));
    std::vector<SlurmJob> workers;
    std::ranges::copy_if(jobs, std::back_inserter(workers), server::is_worker);
    KW_TRY(slurm.end(workers, now ? server::Ending::at_once : server::Ending::drain));
    if (invocation.json) {
        console.print(json_text(nlohmann::json{
            {"schema", "kwright.fleet-cancel/1"}, {"name", name}, {"workers", workers.size()}}));
    } else if (workers.empty()) {
        console.say("no job is named " + name);
    } else {
        console.print(
            std::to_string(workers.size()) +
            (now ? " workers are ended" : " workers end when they have finished what they judge"));
    }
    return 0;
}

Result<int> k8s(const Invocation& invocation, Console& console) {
    if (!invocation.has("print")) {
        return Error{
            Errc::usage,
            "kwright does not talk to Kubernetes: it writes the manifest",
            "kwright serve fleet k8s --print | kubectl apply -f -"};
    }
    KW_TRY_ASSIGN(
        const FleetSettings fleet,
        server::fleet_settings(invocation.config, "/usr/local/bin/kwright", "/"));
    KW_TRY_ASSIGN(const auto workers, invocation.integer("workers", 1));
    KW_TRY_ASSIGN(
        const std::string manifest,
        server::k8s_manifest(
            fleet, static_cast<int>(std::clamp<std::int64_t>(workers, 0, 1 << 20))));
    console.print_source(manifest);
    return 0;
}

OptionSpec of_key(
    const std::string& name,
    const std::string& value,
    const std::string& about,
    const std::string& key) {
    return {name, value, about, key, false, "Options", {}};
}

OptionSpec own(const std::string& name, const std::string& value, const std::string& about) {
    return {name, value, about, "", false, "Options", {}};
}

OptionSpec connect_option() {
    return of_key("--connect", "URL", "the server, as the workers reach it", "evaluator.url");
}

OptionSpec name_option() {
    return of_key("--name", "NAME", "name of the workers' jobs", "fleet.name");
}

std::vector<OptionSpec> placement() {
    return {
        of_key("--partition", "NAME", "Slurm's partition", "fleet.partition"),
        of_key("--account", "NAME", "Slurm's account", "fleet.account"),
        of_key("--time", "T", "time limit of a worker: MINUTES, DAYS-HH:MM:SS", "fleet.time"),
        of_key("--gres", "G", "generic resources, like gpu:1", "fleet.gres")};
}

void add(std::vector<OptionSpec>& options, std::vector<OptionSpec> more) {
    options.insert(options.end(), more.begin(), more.end());
}

}  // namespace

CommandSpec fleet_start_command() {
    CommandSpec spec;
    spec.name = "serve fleet slurm start";
    spec.group = k_group;
    spec.summary = "place workers on a Slurm cluster";
    spec.examples = {
        "kwright serve fleet slurm start --connect https://head:8737 --workers 4 --gres gpu:1",
        "kwright serve fleet slurm start --connect https://head:8737 --print"};
    spec.options = {
        connect_option(),
        own("--workers", "N", "how many, default 1"),
        name_option(),
        own("--print", "", "show the batch script and submit nothing")};
    add(spec.options, placement());
    spec.run = start;
    return spec;
}

CommandSpec fleet_status_command() {
    CommandSpec spec;
    spec.name = "serve fleet slurm status";
    spec.group = k_group;
    spec.summary = "the workers that Slurm runs and holds";
    spec.examples = {"kwright serve fleet slurm status"};
    spec.options = {name_option()};
    spec.run = status;
    return spec;
}

CommandSpec fleet_scale_command() {
    CommandSpec spec;
    spec.name = "serve fleet slurm scale";
    spec.group = k_group;
    spec.summary = "keep as many workers as the queue asks for";
    spec.examples = {"kwright serve fleet slurm scale --connect https://head:8737 --min 0 --max 8"};
    spec.options = {
        connect_option(),
        of_key("--min", "N", "workers that stay when there is nothing to do", "fleet.min"),
        of_key("--max", "N", "most workers at one time", "fleet.max"),
        of_key("--jobs-per-worker", "N", "jobs that ask for one worker", "fleet.jobs_per_worker"),
        of_key("--idle", "S", "seconds of surplus before workers drain", "fleet.idle_s"),
        own("--every", "S", "seconds between two looks, default 15"),
        own("--once", "", "one look and one step"),
        name_option()};
    add(spec.options, placement());
    spec.run = scale;
    return spec;
}

CommandSpec fleet_cancel_command() {
    CommandSpec spec;
    spec.name = "serve fleet slurm cancel";
    spec.group = k_group;
    spec.summary = "end the workers that Slurm runs and holds";
    spec.examples = {"kwright serve fleet slurm cancel", "kwright serve fleet slurm cancel --now"};
    spec.options = {
        name_option(), own("--now", "", "do not wait for what they judge: it is judged again")};
    spec.run = cancel;
    return spec;
}

CommandSpec fleet_k8s_command() {
    CommandSpec spec;
    spec.name = "serve fleet k8s";
    spec.group = k_group;
    spec.summary = "the workers as a Kubernetes Job, for kubectl";
    spec.examples = {
        "kwright serve fleet k8s --print --connect https://head:8737 --image kwright:0.1"};
    spec.options = {
        own("--print", "", "show the manifest"),
        connect_option(),
        own("--workers", "N", "how many, default 1"),
        of_key("--image", "IMAGE", "holds kwright and what it needs", "fleet.container"),
        name_option(),
        of_key("--namespace", "NAME", "Kubernetes namespace", "fleet.namespace"),
        of_key("--gres", "G", "gpu:N asks for N GPUs", "fleet.gres")};
    spec.run = k8s;
    return spec;
}

}  // namespace kw::cli
