// SPDX-License-Identifier: Apache-2.0
#include "agent/critic/critic.hpp"

#include "agent/critic/hypotheses.hpp"
#include "agent/critic/model_critic.hpp"
#include "agent/text.hpp"
#include "core/config.hpp"

namespace kw::agent {

namespace {

class NoCritic final : public Critic {
public:
    [[nodiscard]] std::string label() const override { return "none"; }
    Result<Critique> critique(const History&, const Attempt&, const std::atomic<int>&) override {
        Critique nothing;
        nothing.kind = "none";
        return nothing;
    }
};

class RulesCritic final : public Critic {
public:
    explicit RulesCritic(CriticParts parts)
        : parts_(std::move(parts)) {}
    [[nodiscard]] std::string label() const override { return "rules"; }

    Result<Critique> critique(
        const History& done, const Attempt& attempt, const std::atomic<int>&) override {
        const Facts facts = facts_of({parts_.task, done, attempt, parts_.machine});
        Critique out;
        out.kind = "rules";
        for (const Ranked& ranked :
             rank_patterns(parts_.patterns, facts, refuted_so_far(parts_, done))) {
            if (!ranked.detected) {
                continue;
            }
            const Pattern& pattern = *ranked.pattern;
            out.usable = true;
            out.bottleneck = pattern.key;
            out.diagnosis = one_line(pattern.title + " (" + ranked.evidence + ")", k_max_diagnosis);
            out.change = one_line(pattern.change, k_max_change);
            out.expected_gain = attempt.reward > 0 ? ranked.gain : 0;
            return out;
        }
        out.diagnosis = "no pattern of the catalogue fits the facts";
        return out;
    }

private:
    CriticParts parts_;
};

}  // namespace

std::set<std::string> refuted_so_far(const CriticParts& parts, const History& done) {
    if (!parts.given) {
        return {};
    }
    const std::vector<GivenCritique> given = parts.given();
    return refuted_bottlenecks(hypotheses_of(done, given));
}

const std::vector<std::string>& critic_kinds() {
    static const std::vector<std::string> k_kinds = {"none", "rules", "model"};
    return k_kinds;
}

Result<std::unique_ptr<Critic>> make_critic(const std::string& kind, const CriticParts& parts) {
    std::unique_ptr<Critic> critic;
    if (kind == "none") {
        critic = std::make_unique<NoCritic>();
    } else if (kind == "rules") {
        critic = std::make_unique<RulesCritic>(parts);
    } else if (kind == "model") {
        if (!parts.model.ask) {
            return Error{
                Errc::usage,
                "a critic of kind 'model' needs a model",
                "name one as the proposer, or use the critic 'rules'"};
        }
        critic = make_model_critic(parts);
    } else {
        const auto near = did_you_mean(kind, critic_kinds());
        return Error{
            Errc::usage,
            "unknown critic '" + one_line(kind, 40) + "'",
            near ? "did you mean " + *near + "?" : "one of none, rules, model"};
    }
    return critic;
}

}  // namespace kw::agent
