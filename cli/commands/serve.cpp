// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/device_choice.hpp"
#include "cli/json_text.hpp"
#include "cli/machine_facts.hpp"
#include "core/clock.hpp"
#include "server/running_service.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace kw::cli {
namespace {

constexpr std::chrono::milliseconds k_look{100};

Result<std::vector<std::string>> devices_of(const Invocation& invocation) {
    std::vector<std::string> devices = invocation.all("device");
    if (devices.empty()) {
        KW_TRY_ASSIGN(const std::string usual, choose_device(invocation.config));
        devices.push_back(usual);
    }
    if (devices.size() == 1 && devices.front() == "none") {
        return std::vector<std::string>();
    }
    for (const std::string& id : devices) {
        const bool known = std::ranges::count(device_names(), id) > 0 || is_gpu(id);
        if (!known) {
            const auto near = did_you_mean(id, device_names());
            return Error{
                Errc::usage,
                "unknown device '" + id + "'",
                near ? "did you mean '" + *near + "'?" : "or none: workers elsewhere judge"};
        }
    }
    return devices;
}

Result<server::ServeSettings> serve_settings_of(const Invocation& invocation) {
    const Config& config = invocation.config;
    server::ServeSettings settings;
    settings.database = config.text("db");
    settings.task_roots = task_roots(config);
    settings.http.bind = config.text("serve.bind");
    if (settings.http.bind == "localhost") {
        settings.http.bind = "127.0.0.1";
    }
    settings.http.port = static_cast<int>(config.integer("serve.port"));
    if (settings.http.port > 65535) {
        return Error{Errc::usage, "a port is 0 to 65535", "0 takes any free one"};
    }
    settings.http.tls_certificate = config.text("serve.tls_cert");
    settings.http.tls_key = config.text("serve.tls_key");
    settings.api.read_only = invocation.has("read-only");
    settings.api.allow_run = invocation.has("allow-run");
    settings.api.requests_per_s = config.number("serve.requests_per_s");
    settings.api.request_burst = 4 * settings.api.requests_per_s;
    settings.queue.lease_ms =
        static_cast<std::int64_t>(1000 * std::min(config.number("serve.lease_s"), 3600.0));
    settings.queue.max_queued = config.integer("serve.max_queued");
    settings.queue.max_queued_each = std::max<std::int64_t>(1, settings.queue.max_queued / 2);
    KW_TRY_ASSIGN(settings.pool.devices, devices_of(invocation));
    const std::int64_t build_threads = config.integer("serve.build_threads");
    settings.pool.build_threads =
        build_threads < 0 ? server::spare_build_threads() : static_cast<int>(build_threads);
    settings.pool.evaluator = evaluator_config(config);
    settings.prompts_dir = find_places(config).share_dir / "prompts";
    KW_TRY_ASSIGN(settings.models, model_config(config));
    settings.pool.toolchain = config.text("compiler");
    settings.pool.facts = [](const Device& device) {
        return machine_facts(device);
    };
    return settings;
}

void greet(
    const server::ServeSettings& settings,
    int port,
    const Invocation& invocation,
    Console& console) {
    const bool tls = !settings.http.tls_certificate.empty();
    const bool six = settings.http.bind.find(':') != std::string::npos;
    const std::string host = six ? "[" + settings.http.bind + "]" : settings.http.bind;
    const std::string url = (tls ? "https://" : "http://") + host + ":" + std::to_string(port);
    if (invocation.json) {
        console.print(json_text(
            {{"schema", "kwright.serve/1"},
             {"url", url},
             {"port", port},
             {"devices", settings.pool.devices},
             {"read_only", settings.api.read_only}}));
        return;
    }
    const bool alone = server::is_loopback(settings.http.bind);
    console.print(
        "listening on " + url +
        (alone ? "  (this machine only; --bind to change, then a token is required)" : "") +
        "   dashboard /   API /v1   metrics /metrics");
}

Result<int> serve(const Invocation& invocation, Console& console) {
    agent::StopControl& stop = stop_control();
    KW_TRY_ASSIGN(const server::ServeSettings settings, serve_settings_of(invocation));
    KW_TRY_ASSIGN(const auto service, server::RunningService::start(settings, system_clock()));
    greet(settings, service->port(), invocation, console);
    while (stop.level == 0) {
        system_clock().sleep(k_look);
    }
    service->drain();
    if (!service->drained()) {
        console.say("finishing what is being judged; once more gives it back to the queue");
    }
    while (!service->drained() && stop.level < 2) {
        system_clock().sleep(k_look);
    }
    service->abandon();
    service->stop();
    console.say("stopped; what waits is in " + settings.database.string());
    return 0;
}

}  // namespace

CommandSpec serve_command() {
    CommandSpec spec;
    spec.name = "serve";
    spec.group = "Serve";
    spec.summary = "an evaluation service: HTTP API, durable queue, dashboard";
    spec.examples = {
        "kwright serve",
        "kwright serve --device cpu --device emulated:sm_90a --port 9000",
        "kwright serve --bind 0.0.0.0 --tls-cert cert.pem --tls-key key.pem",
        "kwright serve --db copy.db --read-only"};
    spec.options = {
        {"--port", "N", "0 = any free one", "serve.port", false, "Address", {}},
        {"--bind", "ADDR", "address to listen on", "serve.bind", false, "Address", {}},
        {"--tls-cert",
         "FILE",
         "PEM: certificate and chain",
         "serve.tls_cert",
         false,
         "Address",
         {}},
        {"--tls-key", "FILE", "PEM: its key", "serve.tls_key", false, "Address", {}},
        {"--device",
         "ID",
         "one lane each (as search.device says); none = workers elsewhere judge",
         "",
         true,
         "Work",
         {}},
        {"--build-threads",
         "N",
         "threads that build; 0 = lanes build, -1 = what is spare",
         "serve.build_threads",
         false,
         "Work",
         {}},
        {"--max-queued", "N", "jobs that may wait", "serve.max_queued", false, "Limits", {}},
        {"--rate",
         "N",
         "requests a second of one caller, 0 = no limit",
         "serve.requests_per_s",
         false,
         "Limits",
         {}},
        {"--read-only", "", "show the database, take no work", "", false, "Rights", {}},
        {"--allow-run", "", "let administrators start campaigns", "", false, "Rights", {}}};
    spec.run = serve;
    return spec;
}

}  // namespace kw::cli
