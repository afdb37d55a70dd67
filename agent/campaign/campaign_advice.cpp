// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/campaign_advice.hpp"

#include "agent/campaign/past_attempts.hpp"
#include "agent/critic/hypotheses.hpp"
#include "agent/observation/sections.hpp"
#include "agent/text.hpp"
#include "agent/value/feature_value.hpp"

#include <algorithm>
#include <chrono>

namespace kw::agent {

namespace {

constexpr const char* k_value_part = "value";
/// Of earlier campaigns: each is a row that every estimate looks at.
constexpr std::size_t k_max_past_attempts = 300;

/// Of the worst-case price the ledger is told by the calls themselves.
ModelAsker asker_of(const Proposer& proposer, SideCalls& calls) {
    ModelAsker asker;
    asker.label = proposer.label();
    asker.ask = [&calls](const ProposeRequest& request, const std::atomic<int>& cancelled) {
        return calls.ask(request, cancelled);
    };
    return asker;
}

double seconds_since(Clock& clock, std::chrono::nanoseconds begin) {
    return std::chrono::duration<double>(clock.steady() - begin).count();
}

/// What came of the estimates by the end of `done`.
std::vector<EstimateRow> with_outcomes(std::vector<EstimateRow> rows, const History& done) {
    for (EstimateRow& row : rows) {
        const Attempt* attempt = find_attempt(done, row.step, row.slot);
        row.judged = attempt != nullptr && !attempt->withdrawn;
        row.verdict = row.judged ? attempt->result.verdict : Verdict::internal;
        row.reward = row.judged ? attempt->reward : 0;
    }
    return rows;
}

/// Last in any ranking.
Estimate worthless() {
    Estimate estimate;
    estimate.expected_max = -1;
    estimate.chance = 0;
    return estimate;
}

}  // namespace

CampaignAdvice::CampaignAdvice(const AdviceParts& parts, const AdvisedCampaign& campaign)
    : parts_(parts)
    , campaign_(campaign)
    , critic_calls_(campaign.proposer, campaign.ledger, "critic")
    , value_calls_(campaign.proposer, campaign.ledger, k_value_part) {}

Result<std::unique_ptr<CampaignAdvice>> CampaignAdvice::open(
    const AdviceParts& parts, const AdvisedCampaign& campaign) {
    std::unique_ptr<CampaignAdvice> advice(new CampaignAdvice(parts, campaign));
    KW_TRY(advice->make_parts());
    KW_TRY_ASSIGN(const std::vector<CritiqueRow> said, campaign.store.critiques(campaign.row.id));
    for (const CritiqueRow& row : said) {
        advice->remember(given_of(row));
    }
    KW_TRY_ASSIGN(advice->estimates_, campaign.store.estimates(campaign.row.id));
    std::erase_if(
        advice->estimates_, [](const EstimateRow& row) { return row.part != k_value_part; });
    for (const EstimateRow& row : advice->estimates_) {
        advice->kept_[{row.step, row.slot}] = row.kept;
    }
    return advice;
}

/// A proposer that reads no prompt is not advised.
Result<void> CampaignAdvice::make_parts() {
    if (parts_.critic != "none" && campaign_.proposer.wants_prompt() &&
        has_section(parts_.sections, "critique")) {
        const CriticParts parts{
            campaign_.task,
            patterns(),
            campaign_.prompts,
            parts_.machine,
            campaign_.row.name,
            asker_of(campaign_.proposer, critic_calls_),
            [this] {
                return given_;
            }};
        KW_TRY_ASSIGN(critic_, make_critic(parts_.critic, parts));
    }
    if (parts_.value != "none") {
        ValueParts parts{
            campaign_.task,
            campaign_.prompts,
            campaign_.row.name,
            asker_of(campaign_.proposer, value_calls_),
            {}};
        if (parts_.value == "features") {
            KW_TRY_ASSIGN(
                parts.past, past_attempts(campaign_.store, campaign_.row, k_max_past_attempts));
        }
        KW_TRY_ASSIGN(value_, make_action_value(parts_.value, parts));
    }
    return {};
}

const PatternBook& CampaignAdvice::patterns() const {
    return parts_.patterns == nullptr ? no_patterns_ : *parts_.patterns;
}

Result<void> CampaignAdvice::consult(const History& done, const Wave& wave) {
    if (critic_ == nullptr) {
        return {};
    }
    const TrackRecord record = track_record(claims_of(hypotheses_of(done, given_)), {});
    critic_pays_ = record.pays;
    if (!critic_pays_) {
        warn_once(told_critic_, wave.step, "the critic is switched off: " + record.reason);
        return {};
    }
    for (const Ask& ask : wave.asks) {
        const bool shown = ask.op != Operator::fresh;
        const Attempt* parent = shown ? find_attempt(done, ask.parent_hash) : nullptr;
        if (parent != nullptr && !is_given(*parent)) {
            KW_TRY(criticise(done, *parent));
        }
    }
    return {};
}

bool CampaignAdvice::is_given(const Attempt& attempt) const {
    return std::ranges::any_of(given_, [&](const GivenCritique& one) {
        return one.step == attempt.step && one.slot == attempt.slot;
    });
}

Result<void> CampaignAdvice::criticise(const History& done, const Attempt& attempt) {
    const std::chrono::nanoseconds begin = campaign_.clock.steady();
    Result<Critique> said = critic_->critique(done, attempt, campaign_.stopped);
    GivenCritique given{attempt.step, attempt.slot, {}};
    if (said) {
        given.critique = std::move(*said);
    } else if (said.error().code != Errc::model) {
        return std::move(said).error();
    } else if (critic_calls_.refused()) {
        return {};
    } else {
        given.critique.kind = parts_.critic;
        given.critique.diagnosis = one_line(said.error().what, k_max_diagnosis);
    }
    CritiqueRow row = row_of(given, campaign_.row.id);
    row.seconds = seconds_since(campaign_.clock, begin);
    row.created_ms = campaign_.clock.utc_ms();
    KW_TRY(campaign_.store.put_critique(row));
    KW_TRY(critic_calls_.settle());
    tell_critique(given, said ? nullptr : &said.error());
    remember(given_of(row));
    return {};
}

void CampaignAdvice::tell_critique(const GivenCritique& given, const Error* failure) const {
    const Critique& critique = given.critique;
    if (failure != nullptr) {
        campaign_.tell(
            EventType::warning,
            given.step,
            given.slot,
            "going on without a critique: " + one_line(failure->what, 300));
    } else if (critique.usable) {
        campaign_.tell(
            EventType::critique,
            given.step,
            given.slot,
            one_line(critique.bottleneck, k_max_bottleneck) + ": " +
                one_line(critique.change, 200));
    }
}

/// In the order in which a resumed campaign reads them.
void CampaignAdvice::remember(GivenCritique given) {
    const auto place = std::ranges::upper_bound(
        given_, std::pair(given.step, given.slot), {}, [](const GivenCritique& one) {
            return std::pair(one.step, one.slot);
        });
    given_.insert(place, std::move(given));
}

Advice CampaignAdvice::advice() const {
    Advice advice;
    advice.critiques = &given_;
    advice.patterns = &patterns();
    advice.machine = parts_.machine;
    advice.examples = parts_.examples;
    advice.foreign = parts_.foreign;
    return advice;
}

std::vector<std::string> CampaignAdvice::sections() const {
    std::vector<std::string> sections =
        parts_.sections.empty() ? default_sections() : parts_.sections;
    if (!critic_pays_) {
        std::erase(sections, "critique");
    }
    return sections;
}

bool CampaignAdvice::ranks(const History& done, const Wave& wave) {
    if (value_ == nullptr || wave.keep <= 0 ||
        static_cast<std::size_t>(wave.keep) >= wave.asks.size()) {
        return false;
    }
    const std::vector<EstimateRow> rows = with_outcomes(estimates_, done);
    const TrackRecord record =
        track_record(claims_of(rows, k_value_part), forecasts_of(rows, k_value_part));
    if (!record.pays) {
        warn_once(told_value_, wave.step, "the value estimate is switched off: " + record.reason);
    }
    return record.pays;
}

Result<void> CampaignAdvice::rank(
    const History& done, int step, const std::vector<Proposal>& proposals, std::size_t keep) {
    std::vector<Estimate> estimates;
    std::vector<double> seconds;
    for (const Proposal& proposal : proposals) {
        const std::chrono::nanoseconds begin = campaign_.clock.steady();
        KW_TRY_ASSIGN(Estimate estimate, estimate_of(done, proposal, step));
        estimates.push_back(std::move(estimate));
        seconds.push_back(seconds_since(campaign_.clock, begin));
    }
    const std::vector<std::size_t> best = keep_best(estimates, keep);
    std::vector<EstimateRow> rows;
    for (std::size_t i = 0; i < proposals.size(); ++i) {
        const bool is_kept = std::ranges::find(best, i) != best.end();
        std::vector<EstimateRow> said = rows_of(
            estimates[i], value_->kind(), campaign_.row.id, step, proposals[i].slot, is_kept);
        said.front().seconds = seconds[i];
        for (EstimateRow& row : said) {
            row.created_ms = campaign_.clock.utc_ms();
            rows.push_back(std::move(row));
        }
    }
    KW_TRY(campaign_.store.put_estimates(rows));
    KW_TRY(value_calls_.settle());
    for (EstimateRow& row : rows) {
        kept_[{row.step, row.slot}] = row.kept;
        if (row.part == k_value_part) {
            estimates_.push_back(std::move(row));
        }
    }
    return {};
}

Result<Estimate> CampaignAdvice::estimate_of(
    const History& done, const Proposal& proposal, int step) {
    if (proposal.source.empty()) {
        return worthless();
    }
    Result<Estimate> estimate = value_->estimate(done, proposal, campaign_.stopped);
    if (estimate || estimate.error().code != Errc::model) {
        return estimate;
    }
    if (!value_calls_.refused()) {
        campaign_.tell(
            EventType::warning,
            step,
            proposal.slot,
            "going on without an estimate: " + one_line(estimate.error().what, 300));
    }
    return nothing_known(done);
}

std::optional<bool> CampaignAdvice::kept(int step, int slot) const {
    const auto found = kept_.find({step, slot});
    return found == kept_.end() ? std::nullopt : std::optional<bool>(found->second);
}

double CampaignAdvice::take_queued_s() {
    return critic_calls_.take_queued_s() + value_calls_.take_queued_s();
}

void CampaignAdvice::warn_once(bool& told, int step, const std::string& text) const {
    if (!std::exchange(told, true)) {
        campaign_.tell(EventType::warning, step, -1, text);
    }
}

}  // namespace kw::agent
