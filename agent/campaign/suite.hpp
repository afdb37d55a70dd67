// SPDX-License-Identifier: Apache-2.0
// One budget for many tasks: a campaign a task, named SUITE.TASK, gets it in slices, each slice
// where suite_budget.hpp says. There is no state besides the campaigns' rows, so that running the
// same suite again goes on where it was stopped or killed.
#pragma once

#include "agent/campaign/campaign.hpp"
#include "agent/campaign/suite_file.hpp"
#include "agent/search/suite_budget.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kw::agent {

struct SuiteSettings {
    CampaignSettings campaign;  ///< of each task; `budget` is that of the whole suite, `name` that
                                ///< of the suite's run, "" = the suite's own
    SuiteRules rules;
};

struct SuiteEntry {
    std::string task;
    std::string campaign;  ///< its name
    TaskState state;
    int evaluations = 0;
    std::optional<std::string> stopped;  ///< why it gets no more
};

struct SuiteSummary {
    std::string name;
    std::vector<SuiteEntry> entries;  ///< in the suite's order
    int evaluations = 0;
    double usd = 0;
    std::string stop_reason;  ///< "budget: ..." | "every task has stopped" | "interrupted"
    bool interrupted = false;
};

/// What a run of a suite was begun with, and what its budget was last.
struct StoredSuite {
    Suite suite;
    SuiteSettings settings;
    std::string device;  ///< id, what resume opens
};
/// Nothing: no campaign is part of a run of this name.
[[nodiscard]] Result<std::optional<StoredSuite>> stored_suite(
    const std::string& run, db::Store& store);

/// Runs or goes on. No limit of the budget is exceeded by all campaigns together, what earlier runs
/// of the suite spent included. A campaign of the same name with another proposer, strategy or
/// device is refused (Errc::usage).
[[nodiscard]] Result<SuiteSummary> run_suite(
    const Suite& suite, const SuiteSettings& settings, CampaignContext& context);

}  // namespace kw::agent
