// SPDX-License-Identifier: Apache-2.0
// Judging stored kernels again: `reverify` asks whether a row of the board still holds, `dev
// rejudge` replaces judgings after the judge was mended. Both add rows; nothing is ever deleted.
#pragma once

#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/rows.hpp"
#include "db/store.hpp"
#include "evaluator/evaluator.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kw::agent {

/// A judging that counts, with what is needed to repeat it.
struct StoredJudging {
    EvaluationRow row;
    CandidateRow candidate;
    std::string device_id;              ///< of its campaign, what open_device() takes
    std::filesystem::path task_folder;  ///< of its campaign, for find_stored_task()
};

/// Every row that the board shows or, for kernel ids (any unique prefix), the best row of each
/// device. A kernel that is on no board: Errc::usage.
[[nodiscard]] Result<std::vector<StoredJudging>> board_judgings(
    db::Store& store, const std::vector<std::string>& kernels);

/// Of the judgings that count. Replies without code and duplicates were never judged. A task or
/// campaign that the database does not know: Errc::usage with a near name.
struct RejudgeFilter {
    std::string task;
    std::string campaign;
    std::optional<Verdict> verdict;
    std::string protocol;
};
[[nodiscard]] Result<std::vector<StoredJudging>> rejudgeable(
    db::Store& store, const RejudgeFilter& filter);

enum class RejudgeOutcome {
    holds,         ///< accepted; on the same device: intervals overlap, or it is faster
    broken,        ///< rejected, or slower than the row says
    task_changed,  ///< judged by other rules than the row: the row is stale whatever came out
    not_judged,    ///< our own failure, or this machine cannot run it: nothing was stored
};
[[nodiscard]] std::string_view name(RejudgeOutcome outcome);

struct Rejudgement {
    RejudgeOutcome outcome = RejudgeOutcome::not_judged;
    Evaluation result;
};

struct RejudgeContext {
    Device& device;
    db::Store& store;
    Clock& clock;
    const JudgeOptions& options;
    const StageObserver& observer;
};

/// Judges from the stored source with fresh seeds and stores the result, linked to the first
/// judging. A row that is contradicted, or that was judged by another version of the task, is
/// marked stale.
[[nodiscard]] Result<Rejudgement> reverify(
    const StoredJudging& stored, const Task& task, RejudgeContext& context);
/// The same, and every earlier judging is stale: the judge itself was wrong.
[[nodiscard]] Result<Rejudgement> rejudge(
    const StoredJudging& stored, const Task& task, RejudgeContext& context);

}  // namespace kw::agent
