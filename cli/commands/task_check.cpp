// SPDX-License-Identifier: Apache-2.0
// Is a task sound? Prints what evaluator/task_check.hpp answers.
#include "evaluator/task_check.hpp"

#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/device_choice.hpp"
#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kw::cli {
namespace {

/// The answers of one device; `absent`: why it was not asked.
struct Part {
    std::string device;
    std::vector<ProbeAnswer> answers;
    std::string absent;
};

/// What to check on, and whether the user asked for it.
struct Choice {
    std::vector<std::string> devices;
    bool asked = false;
};

Result<Choice> choose(const Config& config, const Task& task) {
    KW_TRY_ASSIGN(const std::string device, choose_device(config));
    for (const char* key : {"search.device", "search.target"}) {
        if (config.values().at(key).origin != Origin::fallback) {
            return Choice{{device}, true};
        }
    }
    Choice choice;
    for (const std::string& target : task.targets) {
        choice.devices.push_back(usual_device(target));
    }
    return choice;
}

/// `required`: the device must be there. `probed`: a device with the same cases was asked before.
Result<Part> check_on(
    const std::string& id,
    bool required,
    bool probed,
    const Task& task,
    const Config& config,
    Console& console) {
    Part part{id, {}, ""};
    auto device = open_device(id, evaluator_config(config));
    if (!device.ok()) {
        if (required || device.error().code != Errc::environment) {
            return device.error();
        }
        part.absent = device.error().what;
        return part;
    }
    const StageObserver observer = [&](const std::string& stage, const std::string& text) {
        console.redraw({"  " + id + " " + stage + " " + text});
    };
    KW_TRY_ASSIGN(
        part.answers,
        check_task(
            **device, task, evaluator_config(config), judge_options(config), probed, observer));
    console.redraw({});
    return part;
}

nlohmann::json json_of(const Part& part) {
    nlohmann::json answers = nlohmann::json::array();
    for (const ProbeAnswer& answer : part.answers) {
        answers.push_back(
            {{"name", answer.probe + (answer.subject.empty() ? "" : ": " + answer.subject)},
             {"ok", answer.state != ProbeState::fails},
             {"text", answer.text},
             {"device", part.device},
             {"probe", answer.probe},
             {"subject", answer.subject},
             {"state", name(answer.state)}});
    }
    return answers;
}

/// Subjects of one probe in one state; `text` too when it is the same for all of them.
struct Line {
    std::string probe;
    ProbeState state;
    std::string text;
    std::string subjects;
};

void add_to(std::vector<Line>& lines, const ProbeAnswer& answer, bool every_text) {
    const auto same = std::ranges::find_if(lines, [&](const Line& line) {
        return line.probe == answer.probe && line.state == answer.state &&
               (line.text == answer.text || (!every_text && answer.state == ProbeState::holds));
    });
    if (answer.state == ProbeState::fails || same == lines.end()) {
        lines.push_back({answer.probe, answer.state, answer.text, answer.subject});
        return;
    }
    same->subjects += ", " + answer.subject;
    same->text = same->text == answer.text ? same->text : "";
}

void print(const Part& part, bool every_text, Console& console) {
    if (!part.absent.empty()) {
        console.print("--      " + part.device + ": not checked: " + part.absent);
        return;
    }
    console.print("on " + part.device);
    // A probe's lines stand together, in the order in which the probes came up.
    std::vector<std::string> probes;
    std::vector<Line> lines;
    for (const ProbeAnswer& answer : part.answers) {
        if (std::ranges::find(probes, answer.probe) == probes.end()) {
            probes.push_back(answer.probe);
        }
        add_to(lines, answer, every_text);
    }
    std::ranges::stable_sort(lines, {}, [&](const Line& line) {
        return std::ranges::find(probes, line.probe) - probes.begin();
    });
    for (const Line& line : lines) {
        std::string mark = console.paint("ok    ", Ink::green);
        if (line.state != ProbeState::holds) {
            mark = line.state == ProbeState::fails ? console.paint("FAILED", Ink::red) : "--    ";
        }
        std::string text = mark + "  " + line.probe;
        text += line.subjects.empty() ? "" : ": " + line.subjects;
        text += line.text.empty() ? "" : " (" + line.text + ")";
        console.print(text);
    }
}

int failures_of(const Part& part) {
    return static_cast<int>(
        std::ranges::count(part.answers, ProbeState::fails, &ProbeAnswer::state));
}

int report(
    const Task& task,
    const std::vector<Part>& parts,
    const Invocation& invocation,
    Console& console) {
    int failures = 0;
    nlohmann::json answers = nlohmann::json::array();
    nlohmann::json absent = nlohmann::json::array();
    for (const Part& part : parts) {
        failures += failures_of(part);
        for (const nlohmann::json& answer : json_of(part)) {
            answers.push_back(answer);
        }
        if (!part.absent.empty()) {
            absent.push_back({{"device", part.device}, {"why", part.absent}});
        }
    }
    if (invocation.json) {
        console.print(json_text(
            {{"schema", "kwright.task-check/1"},
             {"task", task.name},
             {"hash", task.hash},
             {"cpu_hash", task.cpu_hash},
             {"sound", failures == 0},
             {"answers", answers},
             {"not_checked", absent}}));
        return failures == 0 ? 0 : 1;
    }
    for (const Part& part : parts) {
        print(part, invocation.verbosity > 0, console);
    }
    console.print(
        "task " + task.name +
        (failures == 0 ? " is sound"
                       : " is not sound: " + std::to_string(failures) +
                             (failures == 1 ? " failure" : " failures")));
    return failures == 0 ? 0 : 1;
}

Result<int> task_check(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(const Task task, open_task(invocation.text("TASK"), invocation.config));
    KW_TRY_ASSIGN(const Choice choice, choose(invocation.config, task));
    std::vector<Part> parts;
    bool probed = false;
    for (const std::string& device : choice.devices) {
        // Without a CUDA toolkit the CPU's side can be sound all the same; something must be asked.
        const bool required = choice.asked || device == "cpu" || choice.devices.size() == 1;
        KW_TRY_ASSIGN(
            Part part, check_on(device, required, probed, task, invocation.config, console));
        probed = probed || (part.absent.empty() && !cases_differ(task));
        parts.push_back(std::move(part));
    }
    return report(task, parts, invocation, console);
}

}  // namespace

CommandSpec task_check_command() {
    CommandSpec spec;
    spec.name = "task check";
    spec.group = "Tasks";
    spec.summary = "is a task sound? its sources agree with its reference, and no fault passes";
    spec.examples = {
        "kwright task check w4a16_gemv",
        "kwright task check ./my_task/ --device cpu",
        "kwright task check ./my_task/ -v"};
    spec.positionals = {{"TASK", "name of a task, or path to its folder", true, false, "task"}};
    spec.options = {
        {"--device",
         "DEVICE",
         "check on this device only: cpu, emulated:sm_80, emulated:sm_89 or emulated:sm_90a",
         "search.device",
         false,
         "Options",
         device_names()}};
    spec.run = task_check;
    return spec;
}

}  // namespace kw::cli
