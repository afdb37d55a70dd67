// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kw::cli {
namespace {

Result<int> task_list(const Invocation& invocation, Console& console) {
    nlohmann::json document = {{"schema", "kwright.tasks/1"}, {"tasks", nlohmann::json::array()}};
    Table table;
    table.head = {"task", "targets", "cases", "timed", "baselines", "tuner", "title"};
    table.right = {false, false, true, true, false, false};
    std::vector<Error> broken;
    for (const TaskEntry& entry : list_tasks(task_roots(invocation.config))) {
        const auto task = load_task(entry.folder);
        if (!task) {
            broken.push_back(task.error());
            continue;
        }
        std::string baselines;
        nlohmann::json names = nlohmann::json::array();
        for (const Baseline& baseline : task->baselines) {
            baselines += (baselines.empty() ? "" : ", ") + baseline.name;
            names.push_back(baseline.name);
        }
        std::string targets;
        for (const std::string& target : task->targets) {
            targets += (targets.empty() ? "" : ", ") + target;
        }
        const auto timed = std::ranges::count(task->cases, true, &Case::timed);
        table.rows.push_back(
            {task->name,
             targets,
             std::to_string(task->cases.size()),
             std::to_string(timed),
             baselines,
             task->seed.empty() ? "-" : "yes",
             task->title});
        document["tasks"].push_back(
            {{"name", task->name},
             {"title", task->title},
             {"folder", entry.folder.string()},
             {"hash", task->hash},
             {"cpu_hash", task->cpu_hash},
             {"targets", task->targets},
             {"cases", task->cases.size()},
             {"timed", timed},
             {"baselines", names},
             {"seed", !task->seed.empty()}});
    }
    console.print(invocation.json ? json_text(document) : render(table));
    for (const Error& error : broken) {
        console.error(error.what, error.hint);
    }
    return broken.empty() ? 0 : exit_code(Errc::config);
}

}  // namespace

CommandSpec task_list_command() {
    CommandSpec spec;
    spec.name = "task list";
    spec.group = "Tasks";
    spec.summary = "the tasks that can be searched here";
    spec.examples = {"kwright task list"};
    spec.run = task_list;
    return spec;
}

}  // namespace kw::cli
