// SPDX-License-Identifier: Apache-2.0
// Rows of the leaderboard without judging anything: a store is filled with accepted kernels.
#pragma once

#include "core/candidate.hpp"
#include "core/rows.hpp"
#include "core/task_file.hpp"
#include "db/store.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <utility>
#include <vector>

namespace kw::test {

struct BoardKernel {
    std::string source;
    std::string device = "cpu: Test Processor, 2 cores, x86-64-v4";
    std::string model = "tune";
    double speedup = 2.0;
    std::string timing = "measured";
    std::string target = "cpu";
};

/// What a judge that compared every public case of the task lists.
inline std::vector<CaseOutcome> passed_cases(const Task& task) {
    std::vector<CaseOutcome> cases;
    for (const Case& each : task.cases) {
        CaseOutcome outcome;
        outcome.case_name = each.name;
        outcome.dims = each.dims;
        outcome.distribution = each.distribution;
        cases.push_back(std::move(outcome));
    }
    return cases;
}

class BoardMaker {
public:
    explicit BoardMaker(const std::filesystem::path& file)
        : store_(open(file)) {}

    CampaignRow campaign(const std::string& name, const Task& task, const BoardKernel& kernel) {
        CampaignRow row;
        row.name = name;
        row.task = task.name;
        row.task_hash = hash_for(task, kernel.target);
        row.target = kernel.target;
        row.device = kernel.timing == "modelled" ? "emulated:sm_90a" : "cpu";
        row.proposer = kernel.model;
        row.state = "finished";
        auto created = store_.create_campaign(row);
        REQUIRE(created.ok());
        return *created;
    }

    /// The hash of the kernel.
    std::string add(const std::string& campaign_name, const Task& task, const BoardKernel& kernel) {
        const CampaignRow made = campaign(campaign_name, task, kernel);
        const Candidate candidate =
            make_candidate(task.name, kernel.source, "native", kernel.target, "sm_90a");
        CandidateRow stored;
        stored.hash = candidate.hash;
        stored.task = task.name;
        stored.target = kernel.target;
        stored.isa = code_level(candidate);
        stored.source = kernel.source;
        stored.token_hash = token_hash(kernel.source);
        stored.origin = "reply";
        REQUIRE(store_.put_candidate(stored).ok());
        EvaluationRow row;
        row.campaign_id = made.id;
        row.candidate_hash = stored.hash;
        row.task_hash = hash_for(task, kernel.target);
        row.result.verdict = Verdict::accepted;
        row.result.device = kernel.device;
        row.result.timing_kind = kernel.timing;
        row.result.speedup = {kernel.speedup, kernel.speedup * 0.99, kernel.speedup * 1.01};
        row.result.vs_naive = row.result.speedup;
        row.result.min_speedup = kernel.speedup;
        row.result.comparison = Comparison::faster;
        row.result.cases = passed_cases(task);
        row.created_ms = 1;
        const auto id = store_.put_evaluation(row, made);
        REQUIRE(id.ok());
        return stored.hash;
    }

    db::Store& store() { return store_; }

private:
    static db::Store open(const std::filesystem::path& file) {
        auto opened = db::Store::open(file, db::Access::write);
        REQUIRE(opened.ok());
        return std::move(opened).value();
    }

    db::Store store_;
};

}  // namespace kw::test
