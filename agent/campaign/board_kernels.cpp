// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/board_kernels.hpp"

#include "agent/campaign/campaign_task.hpp"
#include "agent/observation/retrieval.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

namespace kw::agent {

namespace {

namespace fs = std::filesystem;

/// 2 of "x86-64-v2"; "native" may be anything.
int level_of(const std::string& isa) {
    constexpr int k_anything = 9;
    return isa.size() == 9 && isa.starts_with("x86-64-v") ? isa.back() - '0' : k_anything;
}

bool is_foreign(const BoardRow& row, const std::string& target, const std::string& level) {
    if (row.target != target) {
        return true;
    }
    return target == "cpu" ? level_of(row.isa) > level_of(level) : row.isa != level;
}

BoardKernel kernel_of(const BoardRow& row) {
    return {row.candidate_hash, row.speedup.value, row.timing_kind == "modelled"};
}

/// Tasks that board lines belong to, each looked for once: in the folder of its campaign, then by
/// name. Nothing: it is not here, which is no reason to begin no campaign.
class TaskFinder {
public:
    TaskFinder(db::Store& store, const std::vector<fs::path>& roots)
        : store_(store)
        , roots_(roots) {}

    Result<const TaskSignature*> signature(const BoardRow& row) {
        auto found = known_.find(row.task);
        if (found == known_.end()) {
            KW_TRY_ASSIGN(const std::optional<CampaignRow> campaign, store_.campaign(row.campaign));
            const auto task = find_stored_task(
                row.task, campaign ? task_folder_of(*campaign) : fs::path{}, roots_);
            found = known_.emplace(row.task, std::nullopt).first;
            if (task) {
                found->second = signature_of(*task);
            }
        }
        return found->second ? &*found->second : nullptr;
    }

private:
    db::Store& store_;
    const std::vector<fs::path>& roots_;
    std::map<std::string, std::optional<TaskSignature>> known_;
};

/// Nothing: the kernel is not stored any more.
Result<std::optional<CandidateRow>> stored_source(const std::string& hash, db::Store& store) {
    auto candidate = store.candidate(hash);
    if (!candidate && candidate.error().code == Errc::usage) {
        return std::optional<CandidateRow>{};
    }
    KW_TRY_ASSIGN(CandidateRow row, std::move(candidate));
    return std::optional<CandidateRow>(std::move(row));
}

}  // namespace

Result<std::vector<BoardKernel>> choose_examples(
    const Task& task,
    const std::string& target,
    db::Store& store,
    const std::vector<fs::path>& roots) {
    BoardFilter filter;
    filter.target = target;
    filter.limit = 0;
    KW_TRY_ASSIGN(const std::vector<BoardRow> board, store.board(filter));
    TaskFinder tasks(store, roots);
    std::vector<Example> rows;
    for (const BoardRow& row : board) {
        if (row.task == task.name) {
            continue;
        }
        KW_TRY_ASSIGN(const TaskSignature* signature, tasks.signature(row));
        if (signature != nullptr) {
            const BoardKernel kernel = kernel_of(row);
            // The hash stands in for the source, which is read of those that are shown.
            rows.push_back(
                {*signature, target, row.isa, kernel.speedup, kernel.modelled, kernel.hash});
        }
    }
    std::vector<BoardKernel> chosen;
    for (const Example& example : nearest_examples(task, target, rows, k_max_examples)) {
        chosen.push_back({example.source, example.speedup, example.modelled});
    }
    return chosen;
}

Result<BoardKernel> choose_foreign(
    const Task& task, const std::string& target, const std::string& level, db::Store& store) {
    BoardFilter filter;
    filter.task = task.name;
    filter.all = true;
    filter.limit = 0;
    KW_TRY_ASSIGN(const std::vector<BoardRow> board, store.board(filter));
    const auto order = [&target](const BoardRow& row) {
        return std::tuple(
            row.target != target,
            row.timing_kind == "modelled",
            -row.speedup.value,
            row.candidate_hash);
    };
    const BoardRow* best = nullptr;
    for (const BoardRow& row : board) {
        const bool wins = row.speedup.lo > 1 && is_foreign(row, target, level);
        if (wins && (best == nullptr || order(row) < order(*best))) {
            best = &row;
        }
    }
    return best == nullptr ? BoardKernel{} : kernel_of(*best);
}

Result<std::vector<Example>> examples_of(
    const std::vector<BoardKernel>& kernels, db::Store& store) {
    std::vector<Example> examples;
    for (const BoardKernel& kernel : kernels) {
        KW_TRY_ASSIGN(std::optional<CandidateRow> row, stored_source(kernel.hash, store));
        if (row) {
            Example example;
            example.signature.task = row->task;
            example.target = row->target;
            example.level = row->isa;
            example.speedup = kernel.speedup;
            example.modelled = kernel.modelled;
            example.source = std::move(row->source);
            examples.push_back(std::move(example));
        }
    }
    return examples;
}

Result<Foreign> foreign_of(const BoardKernel& kernel, db::Store& store) {
    if (kernel.hash.empty()) {
        return Foreign{};
    }
    KW_TRY_ASSIGN(std::optional<CandidateRow> row, stored_source(kernel.hash, store));
    if (!row) {
        return Foreign{};
    }
    return Foreign{row->target, row->isa, kernel.speedup, std::move(row->source), kernel.modelled};
}

}  // namespace kw::agent
