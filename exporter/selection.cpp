// SPDX-License-Identifier: Apache-2.0
#include "exporter/selection.hpp"

#include "core/hash.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>

namespace kw::exporter {
namespace {

bool fits(const BoardRow& row, const std::string& filter) {
    return filter.empty() || row.device_id == filter || row.target == filter || row.isa == filter ||
           row.device_id.substr(0, row.device_id.find(':')) == filter;
}

/// Best row of a kernel first: the board's order.
Result<std::vector<BoardRow>> board_rows(db::Store& store, const SelectOptions& options) {
    BoardFilter filter;
    filter.limit = 0;
    filter.all = true;  // the best row of a device need not fit the filter, or be exportable
    KW_TRY_ASSIGN(std::vector<BoardRow> rows, store.board(filter));
    std::set<std::string> named;
    for (const std::string& kernel : options.kernels) {
        KW_TRY_ASSIGN(const CandidateRow row, store.candidate(id_prefix(kernel, 'k')));
        const bool shown = std::any_of(rows.begin(), rows.end(), [&](const BoardRow& board) {
            return board.candidate_hash == row.hash;
        });
        if (!shown) {
            return Error{
                Errc::usage,
                "exporting " + kernel + ": it is on no board",
                "kwright board --all lists the accepted kernels"};
        }
        named.insert(row.hash);
    }
    std::set<std::pair<std::string, std::string>> seen;  // kernel and device
    std::erase_if(rows, [&](const BoardRow& row) {
        const bool wanted_task =
            options.tasks.empty() ||
            std::find(options.tasks.begin(), options.tasks.end(), row.task) != options.tasks.end();
        return !fits(row, options.filter) || !wanted_task ||
               (!named.empty() && !named.contains(row.candidate_hash)) ||
               !seen.insert({row.candidate_hash, row.device}).second;
    });
    return rows;
}

std::string ratio_text(double value) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.2fx", value);
    return text.data();
}

/// Why the row stays out; empty when it does not.
std::string reason_against(
    const BoardRow& row,
    const EvaluationRow& judging,
    const Task& task,
    const SelectOptions& options) {
    if (row.timing_kind != name(Provenance::measured) && options.kernels.empty()) {
        return "its time is modelled: name the kernel to export it all the same";
    }
    const double least = options.min_speedup.value_or(options.kernels.empty() ? 1 : 0);
    if (row.speedup.lo < least) {
        return "its interval begins at " + ratio_text(row.speedup.lo) + ", below " +
               ratio_text(least) + " (--min-speedup)";
    }
    if (!has_target(task, row.target)) {
        return "the task has no target " + row.target;
    }
    if (!judging.task_hash.empty() && !is_same_task(task, row.target, judging.task_hash)) {
        return "it was judged by another version of the task: kwright reverify tells more";
    }
    return {};
}

}  // namespace

Result<Selection> select_rows(
    db::Store& store, const SelectOptions& options, const TaskFinder& find_task) {
    KW_TRY_ASSIGN(const std::vector<BoardRow> rows, board_rows(store, options));
    Selection selection;
    selection.named = !options.kernels.empty();
    std::set<std::array<std::string, 3>> told;  // task, device, reason: of the best such row
    std::map<std::string, Task> tasks;
    for (const BoardRow& row : rows) {
        const std::string kernel = short_id('k', row.candidate_hash);
        if (!tasks.contains(row.task)) {
            auto task = find_task(row.task);
            if (!task.ok()) {
                selection.skipped.push_back({kernel, row.task, task.error().what});
                continue;
            }
            tasks.emplace(row.task, std::move(task).value());
        }
        KW_TRY_ASSIGN(CandidateRow candidate, store.candidate(row.candidate_hash));
        KW_TRY_ASSIGN(
            const std::vector<EvaluationRow> judgings, store.evaluations_of(row.candidate_hash));
        const auto judging =
            std::find_if(judgings.begin(), judgings.end(), [&](const EvaluationRow& each) {
                return each.id == row.evaluation_id;
            });
        if (judging == judgings.end()) {
            continue;  // another program took it away since
        }
        std::string reason = reason_against(row, *judging, tasks.at(row.task), options);
        if (reason.empty()) {
            selection.kernels.push_back({row, std::move(candidate), *judging});
        } else if (told.insert({row.task, row.device, reason}).second) {
            selection.skipped.push_back({kernel, row.task, std::move(reason)});
        }
    }
    if (selection.kernels.empty()) {
        return Error{
            Errc::usage,
            "no row of the board can be exported" +
                (selection.skipped.empty() ? std::string()
                                           : ": " + selection.skipped.front().kernel + ": " +
                                                 selection.skipped.front().reason),
            "kwright board shows the rows; kwright run TASK finds kernels"};
    }
    return selection;
}

}  // namespace kw::exporter
