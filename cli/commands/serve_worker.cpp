// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/device_choice.hpp"
#include "cli/machine_facts.hpp"
#include "cli/server_choice.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "evaluator/device/cpu/build.hpp"
#include "evaluator/device/cuda/gpu_nodes.hpp"
#include "server/client/device_list.hpp"
#include "server/client/http_leases.hpp"
#include "server/work/local_pool.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace kw::cli {
namespace {

constexpr std::chrono::milliseconds k_stop_look{100};

std::string usual_name() {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    return std::string(host.data()) + "-" + std::to_string(getpid());
}

/// Those that are named; else the GPUs that are here; else the CPU. The emulated devices are
/// work for processors, which would disturb whom the lanes time.
Result<std::vector<std::string>> worker_devices(const Invocation& invocation) {
    std::vector<std::string> devices = invocation.all("device");
    for (const std::string& id : devices) {
        if (std::ranges::count(device_names(), id) == 0 && !is_gpu(id)) {
            const auto near = did_you_mean(id, device_names());
            return Error{
                Errc::usage,
                "--device: there is no device '" + id + "'",
                near ? "did you mean " + *near + "?" : ""};
        }
    }
    if (devices.empty()) {
        for (int index = 0; index < cuda::gpus_here(); ++index) {
            devices.push_back("cuda:" + std::to_string(index));
        }
    }
    return devices.empty() ? std::vector<std::string>{"cpu"} : devices;
}

/// What this machine has the files of: the server gives it nothing else.
Result<std::vector<std::string>> task_hashes_of(const Config& config) {
    std::vector<std::string> hashes;
    for (const TaskEntry& entry : list_tasks(task_roots(config))) {
        const auto task = load_task(entry.folder);
        if (!task) {
            log::warn("worker: task " + entry.name + " is left out: " + task.error().what);
            continue;
        }
        for (const char* target : {"cpu", "cuda"}) {
            if (has_target(*task, target)) {
                hashes.push_back(hash_for(*task, target));
            }
        }
    }
    if (hashes.empty()) {
        return Error{
            Errc::environment,
            "starting a worker: there is no task here",
            "tasks_dir names a folder of task folders; the server's must be the same"};
    }
    return hashes;
}

/// A token that is refused will be refused for ever; a server that is away may come.
Result<void> greet_server(server::ServerLink& link, const std::string& url, Console& console) {
    server::ApiCall call;
    call.path = "/v1/workers";
    call.timeout_s = 15;
    const auto answer = link.call(call);
    if (!answer || server::worth_another_try(answer->status)) {
        console.say("waiting   " + url + " does not answer yet");
        return {};
    }
    if (!server::is_success(*answer)) {
        return server::error_of(*answer, "connecting to " + url);
    }
    return {};
}

Result<server::PoolSettings> pool_settings(const Invocation& invocation) {
    const Config& config = invocation.config;
    server::PoolSettings settings;
    settings.prefix = invocation.text("name", usual_name()) + "/";
    KW_TRY_ASSIGN(settings.devices, worker_devices(invocation));
    KW_TRY_ASSIGN(const auto threads, invocation.integer("build-threads", 0));
    settings.build_threads = static_cast<int>(std::clamp<std::int64_t>(threads, 0, 256));
    settings.evaluator = evaluator_config(config);
    settings.facts = [](const Device& device) {
        return machine_facts(device);
    };
    KW_TRY_ASSIGN(settings.task_hashes, task_hashes_of(config));
    if (const auto toolchain = cpu::find_toolchain(config.text("compiler"))) {
        settings.toolchain = toolchain->version;
    }
    return settings;
}

void rest() {
    system_clock().sleep(k_stop_look);
}

/// No further lease. What is being judged is finished in time, or given back.
void drain(server::LocalPool& pool, double drain_s, Console& console) {
    agent::StopControl& stop = stop_control();
    pool.stop();
    if (!pool.ended()) {
        console.say("draining  finishing what is being judged; once more gives it back");
    }
    const auto until = system_clock().steady() +
                       std::chrono::nanoseconds(static_cast<std::int64_t>(drain_s * 1e9));
    while (!pool.ended() && stop.level < 2 && system_clock().steady() < until) {
        rest();
    }
}

Result<int> work(const Invocation& invocation, Console& console) {
    const Config& config = invocation.config;
    if (invocation.verbosity == 0) {  // nobody looks on: the log is what remains
        log::set_level(log::Level::warn);
    }
    agent::StopControl& stop = stop_control();
    const std::string url = config.text("evaluator.url");
    KW_TRY_ASSIGN(auto link, open_server(config, url, config.text("evaluator.token_file")));
    KW_TRY(greet_server(*link, url, console));
    KW_TRY_ASSIGN(const double drain_s, invocation.number("drain", config.number("fleet.drain_s")));
    KW_TRY_ASSIGN(const server::PoolSettings settings, pool_settings(invocation));
    server::TaskShelf tasks(task_roots(config), system_clock());
    server::HttpLeases leases(std::move(link), system_clock());
    KW_TRY_ASSIGN(const auto pool, server::LocalPool::start(settings, leases, tasks));
    std::string devices;
    for (const std::string& id : settings.devices) {
        devices += " " + id;
    }
    console.say("worker    " + settings.prefix + devices.substr(1) + " for " + url);
    while (stop.level == 0) {
        rest();
    }
    drain(*pool, drain_s, console);
    if (!pool->ended()) {
        pool->abandon();
        console.say("stopped   what was being judged was given back");
        // It would be judged to its end for nobody; the sandbox's processes die with this one.
        std::quick_exit(0);
    }
    console.say("stopped   " + std::to_string(pool->finished()) + " judged");
    return 0;
}

}  // namespace

CommandSpec serve_worker_command() {
    CommandSpec spec;
    spec.name = "serve worker";
    spec.group = "Serve";
    spec.summary = "judge for a server elsewhere: pulls work, needs no open port";
    spec.examples = {
        "KWRIGHT_TOKEN=kwt_... kwright serve worker --connect https://head:8737",
        "kwright serve worker --connect https://head:8737 --device cuda:0 --device cuda:1"};
    spec.options = {
        {"--connect", "URL", "the server", "evaluator.url", false, "Options", {}},
        {"--device",
         "ID",
         "one lane each; default: the GPUs that are here, else cpu",
         "",
         true,
         "Options",
         {}},
        {"--name", "NAME", "as the server shows it, default HOST-PID", "", false, "Options", {}},
        {"--build-threads",
         "N",
         "threads that build for others, default 0: lanes build what they time",
         "",
         false,
         "Options",
         {}},
        {"--drain",
         "S",
         "seconds to finish in when told to stop, then it gives back",
         "",
         false,
         "Options",
         {}}};
    spec.run = work;
    return spec;
}

}  // namespace kw::cli
