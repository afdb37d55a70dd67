// SPDX-License-Identifier: Apache-2.0
// What a preset names besides the search, at work in one campaign: the sections of its prompts, the
// critic of its parents, the estimate that ranks its proposals. All that was said is stored before
// it is used and read back on resume, so that a resumed campaign shows the same prompts.
#pragma once

#include "agent/campaign/paid_call.hpp"
#include "agent/critic/calibration.hpp"
#include "agent/critic/critic.hpp"
#include "agent/observation/advice.hpp"
#include "agent/search/history.hpp"
#include "agent/search/strategy.hpp"
#include "agent/value/value.hpp"
#include "core/clock.hpp"
#include "core/event.hpp"
#include "core/task.hpp"
#include "db/store.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kw::agent {

/// The default is that of a replayed campaign: the usual prompt, nobody's advice.
struct AdviceParts {
    std::vector<std::string> sections = {};  ///< of prompts; empty = default_sections()
    std::string critic = "none";             ///< of critic_kinds()
    std::string value = "none";              ///< of value_kinds()
    const PatternBook* patterns = nullptr;   ///< null: an empty catalogue
    const cpu::Calibration* machine = nullptr;
    std::vector<Example> examples = {};  ///< for prompts with that section
    Foreign foreign = {};                ///< to carry over; without a source: nothing is
};

/// The campaign that is advised. Everything must outlive the advice.
struct AdvisedCampaign {
    const CampaignRow& row;
    const Task& task;
    const PromptBook& prompts;
    Proposer& proposer;  ///< whose model critics and estimates of kind `model` ask
    db::Store& store;
    Ledger& ledger;
    Clock& clock;
    const std::atomic<int>& stopped;
    std::function<void(EventType, int step, int slot, const std::string& text)> tell;
};

class CampaignAdvice {
public:
    /// Reads what was said in earlier sessions. Errors as make_critic() and make_action_value().
    static Result<std::unique_ptr<CampaignAdvice>> open(
        const AdviceParts& parts, const AdvisedCampaign& campaign);

    /// Critiques of those parents of the wave that have none, unless the critic does not pay.
    /// `done`: whole steps before the wave. A model that fails is warned about and not asked again
    /// about this parent; a limit without room leaves the parent without a critique.
    Result<void> consult(const History& done, const Wave& wave);
    [[nodiscard]] Advice advice() const;
    [[nodiscard]] std::vector<std::string> sections() const;

    /// Whether the wave asks for more than it judges, and the estimate that chooses still pays.
    [[nodiscard]] bool ranks(const History& done, const Wave& wave);
    /// Chooses `keep` of the proposals of one step; one without a source comes last.
    Result<void> rank(
        const History& done, int step, const std::vector<Proposal>& proposals, std::size_t keep);
    /// Nothing: the proposal was not ranked.
    [[nodiscard]] std::optional<bool> kept(int step, int slot) const;

    /// Seconds in queues for a rate limit since the last time.
    [[nodiscard]] double take_queued_s();

private:
    CampaignAdvice(const AdviceParts& parts, const AdvisedCampaign& campaign);
    Result<void> make_parts();
    [[nodiscard]] const PatternBook& patterns() const;
    [[nodiscard]] bool is_given(const Attempt& attempt) const;
    Result<void> criticise(const History& done, const Attempt& attempt);
    void remember(GivenCritique given);
    Result<Estimate> estimate_of(const History& done, const Proposal& proposal, int step);
    void tell_critique(const GivenCritique& given, const Error* failure) const;
    void warn_once(bool& told, int step, const std::string& text) const;

    AdviceParts parts_;
    AdvisedCampaign campaign_;
    PatternBook no_patterns_;
    SideCalls critic_calls_;
    SideCalls value_calls_;
    std::unique_ptr<Critic> critic_;      ///< null: none
    std::unique_ptr<ActionValue> value_;  ///< null: none
    std::vector<GivenCritique> given_;    ///< by step and slot
    std::vector<EstimateRow> estimates_;
    std::map<std::pair<int, int>, bool> kept_;  ///< by step and slot
    bool critic_pays_ = true;
    bool told_critic_ = false;
    bool told_value_ = false;
};

}  // namespace kw::agent
