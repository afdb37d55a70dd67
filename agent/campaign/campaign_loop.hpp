// SPDX-License-Identifier: Apache-2.0
// The loop of a campaign: ask, store the reply, judge, store the evaluation; every arrow between
// two of them may be cut by kill -9. It knows neither where proposers and strategies come from nor
// how settings are stored (campaign.cpp does).
#pragma once

#include "agent/budget/ledger.hpp"
#include "agent/campaign/campaign.hpp"
#include "agent/campaign/campaign_advice.hpp"
#include "agent/campaign/campaign_settings.hpp"
#include "agent/observation/template.hpp"
#include "agent/proposers/proposer.hpp"
#include "agent/search/history.hpp"
#include "agent/search/strategy.hpp"
#include "core/candidate.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kw::agent {

/// The source of evaluation 0, which every lineage begins with.
struct StartSource {
    std::string source;
    std::string origin;  ///< "seed" | "baseline"
};

struct CampaignParts {
    Proposer& proposer;
    const Strategy& strategy;
    const PromptBook& prompts;
    StartSource start;
    AdviceParts advice = {};
};

/// Of the device: its wall time without the wait for the lane.
[[nodiscard]] double device_seconds(const Evaluation& evaluation);

/// Caps that a candidate reserves of the device time: its judging and a promotion.
inline constexpr int k_judgings_reserved = 2;

class WaveCalls;

class CampaignLoop {
public:
    CampaignLoop(
        StoredSettings stored,
        const Task& task,
        CampaignContext& context,
        CampaignParts parts,
        CampaignRow row);

    /// Runs until the budget, the search, the user or the world ends it. The row's state says
    /// which, also when an Error is returned.
    Result<CampaignSummary> run();

private:
    /// Why the loop ended, for the row.
    struct Stop {
        std::string state;
        std::string reason;
    };
    using Step = Result<std::optional<Stop>>;

    Result<void> load();
    AdvisedCampaign advised();
    Result<Stop> go();
    Step judge_start();
    Step run_wave(const Wave& wave);
    Step run_ranked(const Wave& wave, const History& done);
    Result<std::vector<ProposeRequest>> begin_wave(
        const Wave& open, const Wave& wave, const History& done);
    Step with_calls(const std::function<Step(WaveCalls*)>& body);
    Step gather(const std::vector<ProposeRequest>& requests);
    Result<void> start_all(const std::vector<ProposeRequest>& requests, WaveCalls& calls);
    Result<void> rank_stored(
        const std::vector<ProposeRequest>& requests, int keep, const History& done);
    Step judge_kept(const Wave& wave);
    Step run_slots(const std::vector<ProposeRequest>& requests, WaveCalls* calls);
    Step run_slot(const ProposeRequest& request, WaveCalls* calls);
    Result<void> start_calls(const std::vector<ProposeRequest>& wanted, WaveCalls& calls);
    [[nodiscard]] std::vector<ProposeRequest> startable(
        const std::vector<ProposeRequest>& requests, const WaveCalls* calls) const;
    Result<std::optional<ReplyRow>> reply_to(
        const ProposeRequest& request, WaveCalls* calls, std::optional<Stop>& stop);
    /// Nothing and `stop` when no call was or may be made.
    Result<std::optional<ReplyRow>> ask(const ProposeRequest& request, std::optional<Stop>& stop);
    Result<std::optional<ReplyRow>> await(
        const ProposeRequest& request, WaveCalls& calls, std::optional<Stop>& stop);
    /// `width`: asks of the whole wave; `wave` holds the missing ones.
    Result<std::vector<ProposeRequest>> requests_of(
        const Wave& wave, const History& done, std::size_t width);
    Step judge_within_budget(const ProposeRequest& request, const ReplyRow& reply);
    [[nodiscard]] std::vector<ReplyOutcome> outcomes_before(int step) const;
    Step judge_reply(const ProposeRequest& request, const ReplyRow& reply);
    Step judge_candidate(EvaluationRow row, const Candidate& candidate, const std::string& origin);
    Result<Evaluation> call_judge(
        const EvaluationRow& row, const Candidate& candidate, bool independent = false);
    Result<void> store(EvaluationRow row, Attempt attempt);
    Result<void> verify_best(bool search_is_over);
    Result<void> promote(Attempt attempt);
    [[nodiscard]] std::vector<EvaluationRow> changed_rows(std::vector<EvaluationRow> rows) const;
    Result<void> too_many_own_failures(const Evaluation& last);
    void count_time(const Evaluation& result);
    void note_progress(std::int64_t utc_ms);
    Result<void> finish(const Stop& stop);

    /// With the campaign's own task, target and architecture where its directive is silent.
    [[nodiscard]] Candidate candidate_of(const std::string& source) const;
    [[nodiscard]] std::string source_of(const std::string& hash) const;
    [[nodiscard]] Spend spend() const;
    [[nodiscard]] Reservation judging() const;
    [[nodiscard]] bool lacks_device_time() const;
    void note_spend();
    Stop limit_met(const std::string& reason) const;
    [[nodiscard]] double elapsed_s() const;
    [[nodiscard]] std::optional<Stop> interrupted() const;
    [[nodiscard]] Event event(EventType type, const EvaluationRow* about = nullptr) const;
    void emit(const Event& event) const;
    void tell_asking(const ProposeRequest& request) const;
    void tell_proposed(const ReplyRow& row, const std::string& remark);
    void tell_judged(const EvaluationRow& row);
    void tell_promoted(const EvaluationRow& first, const EvaluationRow& second);
    [[nodiscard]] CampaignSummary summary(const Stop& stop) const;

    StoredSettings stored_;
    const CampaignSettings& settings_;
    const Task& task_;
    CampaignContext& context_;
    CampaignParts parts_;
    CampaignRow row_;
    History history_;
    std::unique_ptr<Ledger> ledger_;
    std::unique_ptr<CampaignAdvice> advice_;
    /// Of earlier sessions and of waves that are ranked, by step and slot.
    std::map<std::pair<int, int>, ReplyRow> replies_;
    std::vector<ReplyOutcome> outcomes_;  ///< of all replies, rewards left out
    std::string header_;                  ///< <task>.h, for prompts
    std::chrono::nanoseconds began_{0};
    double elapsed_before_s_ = 0;
    double not_charged_s_ = 0;  ///< of this session: waits for the lane or a rate limit
    double device_s_ = 0;
    int own_failures_ = 0;  ///< XX in a row
};

}  // namespace kw::agent
