// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/suite.hpp"

#include "agent/budget/ledger.hpp"
#include "agent/campaign/campaign_loop.hpp"
#include "agent/campaign/campaign_settings.hpp"
#include "agent/campaign/stored_history.hpp"
#include "core/task_file.hpp"

#include <algorithm>
#include <utility>

namespace kw::agent {

namespace {

/// Evaluations of a slice: at least these, so that going over to another task pays.
constexpr int k_least_slice = 4;

/// What the search has learnt about a task so far: the judgings that count, in order.
TaskState state_of(const CampaignRow& row, const History& history) {
    TaskState state;
    for (const Attempt& attempt : history.attempts) {
        const Evaluation result = attempt.withdrawn ? Evaluation{} : attempt.result;
        if (attempt.step == 0) {  // where the search begins is no attempt of it
            const TaskState start = after_attempt({}, result);
            state.best = start.best;
            state.sol = start.sol;
        } else {
            state = after_attempt(state, result);
        }
    }
    state.exhausted = row.state == "finished" && row.stop_reason == "search finished";
    return state;
}

class SuiteRun {
public:
    SuiteRun(const Suite& suite, const SuiteSettings& settings, CampaignContext& context)
        : suite_(suite)
        , settings_(settings)
        , context_(context) {
        summary_.name = settings.campaign.name.empty() ? suite.name : settings.campaign.name;
        share_ = {summary_.name, suite.tasks, settings.campaign.budget};
    }

    Result<SuiteSummary> run() {
        KW_TRY(load());
        while (summary_.stop_reason.empty()) {
            if (const auto cut_off = cut_off_entry()) {
                KW_TRY(run_slice(*cut_off));
            } else if (const auto over = over_whole_budget()) {
                summary_.stop_reason = *over;
            } else if (const auto next = next_entry()) {
                KW_TRY(run_slice(*next));
            } else {
                summary_.stop_reason = "every task has stopped";
            }
        }
        for (const SuiteEntry& entry : summary_.entries) {
            summary_.evaluations += entry.evaluations;
        }
        summary_.usd = spent_.usd;
        return std::move(summary_);
    }

private:
    /// What the campaign of an entry has spent, and where its last slice ends.
    struct Part {
        Spend spend;
        int slice_end = 0;  ///< in evaluations of the campaign
        bool cut_off = false;
    };

    /// Every task and its campaign, before anything runs.
    Result<void> load() {
        for (const std::string& name : suite_.tasks) {
            KW_TRY_ASSIGN(Task task, find_task(name, context_.task_roots));
            KW_TRY(check_target(task, target_of_device(context_.device.id())));
            tasks_.push_back(std::move(task));
            SuiteEntry entry;
            entry.task = name;
            entry.campaign = summary_.name + "." + name;
            KW_TRY_ASSIGN(const auto row, context_.store.campaign(entry.campaign));
            if (row) {
                KW_TRY(check_same_search(*row));
                KW_TRY(note_share(*row));
            }
            summary_.entries.push_back(std::move(entry));
            parts_.emplace_back();
            KW_TRY(refresh(summary_.entries.size() - 1));
        }
        return {};
    }

    /// So that any of the campaigns can tell what all of them may spend: resume by the run's name.
    Result<void> note_share(CampaignRow row) {
        KW_TRY_ASSIGN(StoredSettings stored, settings_from_json(row.settings_json));
        stored.settings.suite = share_;
        std::string settings = to_json(stored);
        if (settings == row.settings_json) {
            return {};
        }
        row.settings_json = std::move(settings);
        return context_.store.update_campaign(row);
    }

    [[nodiscard]] Result<void> check_same_search(const CampaignRow& row) const {
        const CampaignSettings& wanted = settings_.campaign;
        const std::string strategy = wanted.proposer == "tune" ? "tune" : wanted.strategy;
        if (row.proposer == wanted.proposer && row.strategy == strategy &&
            row.device == context_.device.id()) {
            return {};
        }
        return Error{
            Errc::usage,
            "suite " + summary_.name + ": campaign " + row.name + " was begun with " +
                row.proposer + ", " + row.strategy + " on " + row.device,
            "give the same again, or --name for a new run"};
    }

    /// Reads what the entry's campaign has come to.
    Result<void> refresh(std::size_t index) {
        SuiteEntry& entry = summary_.entries[index];
        KW_TRY_ASSIGN(const auto row, context_.store.campaign(entry.campaign));
        if (row) {
            KW_TRY_ASSIGN(const StoredHistory tried, stored_history(context_.store, *row, 1));
            KW_TRY_ASSIGN(const StoredSettings stored, settings_from_json(row->settings_json));
            entry.state = state_of(*row, tried.history);
            entry.evaluations = row->evaluations;
            parts_[index] = {
                {row->evaluations,
                 row->spent_usd,
                 counted_tokens(row->tokens_in) + counted_tokens(row->tokens_out),
                 stored.elapsed_s,
                 tried.device_s},
                stored.settings.budget.max_evals,
                row->state != "finished"};
        }
        entry.stopped = stopped(entry.state, settings_.rules);
        spent_ = {};
        for (const Part& part : parts_) {
            spent_.evaluations += part.spend.evaluations;
            spent_.usd += part.spend.usd;
            spent_.tokens += part.spend.tokens;
            spent_.seconds += part.spend.seconds;
            spent_.device_seconds += part.spend.device_seconds;
        }
        return {};
    }

    /// A campaign whose slice was stopped or killed: it is finished before anything is chosen, so
    /// that a stop does not change what is.
    [[nodiscard]] std::optional<std::size_t> cut_off_entry() const {
        const bool has_room = !over_whole_budget();
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            if (parts_[i].cut_off && (has_room || parts_[i].spend.evaluations > 0)) {
                return i;
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] std::optional<std::size_t> next_entry() const {
        std::vector<TaskState> states;
        for (const SuiteEntry& entry : summary_.entries) {
            states.push_back(entry.state);
        }
        return next_task(states, settings_.rules);
    }

    /// Nothing may be left for a slice to count as room: 0 left would read as no limit.
    [[nodiscard]] std::optional<std::string> over_whole_budget() const {
        const Budget& whole = settings_.campaign.budget;
        if (whole.max_usd > 0 && spent_.usd >= whole.max_usd) {
            return "budget: usd";
        }
        if (whole.max_tokens > 0 && spent_.tokens >= whole.max_tokens) {
            return "budget: tokens";
        }
        return over_budget(whole, spent_, {0, 0, k_judgings_reserved * longest_cap()});
    }

    [[nodiscard]] double longest_cap() const {
        double cap = settings_.campaign.judge_cap_s;
        for (const Task& task : tasks_) {
            cap = std::max(cap, settings_.campaign.judge_cap_s > 0 ? 0 : task.judge_cap_s);
        }
        return cap;
    }

    /// The limits of the entry's campaign: what it has spent, and the rest of its slice or what is
    /// left of the whole, whichever is less.
    [[nodiscard]] Budget slice_budget(const Part& part) const {
        const Budget& whole = settings_.campaign.budget;
        const Spend& own = part.spend;
        if (over_whole_budget()) {
            KW_CHECK(own.evaluations > 0);
            return {own.evaluations, 0, 0, 0};  // asks for nothing, but its best is verified
        }
        int slice = std::max(settings_.campaign.width, k_least_slice);
        slice += own.evaluations == 0 ? 1 : 0;  // the start source
        if (part.cut_off) {
            slice = std::max(part.slice_end - own.evaluations, own.evaluations == 0 ? 1 : 0);
        }
        if (whole.max_evals > 0) {
            slice = std::min(slice, whole.max_evals - spent_.evaluations);
        }
        Budget budget;
        budget.max_evals = own.evaluations + slice;
        budget.max_usd = whole.max_usd > 0 ? own.usd + whole.max_usd - spent_.usd : 0;
        budget.max_tokens =
            whole.max_tokens > 0 ? own.tokens + whole.max_tokens - spent_.tokens : 0;
        budget.max_seconds =
            whole.max_seconds > 0 ? own.seconds + whole.max_seconds - spent_.seconds : 0;
        budget.max_device_seconds =
            whole.max_device_seconds > 0
                ? own.device_seconds + whole.max_device_seconds - spent_.device_seconds
                : 0;
        return budget;
    }

    Result<void> run_slice(std::size_t index) {
        const SuiteEntry& entry = summary_.entries[index];
        const std::string& name = entry.campaign;
        const Part before = parts_[index];
        const Budget budget = slice_budget(before);
        KW_TRY_ASSIGN(const auto row, context_.store.campaign(name));
        CampaignSettings settings = settings_.campaign;
        settings.name = name;
        settings.budget = budget;
        settings.suite = share_;
        KW_TRY_ASSIGN(
            const CampaignSummary slice,
            row ? resume_campaign(name, &budget, context_)
                : run_campaign(settings, tasks_[index], context_));
        KW_TRY(refresh(index));
        if (slice.interrupted) {
            summary_.stop_reason = "interrupted";
            summary_.interrupted = true;
        } else if (
            slice.stop_reason != "budget: evaluations" && slice.stop_reason != "search finished") {
            summary_.stop_reason = slice.stop_reason;  // money, tokens or time of the whole
        }
        // Or the loop would never end.
        KW_CHECK(
            entry.evaluations > before.spend.evaluations || before.cut_off || entry.stopped ||
            !summary_.stop_reason.empty());
        return {};
    }

    const Suite& suite_;
    const SuiteSettings& settings_;
    CampaignContext& context_;
    std::vector<Task> tasks_;
    std::vector<Part> parts_;  ///< by entry
    Spend spent_;              ///< of all
    SuiteShare share_;
    SuiteSummary summary_;
};

}  // namespace

Result<std::optional<StoredSuite>> stored_suite(const std::string& run, db::Store& store) {
    KW_TRY_ASSIGN(const std::vector<CampaignRow> campaigns, store.campaigns());
    std::optional<StoredSuite> found;
    for (const CampaignRow& row : campaigns) {
        const auto stored = settings_from_json(row.settings_json);
        if (!stored || !stored->settings.suite || stored->settings.suite->run != run) {
            continue;
        }
        const SuiteShare& share = *stored->settings.suite;
        found = StoredSuite{{run, "", share.tasks}, {stored->settings, {}}, row.device};
        found->settings.campaign.name = run;
        found->settings.campaign.budget = share.budget;
    }
    return found;
}

Result<SuiteSummary> run_suite(
    const Suite& suite, const SuiteSettings& settings, CampaignContext& context) {
    KW_TRY(check_settings(settings.campaign));
    return SuiteRun(suite, settings, context).run();
}

}  // namespace kw::agent
