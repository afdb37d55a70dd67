// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "cli/scratch.hpp"
#include "server/load/load.hpp"

#include <nlohmann/json.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace kw::cli {
namespace {

/// Two descriptors a client: its own and the server's.
void allow_descriptors(int clients) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        const auto wanted = static_cast<rlim_t>(2 * clients + 200);
        limit.rlim_cur = std::min(std::max(limit.rlim_cur, wanted), limit.rlim_max);
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

nlohmann::json phase_json(const server::LoadPhase& phase) {
    return {
        {"requests", phase.requests},
        {"seconds", phase.seconds},
        {"requests_per_s",
         phase.seconds > 0 ? static_cast<double>(phase.requests) / phase.seconds : 0},
        {"p50_ms", phase.p50_ms},
        {"p99_ms", phase.p99_ms},
        {"max_ms", phase.max_ms}};
}

std::vector<std::string> phase_cells(const std::string& name, const server::LoadPhase& phase) {
    const auto cell = [](double value) {
        std::array<char, 32> text{};
        std::snprintf(text.data(), text.size(), "%.1f", value);
        return std::string(text.data());
    };
    return {
        name,
        std::to_string(phase.requests),
        cell(phase.seconds),
        cell(phase.seconds > 0 ? static_cast<double>(phase.requests) / phase.seconds : 0),
        cell(phase.p50_ms),
        cell(phase.p99_ms)};
}

void print(
    const server::LoadSettings& settings, const server::LoadReport& report, Console& console) {
    Table table;
    table.head = {"phase", "requests", "s", "/s", "p50 ms", "p99 ms"};
    table.right = {false, true, true, true, true, true};
    table.rows = {
        phase_cells("fill", report.fill),
        phase_cells("submit", report.submit),
        phase_cells("judge", report.judge),
        phase_cells("look", report.look)};
    console.print(
        std::to_string(settings.clients) + " clients, " + std::to_string(report.jobs) +
        " jobs, up to " + std::to_string(report.queued_most) + " queued, " +
        std::to_string(report.lost) + " lost, " + std::to_string(report.doubled) + " doubled");
    console.print(render(table));
    console.print(
        "memory    " + show_bytes(report.rss_before_kb * 1024) + " before, " +
        show_bytes(report.rss_queued_kb * 1024) + " queued, " +
        show_bytes(report.rss_after_kb * 1024) + " after, " +
        show_bytes(report.rss_peak_kb * 1024) + " at most; database " +
        show_bytes(report.database_bytes));
}

Result<server::LoadSettings> settings_of(const Invocation& invocation) {
    server::LoadSettings settings;
    KW_TRY_ASSIGN(const std::int64_t clients, invocation.integer("clients", settings.clients));
    KW_TRY_ASSIGN(const std::int64_t jobs, invocation.integer("jobs", settings.jobs));
    KW_TRY_ASSIGN(const std::int64_t lanes, invocation.integer("lanes", settings.lanes));
    if (clients < 1 || clients > 10'000 || jobs < 1 || jobs > 10'000'000 || lanes < 1 ||
        lanes > 64) {
        return Error{
            Errc::usage, "--clients takes 1 to 10000, --jobs 1 to 10000000, --lanes 1 to 64", ""};
    }
    settings.clients = static_cast<int>(clients);
    settings.jobs = static_cast<int>(jobs);
    settings.lanes = static_cast<int>(lanes);
    settings.task_roots = task_roots(invocation.config);
    const std::vector<TaskEntry> tasks = list_tasks(settings.task_roots);
    if (tasks.empty()) {
        return Error{Errc::usage, "no task was found", "see `kwright task list`"};
    }
    settings.task = tasks.front().name;
    return settings;
}

Result<int> bench_service(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(server::LoadSettings settings, settings_of(invocation));
    KW_TRY_ASSIGN(const auto scratch, Scratch::make(invocation.text("folder")));
    settings.folder = scratch->path();
    allow_descriptors(settings.clients);
    KW_TRY_ASSIGN(const server::LoadReport report, server::run_load(settings));
    if (invocation.json) {
        console.print(json_text(
            {{"schema", "kwright.bench-service/1"},
             {"clients", settings.clients},
             {"jobs", report.jobs},
             {"lanes", settings.lanes},
             {"queued_most", report.queued_most},
             {"lost", report.lost},
             {"doubled", report.doubled},
             {"fill", phase_json(report.fill)},
             {"submit", phase_json(report.submit)},
             {"judge", phase_json(report.judge)},
             {"look", phase_json(report.look)},
             {"rss_before_kb", report.rss_before_kb},
             {"rss_queued_kb", report.rss_queued_kb},
             {"rss_after_kb", report.rss_after_kb},
             {"rss_peak_kb", report.rss_peak_kb},
             {"database_bytes", report.database_bytes}}));
    } else {
        print(settings, report, console);
    }
    return report.lost == 0 && report.doubled == 0 ? 0 : 1;
}

}  // namespace

CommandSpec bench_service_command() {
    CommandSpec spec;
    spec.name = "dev bench service";
    spec.group = "Hidden";
    spec.summary = "the service under load: clients on sockets, a judge that takes no time";
    spec.examples = {"kwright dev bench service --clients 500 --jobs 100000 --json"};
    spec.options = {
        {"--clients", "N", "connections (500)", "", false, "Options", {}},
        {"--jobs", "N", "queued before the first is judged (100000)", "", false, "Options", {}},
        {"--lanes", "N", "threads that take jobs (2)", "", false, "Options", {}},
        {"--folder", "DIR", "where the database is made and removed", "", false, "Options", {}}};
    spec.run = bench_service;
    spec.hidden = true;
    return spec;
}

}  // namespace kw::cli
