// SPDX-License-Identifier: Apache-2.0
#include "agent/value/verifiers.hpp"

#include "agent/critic/critique.hpp"
#include "agent/value/feature_value.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace kw::agent {

namespace {

class Verifiers final : public ActionValue {
public:
    explicit Verifiers(ValueParts parts)
        : parts_(std::move(parts)) {}

    [[nodiscard]] std::string kind() const override { return "model"; }

    Result<Estimate> estimate(
        const History& done, const Proposal& proposal, const std::atomic<int>& cancelled) override {
        std::vector<Vote> votes;
        for (const std::string& verifier : verifier_names()) {
            KW_TRY_ASSIGN(
                const ProposeRequest request, verifier_request(parts_, verifier, done, proposal));
            KW_TRY_ASSIGN(const PaidAnswer answer, parts_.model.answer(request, cancelled));
            Vote vote;
            static_cast<PaidAnswer&>(vote) = answer;
            vote.verifier = verifier;
            vote.chance = parse_vote(answer.raw).value_or(-1);
            votes.push_back(std::move(vote));
        }
        return estimate_of(std::move(votes), done);
    }

private:
    ValueParts parts_;
};

}  // namespace

std::optional<double> parse_vote(const std::string& answer) {
    const nlohmann::json object = nlohmann::json::parse(first_json_object(answer), nullptr, false);
    if (!object.is_object()) {
        return std::nullopt;
    }
    const auto found = object.find("chance");
    if (found == object.end() || !found->is_number()) {
        return std::nullopt;
    }
    const double chance = found->get<double>();
    return chance >= 0 && chance <= 1 ? std::optional<double>(chance) : std::nullopt;
}

Estimate estimate_of(std::vector<Vote> votes, const History& done) {
    Estimate estimate = nothing_known(done);
    double sum = 0;
    int count = 0;
    for (const Vote& vote : votes) {
        sum += std::max(0.0, vote.chance);
        count += vote.chance >= 0 ? 1 : 0;
    }
    if (count > 0) {
        constexpr double k_spread = 0.3;  // of the logarithm, as the features estimate has it
        const double best = estimate.expected_max;
        const double works = expected_max_of(best, best > 0 ? best : 1, k_spread);
        estimate.chance = sum / count;
        estimate.expected_max = estimate.chance * works + (1 - estimate.chance) * best;
    }
    estimate.votes = std::move(votes);
    return estimate;
}

Result<ProposeRequest> verifier_request(
    const ValueParts& parts,
    const std::string& verifier,
    const History& done,
    const Proposal& proposal) {
    const auto text = parts.prompts.verifiers.find(verifier);
    KW_CHECK(text != parts.prompts.verifiers.end());
    const std::string file = "verify_" + verifier + ".md";
    const SourceQuestion question{
        parts.task, parts.prompts, text->second, file.c_str(), proposal.source, proposal.target};
    KW_TRY_ASSIGN(ProposeRequest request, question_about(question, done, {}));
    request.campaign = parts.campaign + "-verify-" + verifier;  // an exchange folder of its own
    request.slot = proposal.slot;
    request.step = done.attempts.empty() ? 1 : done.attempts.back().step + 1;
    request.parent_hash = proposal.parent_hash;
    return request;
}

std::unique_ptr<ActionValue> make_verifiers(const ValueParts& parts) {
    return std::make_unique<Verifiers>(parts);
}

}  // namespace kw::agent
