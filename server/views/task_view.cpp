// SPDX-License-Identifier: Apache-2.0
#include "core/task_file.hpp"
#include "server/views/attempts.hpp"
#include "server/views/view_json.hpp"
#include "server/views/views.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace kw::server {

namespace {

using nlohmann::json;

/// Points of the Pareto chart and rows of the table.
constexpr int k_most_kernels = 200;
/// Best kernels of all tasks and devices together.
constexpr int k_most_bests = 1000;

json baselines_json(const std::vector<Baseline>& baselines) {
    json rows = json::array();
    for (const Baseline& baseline : baselines) {
        rows.push_back(
            {{"name", baseline.name},
             {"file", baseline.file.filename().string()},
             {"isa", baseline.isa},
             {"link", baseline.link}});
    }
    return rows;
}

json dims_json(const Task& task) {
    json rows = json::array();
    for (const Dim& dim : task.dims) {
        rows.push_back(
            {{"name", dim.name},
             {"min", dim.min},
             {"max", dim.max},
             {"multiple_of", dim.multiple_of},
             {"about", dim.about}});
    }
    return rows;
}

json args_json(const Task& task) {
    json rows = json::array();
    for (const Arg& arg : task.args) {
        json shape = json::array();
        for (const DimExpr& length : arg.shape) {
            shape.push_back(length.text());
        }
        const bool checked = arg.role == Role::out || arg.role == Role::inout;
        rows.push_back(
            {{"name", arg.name},
             {"dtype", name(arg.dtype)},
             {"role", name(arg.role)},
             {"shape", shape},
             {"layout", arg.layout},
             {"tolerance", checked ? json(name(arg.check.tolerance)) : json(nullptr)}});
    }
    return rows;
}

json value_of(const DimExpr& expression, const DimMap& dims) {
    const auto value = expression.empty() ? Result<std::int64_t>(0) : expression.eval(dims);
    return value && *value > 0 ? json(*value) : json(nullptr);
}

json cases_json(const Task& task) {
    json rows = json::array();
    for (const Case& each : task.cases) {
        const json flop = value_of(task.cost.flop, each.dims);
        const json bytes = value_of(task.cost.bytes, each.dims);
        rows.push_back(
            {{"case", each.name},
             {"dims", each.dims},
             {"distribution", each.distribution},
             {"timed", each.timed},
             {"emulated", each.emulated},
             {"flop", flop},
             {"bytes", bytes}});
    }
    return rows;
}

json definition_json(const Task& task) {
    return {
        {"title", task.title},
        {"summary", task.summary},
        {"source", task.source},
        {"license", task.license},
        {"targets", task.targets},
        {"hash", task.hash},
        {"cpu_hash", task.cpu_hash},
        {"dims", dims_json(task)},
        {"args", args_json(task)},
        {"cases", cases_json(task)},
        {"hidden_cases", task.hidden.count},
        {"op_class", task.cost.op_class},
        {"baselines", baselines_json(task.baselines)},
        {"cuda_baselines", baselines_json(task.cuda.baselines)},
        {"judge_cap_s", task.judge_cap_s}};
}

/// Per device and kind of timing the shapes of its best kernel: what the times are laid against.
class Floors {
public:
    void add(const BoardRow& row, const Evaluation& result) {
        if (!seen_.emplace(row.device, row.timing_kind).second) {
            return;
        }
        for (const ShapeTiming& shape : result.shapes) {
            rows_.push_back(
                {{"device", row.device},
                 {"timing", row.timing_kind},
                 {"case", shape.case_name},
                 {"dims", shape.dims},
                 {"floor_ns", number_or_null(shape.floor_ns)},
                 {"baseline", shape.baseline},
                 {"baseline_ns", number_or_null(shape.baseline_ns)},
                 {"naive_ns", number_or_null(shape.naive_ns)},
                 {"best_ns", number_or_null(shape.candidate_ns)}});
        }
    }
    json take() { return std::move(rows_); }

private:
    std::set<std::pair<std::string, std::string>> seen_;
    json rows_ = json::array();
};

Result<std::optional<Evaluation>> judging_of(const BoardRow& row, db::Store& store) {
    KW_TRY_ASSIGN(std::vector<EvaluationRow> judgings, store.evaluations_of(row.candidate_hash));
    const auto found = std::ranges::find(judgings, row.evaluation_id, &EvaluationRow::id);
    return found == judgings.end() ? std::nullopt : std::optional(std::move(found->result));
}

Result<void> add_kernels(const std::vector<BoardRow>& rows, db::Store& store, json& document) {
    Floors floors;
    json kernels = json::array();
    for (const BoardRow& row : rows) {
        KW_TRY_ASSIGN(const std::optional<Evaluation> judged, judging_of(row, store));
        json kernel = board_row_json(row);
        const std::optional<double> error = judged ? max_error(*judged) : std::nullopt;
        kernel["max_error"] = error ? json(*error) : json(nullptr);
        kernels.push_back(std::move(kernel));
        if (judged) {
            floors.add(row, *judged);
        }
    }
    document["kernels"] = std::move(kernels);
    document["floors"] = floors.take();
    return {};
}

struct KnownTask {
    int campaigns = 0;
    json best = json::array();  ///< of each device
};

/// What the store knows of tasks, by name.
Result<std::map<std::string, KnownTask>> stored_tasks(db::Store& store) {
    std::map<std::string, KnownTask> tasks;
    KW_TRY_ASSIGN(const std::vector<CampaignRow> campaigns, store.campaigns());
    for (const CampaignRow& campaign : campaigns) {
        ++tasks[campaign.task].campaigns;
    }
    BoardFilter best_of_each;
    best_of_each.limit = k_most_bests;
    KW_TRY_ASSIGN(const std::vector<BoardRow> board, store.board(best_of_each));
    for (const BoardRow& row : board) {
        tasks[row.task].best.push_back(board_row_json(row));
    }
    return tasks;
}

json task_row(const std::string& task, const KnownTask& known) {
    return {
        {"name", task},
        {"title", nullptr},
        {"targets", json::array()},
        {"cases", nullptr},
        {"timed", nullptr},
        {"baselines", json::array()},
        {"error", nullptr},
        {"campaigns", known.campaigns},
        {"best", known.best}};
}

json folder_row(const TaskEntry& entry, const KnownTask& known) {
    json row = task_row(entry.name, known);
    const auto task = load_task(entry.folder);
    if (!task) {
        row["error"] = task.error().what;
        return row;
    }
    row["title"] = task->title;
    row["targets"] = task->targets;
    row["cases"] = task->cases.size();
    row["timed"] = std::ranges::count(task->cases, true, &Case::timed);
    for (const Baseline& baseline : task->baselines) {
        row["baselines"].push_back(baseline.name);
    }
    return row;
}

}  // namespace

Result<std::string> tasks_view(
    db::Store& store, const std::vector<std::filesystem::path>& task_roots) {
    KW_TRY_ASSIGN(auto known, stored_tasks(store));
    json document = {{"schema", "kwright.tasks-view/1"}, {"tasks", json::array()}};
    for (const TaskEntry& entry : list_tasks(task_roots)) {
        document["tasks"].push_back(folder_row(entry, known[entry.name]));
        known.erase(entry.name);
    }
    for (const auto& [name, task] : known) {
        document["tasks"].push_back(task_row(name, task));
    }
    return dump(document);
}

Result<std::string> task_view(
    db::Store& store,
    const std::vector<std::filesystem::path>& task_roots,
    const std::string& name) {
    // A name with a slash would be read as a path, and the name may come from a stranger.
    const bool path = name.find('/') != std::string::npos;
    const auto task = path ? Result<Task>(Error{Errc::usage, "a task's name has no slash", ""})
                           : find_task(name, task_roots);
    BoardFilter filter;
    filter.task = name;
    filter.all = true;
    filter.limit = k_most_kernels;
    KW_TRY_ASSIGN(const std::vector<BoardRow> rows, store.board(filter));
    KW_TRY_ASSIGN(const std::vector<CampaignRow> campaigns, store.campaigns());
    json names = json::array();
    for (const CampaignRow& campaign : campaigns) {
        if (campaign.task == name) {
            names.push_back(campaign.name);
        }
    }
    if (!task && rows.empty() && names.empty()) {
        return task.error();
    }
    json document = {
        {"schema", "kwright.task-view/1"},
        {"task", name},
        {"definition", task ? definition_json(*task) : json(nullptr)},
        {"campaigns", names}};
    KW_TRY(add_kernels(rows, store, document));
    return dump(document);
}

}  // namespace kw::server
