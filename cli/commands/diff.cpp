// SPDX-License-Identifier: Apache-2.0
#include "agent/proposers/proposers.hpp"
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "core/hash.hpp"
#include "core/line_diff.hpp"
#include "core/text_file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

namespace kw::cli {
namespace {

struct Text {
    std::string name;
    std::string source;
};

Result<CandidateRow> stored(const std::string& name, db::Store& store) {
    const std::string prefix = id_prefix(name, 'k');
    if (prefix.size() < 4) {
        return Error{
            Errc::usage,
            "\"" + name + "\" is no kernel id (k and at least 4 hex digits)",
            "see `kwright board --all`"};
    }
    return store.candidate(prefix);
}

Result<Text> parent_of(const CandidateRow& kernel, db::Store& store) {
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> rows, store.evaluations_of(kernel.hash));
    const auto row = std::ranges::find_if(rows, [&](const EvaluationRow& candidate) {
        return !candidate.parent_hash.empty() && candidate.parent_hash != kernel.hash;
    });
    if (row == rows.end()) {
        return Error{
            Errc::usage,
            short_id('k', kernel.hash) + " has no parent: it is a first version",
            "compare with --against baseline or --against seed"};
    }
    KW_TRY_ASSIGN(const CandidateRow parent, store.candidate(row->parent_hash));
    return Text{short_id('k', parent.hash), parent.source};
}

Result<Text> baseline_of(const CandidateRow& kernel, db::Store& store, const Task& task) {
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> rows, store.evaluations_of(kernel.hash));
    std::string fastest;
    for (const EvaluationRow& row : rows) {
        if (!row.result.shapes.empty()) {
            fastest = row.result.shapes.front().baseline;
        }
    }
    for (const Baseline& baseline : agent::baselines_of(task, kernel.target)) {
        if (fastest.empty() || baseline.name == fastest) {
            KW_TRY_ASSIGN(std::string source, read_text_file(baseline.file));
            return Text{"baseline " + baseline.name, std::move(source)};
        }
    }
    return Error{Errc::usage, "task " + task.name + " has no baseline called " + fastest, ""};
}

Result<Text> other_side(
    const std::string& against,
    const CandidateRow& kernel,
    db::Store& store,
    const Config& config) {
    if (against == "parent") {
        return parent_of(kernel, store);
    }
    if (against != "baseline" && against != "seed") {
        KW_TRY_ASSIGN(const CandidateRow other, stored(against, store));
        return Text{short_id('k', other.hash), other.source};
    }
    KW_TRY_ASSIGN(const Task task, open_task(kernel.task, config));
    if (against == "baseline") {
        return baseline_of(kernel, store, task);
    }
    const std::filesystem::path& seed = agent::seed_of(task, kernel.target);
    if (seed.empty()) {
        return Error{
            Errc::usage,
            "task " + task.name + " has no seed source for target " + kernel.target,
            "compare with --against baseline or --against parent"};
    }
    KW_TRY_ASSIGN(std::string source, read_text_file(seed));
    return Text{"seed of " + task.name, std::move(source)};
}

std::string painted(const std::string& diff, const Console& console) {
    std::istringstream stream(diff);
    std::string text;
    for (std::string line; std::getline(stream, line);) {
        const Ink ink = line.starts_with("---") || line.starts_with("+++") ? Ink::bold
                        : line.starts_with("@@")                           ? Ink::cyan
                        : line.starts_with("-")                            ? Ink::red
                        : line.starts_with("+")                            ? Ink::green
                                                                           : Ink::plain;
        text += (text.empty() ? "" : "\n") + console.paint(line, ink);
    }
    return text;
}

Result<int> diff(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
    KW_TRY_ASSIGN(const CandidateRow kernel, stored(invocation.text("KERNEL"), store));
    KW_TRY_ASSIGN(
        const Text other,
        other_side(invocation.text("against", "parent"), kernel, store, invocation.config));
    const std::string name = short_id('k', kernel.hash);
    const std::string text = unified_diff(other.source, kernel.source, other.name, name);
    if (invocation.json) {
        const nlohmann::json document = {
            {"schema", "kwright.diff/1"},
            {"kernel", kernel.hash},
            {"against", other.name},
            {"diff", text}};
        console.print(json_text(document));
        return 0;
    }
    if (text.empty()) {
        console.say(name + " and " + other.name + " are the same text");
        return 0;
    }
    console.print_source(painted(text, console));
    return 0;
}

}  // namespace

CommandSpec diff_command() {
    CommandSpec spec;
    spec.name = "diff";
    spec.group = "Look";
    spec.summary = "what a kernel changed against its parent, a baseline, the seed or another";
    spec.examples = {"kwright diff k7f3a91c", "kwright diff k7f3a91c --against baseline"};
    spec.positionals = {{"KERNEL", "kernel id (any unique prefix)", true, false, "kernel"}};
    spec.options = {
        {"--against",
         "WHAT",
         "parent | baseline | seed | KERNEL (parent when not given)",
         "",
         false,
         "Options",
         {}}};
    spec.run = diff;
    return spec;
}

}  // namespace kw::cli
