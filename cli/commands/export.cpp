// SPDX-License-Identifier: Apache-2.0
#include "exporter/export.hpp"

#include "agent/campaign/rejudge.hpp"
#include "cli/commands/commands.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "cli/judge_again.hpp"
#include "core/hash.hpp"
#include "core/shell_word.hpp"
#include "exporter/check_pack.hpp"

#include <nlohmann/json.hpp>

#include <system_error>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace kw::cli {
namespace {

using nlohmann::json;

/// Sums are worth checking without a database; one that is there and cannot be read is an error.
Result<int> check(const std::string& folder, const Invocation& invocation, Console& console) {
    std::optional<db::Store> store;
    std::error_code ignored;
    const std::string file = invocation.config.text("db");
    if (std::filesystem::exists(file, ignored)) {
        KW_TRY_ASSIGN(store, open_store(invocation.config, db::Access::read_only));
    }
    KW_TRY_ASSIGN(
        const exporter::PackCheck done, exporter::check_pack(folder, store ? &*store : nullptr));
    if (invocation.json) {
        json problems = json::array();
        for (const exporter::PackProblem& problem : done.problems) {
            problems.push_back({{"subject", problem.subject}, {"what", problem.what}});
        }
        console.print(json_text(
            {{"schema", "kwright.pack_check/1"},
             {"pack", done.pack},
             {"files", done.files},
             {"rows", done.rows},
             {"compared_with", store ? json(file) : json()},
             {"problems", problems},
             {"notes", done.notes}}));
        return done.problems.empty() ? 0 : 1;
    }
    for (const exporter::PackProblem& problem : done.problems) {
        console.print(problem.subject + ": " + problem.what);
    }
    for (const std::string& note : done.notes) {
        console.print(note);
    }
    console.print(
        done.pack + ": " + std::to_string(done.files) + " files, " + std::to_string(done.rows) +
        " rows" + (store ? "" : " (no database to compare with)") + ", " +
        (done.problems.empty() ? "all as exported"
                               : std::to_string(done.problems.size()) + " problems"));
    return done.problems.empty() ? 0 : 1;
}

/// A kernel and the device that its row is of.
using Verified = std::set<std::pair<std::string, std::string>>;

std::vector<const BoardRow*> rows_of(const exporter::Pack& pack) {
    std::vector<const BoardRow*> rows;
    for (const exporter::Operation& operation : pack.operations) {
        for (const exporter::Row& row : operation.rows) {
            rows.push_back(&row.kernel.board);
        }
    }
    return rows;
}

/// Judges again what would be exported and was not judged in this run, `done` being what was.
/// False: there was nothing left. Progress and lines of the judge go to stderr: stdout has one
/// result.
Result<bool> reverify_pack(
    const exporter::Pack& pack, const Invocation& invocation, Console& console, Verified& done) {
    Verified wanted;
    std::vector<std::string> kernels;
    for (const BoardRow* row : rows_of(pack)) {
        if (!done.contains({row->candidate_hash, row->device_id}) &&
            wanted.insert({row->candidate_hash, row->device_id}).second) {
            kernels.push_back("k" + row->candidate_hash);
        }
    }
    if (wanted.empty()) {
        return false;
    }
    std::sort(kernels.begin(), kernels.end());
    kernels.erase(std::unique(kernels.begin(), kernels.end()), kernels.end());
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::write));
    KW_TRY_ASSIGN(std::vector<agent::StoredJudging> rows, agent::board_judgings(store, kernels));
    std::erase_if(rows, [&](const agent::StoredJudging& row) {
        return !wanted.contains({row.candidate.hash, row.device_id});
    });
    Invocation quiet = invocation;
    quiet.json = false;
    Console talk(stderr, stderr, Color::never);
    console.say("judging " + std::to_string(rows.size()) + " rows again");
    KW_TRY_ASSIGN(
        const int code,
        judge_all_again(rows, {agent::reverify}, "kwright.reverify/1", store, quiet, talk));
    if (code == 130) {
        return Error{Errc::interrupted, "exporting: interrupted, nothing was written", {}};
    }
    if (code == 3) {
        console.say("what could not be judged here goes in as it was");
    }
    done.merge(wanted);
    return true;
}

json kernel_json(const exporter::Operation& operation, const exporter::Row& row) {
    const exporter::Unit& unit = operation.units[row.unit];
    json codes = json::array();
    for (const exporter::CpuCode& code : unit.codes) {
        codes.push_back({{"isa", code.level.name}, {"checked", code.checked}});
    }
    if (unit.cuda) {
        codes.push_back({{"arch", unit.cuda->arch}, {"checked", unit.cuda->checked}});
    }
    const BoardRow& board = row.kernel.board;
    return {
        {"task", operation.task.name},
        {"kernel", board.candidate_hash},
        {"device", board.device},
        {"timing", board.timing_kind},
        {"speedup", board.speedup.value},
        {"ci95", {board.speedup.lo, board.speedup.hi}},
        {"verified", row.domain.text},
        {"code", std::move(codes)},
        {"no_code", unit.absent}};
}

std::string levels_text(const exporter::Unit& unit) {
    std::string text;
    for (const exporter::CpuCode& code : unit.codes) {
        text += " " + code.level.name + (code.checked ? "" : " (unchecked)");
    }
    if (unit.cuda) {
        text += " " + unit.cuda->arch + (unit.cuda->checked ? "" : " (unchecked)");
    }
    return text;
}

void show(const exporter::Pack& pack, const std::string& folder, Console& console) {
    std::size_t kernels = 0;
    for (const exporter::Operation& operation : pack.operations) {
        kernels += operation.units.size();
        for (const exporter::Row& row : operation.rows) {
            const BoardRow& board = row.kernel.board;
            const exporter::Unit& unit = operation.units[row.unit];
            console.print(
                operation.task.name + "  " + short_id('k', board.candidate_hash) + "  " +
                show_ratio(board.speedup.value, board.speedup.lo, board.speedup.hi) +
                (board.timing_kind == "measured" ? "" : " " + board.timing_kind) + " " +
                levels_text(unit));
            for (const auto& [level, reason] : unit.absent) {
                console.say("  no code for " + level + ": " + reason);
            }
        }
    }
    for (const exporter::Skipped& skipped : pack.skipped) {
        console.say("skipped " + skipped.task + " " + skipped.kernel + ": " + skipped.reason);
    }
    console.print(
        std::to_string(kernels) + " kernels, " + std::to_string(pack.operations.size()) +
        " operations in " + folder);
    console.say(
        "Build it: cmake -S " + shell_word(folder) +
        " -B build && cmake --build build && ctest --test-dir build");
}

void print_json(
    const exporter::Pack& pack,
    const exporter::Files& files,
    const std::string& folder,
    Console& console) {
    json document = {
        {"schema", "kwright.export/1"},
        {"folder", folder},
        {"files", files.size() + 1},
        {"kernels", json::array()},
        {"skipped", json::array()}};
    for (const exporter::Operation& operation : pack.operations) {
        for (const exporter::Row& row : operation.rows) {
            document["kernels"].push_back(kernel_json(operation, row));
        }
    }
    for (const exporter::Skipped& skipped : pack.skipped) {
        document["skipped"].push_back(
            {{"kernel", skipped.kernel}, {"task", skipped.task}, {"reason", skipped.reason}});
    }
    console.print(json_text(document));
}

Result<exporter::SelectOptions> select_options(const Invocation& invocation) {
    exporter::SelectOptions options;
    options.filter = invocation.text("board");
    options.tasks = invocation.all("task");
    options.kernels = invocation.all("ROW");
    if (invocation.has("min-speedup")) {
        KW_TRY_ASSIGN(options.min_speedup, invocation.number("min-speedup", 0));
    }
    return options;
}

Result<int> run_export(const Invocation& invocation, Console& console) {
    if (invocation.has("check")) {
        return check(invocation.text("check"), invocation, console);
    }
    const std::string folder = invocation.text("output");
    if (folder.empty()) {
        return Error{
            Errc::usage, "no folder to export to", "kwright export -o DIR, or --check DIR"};
    }
    KW_TRY_ASSIGN(const exporter::SelectOptions options, select_options(invocation));
    const exporter::TaskFinder find_task = [&](const std::string& name) {
        return open_task(name, invocation.config);
    };
    const auto select = [&]() -> Result<exporter::Selection> {
        KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
        return exporter::select_rows(store, options, find_task);
    };
    KW_TRY(exporter::check_target(folder));
    const auto examiner = exporter::judging_examiner(
        evaluator_config(invocation.config),
        [&](const std::string&, const std::string& text) { console.say("checking " + text); });
    // What does not hold any more is off the board, and a row that was behind it comes in: until
    // every row of the pack was judged in this run.
    Verified done;
    exporter::Pack pack;
    for (bool changed = true; changed;) {
        auto selection = select();
        if (!selection.ok() && !done.empty()) {
            return Error{Errc::no, selection.error().what, selection.error().hint};
        }
        KW_TRY_ASSIGN(exporter::Selection rows, std::move(selection));
        KW_TRY_ASSIGN(pack, exporter::make_pack(std::move(rows), find_task, *examiner, KW_VERSION));
        changed = false;
        if (invocation.has("reverify")) {
            KW_TRY_ASSIGN(changed, reverify_pack(pack, invocation, console, done));
        }
    }
    KW_TRY_ASSIGN(
        const exporter::Files files,
        exporter::pack_files(pack, find_places(invocation.config).share_dir / "library"));
    KW_TRY(exporter::write_pack(files, folder));
    if (invocation.json) {
        print_json(pack, files, folder, console);
    } else {
        show(pack, folder, console);
    }
    return 0;
}

}  // namespace

CommandSpec export_command() {
    CommandSpec spec;
    spec.name = "export";
    spec.group = "Use";
    spec.summary = "the best kernels as a C library that builds by itself, or --check one";
    spec.examples = {
        "kwright export -o kernels",
        "kwright export --task w4a16_gemv --min-speedup 1.05 --reverify -o kernels",
        "kwright export k7f3a91c -o one",
        "kwright export --check kernels"};
    spec.positionals = {
        {"ROW",
         "these kernels alone (any unique prefix); modelled rows go in only when named",
         false,
         true,
         "kernel"}};
    spec.options = {
        {"-o,--output",
         "DIR",
         "write the pack here; DIR must be new or empty",
         "",
         false,
         "Options",
         {}},
        {"--board",
         "FILTER",
         "rows of this device, target, instruction set or architecture: cpu, cuda, sm_90a",
         "",
         false,
         "Options",
         {}},
        {"--task", "TASK", "rows of this task; may be given again", "", true, "Options", {}},
        {"--min-speedup",
         "X",
         "rows whose interval begins at X or above (1; named ones: any); 0 takes slower ones too",
         "",
         false,
         "Options",
         {}},
        {"--reverify",
         "",
         "judge and time every row that goes in again; what does not hold stays out",
         "",
         false,
         "Options",
         {}},
        {"--judge-cap",
         "S",
         "seconds one judgement may take, 0 = the task's own",
         "judge.cap_s",
         false,
         "Options",
         {}},
        {"--check",
         "DIR",
         "is a pack as it was exported, and do its rows still stand in the database?",
         "",
         false,
         "Options",
         {}},
    };
    spec.run = run_export;
    return spec;
}

}  // namespace kw::cli
