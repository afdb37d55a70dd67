// SPDX-License-Identifier: Apache-2.0
// Which rows of the leaderboard go into a pack.
#pragma once

#include "core/result.hpp"
#include "core/rows.hpp"
#include "core/task.hpp"
#include "db/store.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kw::exporter {

/// An accepted kernel with the judging that counts.
struct StoredKernel {
    BoardRow board;
    CandidateRow candidate;
    EvaluationRow judging;
};

struct SelectOptions {
    /// Rows of a device or a kind of them ("cpu", "emulated:sm_90a"), of a target ("cuda"), or of
    /// an instruction set or architecture ("sm_90a"); "" = all.
    std::string filter;
    std::vector<std::string> tasks;    ///< empty = all
    std::vector<std::string> kernels;  ///< ids, any unique prefix: these rows alone
    /// For the lower end of the interval. Unset: 1, which the fastest baseline has; any for
    /// `kernels`.
    std::optional<double> min_speedup;
};

struct Skipped {
    std::string kernel;  ///< "k7f3a91c"
    std::string task;
    std::string reason;
};

struct Selection {
    std::vector<StoredKernel> kernels;  ///< by task, then as the board ranks them
    std::vector<Skipped> skipped;
    bool named = false;  ///< all of `kernels` go in; else see make_pack()
};

using TaskFinder = std::function<Result<Task>(const std::string& name)>;

/// The rows of every task and device, best first: the best may turn out to be no library. Modelled
/// ones only when named: they say nothing of the time on a device. A row of another version of its
/// task is skipped. Nothing left, a kernel that is on no board, or a filter that nothing fits:
/// Errc::usage.
[[nodiscard]] Result<Selection> select_rows(
    db::Store& store, const SelectOptions& options, const TaskFinder& find_task);

}  // namespace kw::exporter
