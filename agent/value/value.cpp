// SPDX-License-Identifier: Apache-2.0
#include "agent/value/value.hpp"

#include "agent/text.hpp"
#include "agent/value/feature_value.hpp"
#include "agent/value/model_value.hpp"
#include "agent/value/verifiers.hpp"
#include "core/config.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kw::agent {

namespace {

class NoValue final : public ActionValue {
public:
    [[nodiscard]] std::string kind() const override { return "none"; }
    Result<Estimate> estimate(
        const History& done, const Proposal&, const std::atomic<int>&) override {
        return nothing_known(done);
    }
};

}  // namespace

Estimate nothing_known(const History& done) {
    Estimate estimate;
    const Attempt* best = best_of(done);
    estimate.expected_max = best == nullptr ? 0 : best->reward;
    return estimate;
}

const std::vector<std::string>& value_kinds() {
    static const std::vector<std::string> k_kinds = {"none", "features", "model", "verifiers"};
    return k_kinds;
}

Result<std::unique_ptr<ActionValue>> make_action_value(
    const std::string& kind, const ValueParts& parts) {
    std::unique_ptr<ActionValue> value;
    if (kind == "none") {
        value = std::make_unique<NoValue>();
    } else if (kind == "features") {
        value = make_feature_value(parts.past);
    } else if (kind == "model" || kind == "verifiers") {
        if (!parts.model.ask) {
            return Error{
                Errc::usage,
                "a value estimate of kind '" + kind + "' needs a model",
                "name one as the proposer, or use 'features'"};
        }
        value = kind == "model" ? make_model_value(parts) : make_verifiers(parts);
    } else {
        const auto near = did_you_mean(kind, value_kinds());
        return Error{
            Errc::usage,
            "unknown value estimate '" + one_line(kind, 40) + "'",
            near ? "did you mean " + *near + "?" : "one of none, features, model, verifiers"};
    }
    return value;
}

double expected_max_of(double floor, double median, double deviation) {
    if (!(median > 0)) {
        return floor;
    }
    const double mean = median * std::exp(deviation * deviation / 2);
    if (!(floor > 0)) {
        return mean;
    }
    const auto normal = [](double z) {
        return std::erfc(-z / std::sqrt(2.0)) / 2;
    };
    const double above = std::log(median / floor) / deviation;
    return floor * normal(-above) + mean * normal(above + deviation);
}

std::vector<std::size_t> keep_best(const std::vector<Estimate>& estimates, std::size_t keep) {
    std::vector<std::size_t> order(estimates.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&estimates](std::size_t a, std::size_t b) {
        return estimates[a].expected_max > estimates[b].expected_max;
    });
    order.resize(std::min(keep, order.size()));
    std::sort(order.begin(), order.end());
    return order;
}

std::vector<EstimateRow> rows_of(
    const Estimate& estimate,
    const std::string& kind,
    std::int64_t campaign_id,
    int step,
    int slot,
    bool kept) {
    std::vector<EstimateRow> rows = {row_of(estimate, kind, campaign_id, step, slot, kept)};
    for (const Vote& vote : estimate.votes) {
        EstimateRow row;
        static_cast<PaidAnswer&>(row) = vote;
        row.campaign_id = campaign_id;
        row.step = step;
        row.slot = slot;
        row.part = "verifier:" + vote.verifier;
        row.kind = kind;
        row.chance = vote.chance;
        row.kept = kept;
        rows.push_back(std::move(row));
    }
    return rows;
}

EstimateRow row_of(
    const Estimate& estimate,
    const std::string& kind,
    std::int64_t campaign_id,
    int step,
    int slot,
    bool kept) {
    EstimateRow row;
    row.campaign_id = campaign_id;
    row.step = step;
    row.slot = slot;
    row.part = "value";
    row.kind = kind;
    row.speedup = estimate.speedup;
    row.chance = estimate.chance;
    row.kept = kept;
    static_cast<PaidAnswer&>(row) = estimate;
    return row;
}

}  // namespace kw::agent
