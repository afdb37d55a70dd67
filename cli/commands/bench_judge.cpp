// SPDX-License-Identifier: Apache-2.0
// What judging costs above the least it could cost.
#include "cli/bare_floor.hpp"
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "core/clock.hpp"
#include "core/text_file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>

namespace kw::cli {
namespace {

double median(std::vector<double> values) {
    if (values.empty()) {
        return 0;
    }
    std::ranges::sort(values);
    const std::size_t half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::string one_decimal(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f", value);
    return text.data();
}

/// What one reference call on each case costs: checking is the dearer part of a cheap judgement.
double cost_of(const Task& task) {
    double cost = 0;
    for (const Case& one : task.cases) {
        const auto flop = task.cost.reference_flop.eval(one.dims);
        cost += flop ? static_cast<double>(*flop) : std::numeric_limits<double>::max();
    }
    return cost;
}

Result<Task> cheapest_task(const Config& config) {
    std::optional<Task> best;
    for (const TaskEntry& entry : list_tasks(task_roots(config))) {
        auto task = load_task(entry.folder);
        if (task && (!best || cost_of(*task) < cost_of(*best))) {
            best = std::move(*task);
        }
    }
    if (!best) {
        return Error{Errc::usage, "no task was found", "see `kwright task list`"};
    }
    return std::move(*best);
}

struct Stages {
    std::vector<std::string> names;  ///< in the order met
    std::map<std::string, std::vector<double>> ms;

    void add(const std::string& name, double value, int run) {
        if (!ms.contains(name)) {
            names.push_back(name);
        }
        auto& values = ms[name];
        values.resize(static_cast<std::size_t>(run) + 1, 0);
        values[static_cast<std::size_t>(run)] += value;
    }
};

struct JudgeMeasured {
    Stages stages;
    std::vector<double> compile_ms;
    std::vector<double> call_ms;
};

Result<JudgeMeasured> measure_judge(
    const Task& task,
    const std::string& trivial,
    int runs,
    const Config& config,
    Console& console) {
    KW_TRY_ASSIGN(const auto floor, BareFloor::open(task, config.text("compiler")));
    KW_TRY_ASSIGN(const auto device, open_cpu_device(evaluator_config(config)));
    const JudgeOptions options = judge_options(config);
    JudgeMeasured result;
    // Run -1 warms caches, pools and the precompiled header up; it does not count.
    for (int run = -1; run < runs; ++run) {
        console.redraw({"  run " + std::to_string(run + 1) + " of " + std::to_string(runs)});
        // A comment would not do: the cache goes by the preprocessed text.
        const std::string source = trivial + "\n[[maybe_unused]] static const long long kw_run_" +
                                   std::to_string(system_clock().utc_ms()) + " = " +
                                   std::to_string(run) + ";\n";
        KW_TRY_ASSIGN(const BareFloor::Times bare, floor->measure(source));
        KW_TRY_ASSIGN(
            const Evaluation judged,
            judge(*device, task, make_candidate(task.name, source), options));
        if (judged.verdict != Verdict::accepted) {
            return Error{
                Errc::no,
                "the trivial kernel of " + task.name + " was rejected: " + judged.summary,
                "see `kwright task check " + task.name + "`"};
        }
        if (run < 0) {
            continue;
        }
        result.compile_ms.push_back(bare.compile_ms);
        result.call_ms.push_back(bare.call_ms);
        for (const StageTime& stage : judged.stages) {
            result.stages.add(stage.stage, stage.ms, run);
        }
        result.stages.add("total", judged.wall_s * 1000, run);
    }
    console.redraw({});
    return result;
}

Result<int> bench_judge(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(const std::int64_t runs, invocation.integer("runs", 10));
    if (runs < 1 || runs > 10000) {
        return Error{Errc::usage, "--runs takes 1 to 10000", ""};
    }
    KW_TRY_ASSIGN(
        const Task task,
        invocation.has("task") ? open_task(invocation.text("task"), invocation.config)
                               : cheapest_task(invocation.config));
    KW_TRY_ASSIGN(const std::string trivial, read_text_file(task.baselines.front().file));
    KW_TRY_ASSIGN(
        const JudgeMeasured result,
        measure_judge(task, trivial, static_cast<int>(runs), invocation.config, console));
    const double compile_ms = median(result.compile_ms);
    const double call_ms = median(result.call_ms);
    const double floor_ms = compile_ms + call_ms;
    const double total_ms = median(result.stages.ms.at("total"));
    if (invocation.json) {
        nlohmann::json document = {
            {"schema", "kwright.bench-judge/1"},
            {"task", task.name},
            {"runs", runs},
            {"stages", nlohmann::json::array()},
            {"floor", {{"compile_ms", compile_ms}, {"call_ms", call_ms}, {"ms", floor_ms}}},
            {"total_ms", total_ms},
            {"ratio_to_floor", total_ms / floor_ms}};
        for (const std::string& name : result.stages.names) {
            if (name != "total") {
                const double ms = median(result.stages.ms.at(name));
                document["stages"].push_back(
                    {{"stage", name}, {"ms", ms}, {"ratio_to_floor", ms / floor_ms}});
            }
        }
        console.print(json_text(document));
        return 0;
    }
    Table table;
    table.head = {"stage", "median ms", "of the floor"};
    table.right = {false, true, true};
    for (const std::string& name : result.stages.names) {
        const double ms = median(result.stages.ms.at(name));
        table.rows.push_back({name, one_decimal(ms), one_decimal(ms / floor_ms) + "x"});
    }
    table.rows.push_back({"floor: compile", one_decimal(compile_ms), ""});
    table.rows.push_back({"floor: call", one_decimal(call_ms), ""});
    console.print(task.name + ", " + std::to_string(runs) + " judgements of its naive baseline");
    console.print(render(table));
    return 0;
}

}  // namespace

CommandSpec bench_judge_command() {
    CommandSpec spec;
    spec.name = "dev bench judge";
    spec.group = "Hidden";
    spec.summary = "median time of each stage of a judgement, against bare compilation and call";
    spec.examples = {"kwright dev bench judge --runs 20 --json"};
    spec.options = {
        {"--runs", "N", "judgements (10)", "", false, "Options", {}},
        {"--task", "TASK", "the cheapest when not given", "", false, "Options", {}},
        {"--judge-cap", "S", "seconds one judgement may take", "judge.cap_s", false, "Options", {}},
    };
    spec.run = bench_judge;
    spec.hidden = true;
    return spec;
}

}  // namespace kw::cli
