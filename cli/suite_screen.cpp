// SPDX-License-Identifier: Apache-2.0
#include "cli/suite_screen.hpp"

#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>

namespace kw::cli {
namespace {

nlohmann::json document_of(const agent::SuiteSummary& summary) {
    nlohmann::json tasks = nlohmann::json::array();
    for (const agent::SuiteEntry& entry : summary.entries) {
        const Ratio& best = entry.state.best;
        nlohmann::json row = {
            {"task", entry.task},
            {"campaign", entry.campaign},
            {"evaluations", entry.evaluations},
            {"successes", entry.state.successes},
            {"best", nullptr},
            {"stopped", nullptr}};
        if (best.value > 0) {
            row["best"] = {
                {"speedup", best.value}, {"ci95", {best.lo, best.hi}}, {"sol", entry.state.sol}};
        }
        if (entry.stopped) {
            row["stopped"] = *entry.stopped;
        }
        tasks.push_back(std::move(row));
    }
    return {
        {"schema", "kwright.suite-run/1"},
        {"suite", summary.name},
        {"stop_reason", summary.stop_reason},
        {"evaluations", summary.evaluations},
        {"usd", summary.usd},
        {"tasks", std::move(tasks)}};
}

std::string table_of(const agent::SuiteSummary& summary) {
    Table table;
    table.head = {"task", "evals", "gains", "best", "SOL", "campaign", "stopped"};
    table.right = {false, true, true, false, true};
    for (const agent::SuiteEntry& entry : summary.entries) {
        const agent::TaskState& state = entry.state;
        const bool found = state.best.value > 0;
        table.rows.push_back(
            {entry.task,
             std::to_string(entry.evaluations),
             std::to_string(state.successes),
             found ? show_ratio(state.best.value, state.best.lo, state.best.hi) : "-",
             found ? show_percent(state.sol) : "-",
             entry.evaluations > 0 ? entry.campaign : "-",
             entry.stopped.value_or("")});
    }
    return render(table);
}

}  // namespace

int finish_suite(
    const agent::SuiteSummary& summary, const Invocation& invocation, Console& console) {
    if (invocation.json) {
        console.print(json_text(document_of(summary)));
    } else {
        console.print(table_of(summary));
    }
    const std::string count = std::to_string(summary.evaluations) + " evaluations";
    if (summary.interrupted) {
        console.say(
            "stopped   interrupted after " + count +
            "; everything is saved.   Go on with: kwright resume " + summary.name);
        return 130;
    }
    console.say("finished  suite " + summary.name + ": " + summary.stop_reason + ", " + count);
    return 0;
}

}  // namespace kw::cli
