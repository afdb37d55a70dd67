// SPDX-License-Identifier: Apache-2.0
#include "agent/value/model_value.hpp"

#include "agent/critic/critique.hpp"
#include "agent/observation/feedback.hpp"
#include "agent/value/feature_value.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace kw::agent {

namespace {

constexpr double k_bin_spread = 0.15;  ///< of the logarithm, within a range

class ModelValue final : public ActionValue {
public:
    explicit ModelValue(ValueParts parts)
        : parts_(std::move(parts)) {}

    [[nodiscard]] std::string kind() const override { return "model"; }

    Result<Estimate> estimate(
        const History& done, const Proposal& proposal, const std::atomic<int>& cancelled) override {
        KW_TRY_ASSIGN(const ProposeRequest request, value_request(parts_, done, proposal));
        KW_TRY_ASSIGN(const PaidAnswer answer, parts_.model.answer(request, cancelled));
        Estimate estimate = nothing_known(done);
        if (const auto chances = parse_chances(answer.raw)) {
            estimate = estimate_of(*chances, estimate.expected_max);
        }
        static_cast<PaidAnswer&>(estimate) = answer;
        return estimate;
    }

private:
    ValueParts parts_;
};

}  // namespace

std::optional<Chances> parse_chances(const std::string& answer) {
    const nlohmann::json object = nlohmann::json::parse(first_json_object(answer), nullptr, false);
    if (!object.is_object()) {
        return std::nullopt;
    }
    Chances chances{};
    double sum = 0;
    for (std::size_t i = 0; i < chances.size(); ++i) {
        const auto found = object.find(k_speedup_bins[i].name);
        if (found == object.end()) {
            continue;
        }
        if (!found->is_number()) {
            return std::nullopt;
        }
        chances[i] = found->get<double>();
        if (!(chances[i] >= 0 && chances[i] <= 1)) {
            return std::nullopt;
        }
        sum += chances[i];
    }
    if (std::abs(sum - 1) > 0.1) {
        return std::nullopt;
    }
    for (double& chance : chances) {
        chance /= sum;
    }
    return chances;
}

Estimate estimate_of(const Chances& chances, double best_so_far) {
    Estimate estimate;
    for (std::size_t i = 0; i < chances.size(); ++i) {
        estimate.speedup += chances[i] * k_speedup_bins[i].middle;
        estimate.expected_max +=
            chances[i] * expected_max_of(best_so_far, k_speedup_bins[i].middle, k_bin_spread);
    }
    estimate.chance = 1 - chances[0];
    return estimate;
}

Result<ProposeRequest> value_request(
    const ValueParts& parts, const History& done, const Proposal& proposal) {
    const Attempt* parent = find_attempt(done, proposal.parent_hash);
    const TemplateValues values = {
        {"parent", parent == nullptr ? "" : " Its parent: " + feedback_line(*parent) + "."}};
    const SourceQuestion question{
        parts.task,
        parts.prompts,
        parts.prompts.value,
        "value.md",
        proposal.source,
        proposal.target};
    KW_TRY_ASSIGN(ProposeRequest request, question_about(question, done, values));
    request.campaign = parts.campaign + "-value";  // an exchange folder of its own
    request.slot = proposal.slot;
    request.step = done.attempts.empty() ? 1 : done.attempts.back().step + 1;
    request.parent_hash = proposal.parent_hash;
    return request;
}

std::unique_ptr<ActionValue> make_model_value(const ValueParts& parts) {
    return std::make_unique<ModelValue>(parts);
}

}  // namespace kw::agent
