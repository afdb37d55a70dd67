// SPDX-License-Identifier: Apache-2.0
#include "agent/critic/model_critic.hpp"

#include "agent/critic/hypotheses.hpp"
#include "agent/text.hpp"

namespace kw::agent {

namespace {

constexpr std::size_t k_max_patterns_shown = 5;
constexpr std::size_t k_max_refuted_shown = 8;

class ModelCritic final : public Critic {
public:
    explicit ModelCritic(CriticParts parts)
        : parts_(std::move(parts)) {}

    [[nodiscard]] std::string label() const override { return "model: " + parts_.model.label; }

    Result<Critique> critique(
        const History& done, const Attempt& attempt, const std::atomic<int>& cancelled) override {
        KW_TRY_ASSIGN(const ProposeRequest request, critique_request(parts_, done, attempt));
        KW_TRY_ASSIGN(const PaidAnswer answer, parts_.model.answer(request, cancelled));
        Critique out = parse_critique(answer.raw);
        static_cast<PaidAnswer&>(out) = answer;
        return out;
    }

private:
    CriticParts parts_;
};

}  // namespace

std::unique_ptr<Critic> make_model_critic(const CriticParts& parts) {
    return std::make_unique<ModelCritic>(parts);
}

Result<ProposeRequest> critique_request(
    const CriticParts& parts, const History& done, const Attempt& attempt) {
    const Facts facts = facts_of({parts.task, done, attempt, parts.machine});
    const std::vector<GivenCritique> given =
        parts.given ? parts.given() : std::vector<GivenCritique>{};
    const std::vector<Hypothesis> hypotheses = hypotheses_of(done, given);
    const std::string refuted = refuted_text(hypotheses, k_max_refuted_shown);
    const TemplateValues values = {
        {"facts", fence(facts_text(facts))},
        {"failure", facts.failure},
        {"patterns",
         patterns_text(
             rank_patterns(parts.patterns, facts, refuted_bottlenecks(hypotheses)),
             k_max_patterns_shown)},
        {"refuted", refuted.empty() ? "" : "## Causes that were ruled out\n" + refuted}};
    const SourceQuestion question{
        parts.task,
        parts.prompts,
        parts.prompts.critique,
        "critique.md",
        attempt.source,
        attempt.target};
    KW_TRY_ASSIGN(ProposeRequest request, question_about(question, done, values));
    request.campaign = parts.campaign + "-critic";  // an exchange folder of its own
    request.step = attempt.step;
    request.slot = attempt.slot;
    request.parent_hash = attempt.candidate_hash;
    return request;
}

}  // namespace kw::agent
