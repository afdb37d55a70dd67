// SPDX-License-Identifier: Apache-2.0
#include "agent/value/feature_value.hpp"

#include "agent/critic/source_facts.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace kw::agent {

namespace {

constexpr std::size_t k_neighbours = 7;
/// A proposal is not its neighbour: deviation of the logarithm of what it will reach.
constexpr double k_spread = 0.3;
constexpr double k_nearest = 0.05;  ///< distances below are told apart no more

std::set<std::string, std::less<>> words_of(std::string_view source) {
    std::set<std::string, std::less<>> words;
    const std::string code = without_comments(source);
    std::string word;
    for (const char c : code + " ") {
        const bool part =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (part) {
            word += c;
        } else if (!word.empty()) {
            words.insert(word);
            word.clear();
        }
    }
    return words;
}

/// 1 - |a and b| / |a or b|
double changed_share(std::string_view a, std::string_view b) {
    const auto before = words_of(a);
    const auto after = words_of(b);
    const auto kept = static_cast<double>(
        std::count_if(after.begin(), after.end(), [&before](const std::string& word) {
            return before.contains(word);
        }));
    const double either = static_cast<double>(before.size() + after.size()) - kept;
    return either > 0 ? 1 - kept / either : 0;
}

double distance(const FeatureVector& a, const FeatureVector& b, const FeatureVector& scale) {
    double sum = 0;
    for (std::size_t i = 0; i < k_feature_count; ++i) {
        const double step = (a[i] - b[i]) * scale[i];
        sum += step * step;
    }
    return std::sqrt(sum / static_cast<double>(k_feature_count));
}

/// One over the deviation of each feature; 0 for what does not vary among the rows.
FeatureVector scale_of(std::span<const FeatureRow> rows) {
    const auto n = static_cast<double>(rows.size());
    FeatureVector scale{};
    for (std::size_t i = 0; i < k_feature_count; ++i) {
        double sum = 0;
        double squares = 0;
        for (const FeatureRow& row : rows) {
            sum += row.features[i];
            squares += row.features[i] * row.features[i];
        }
        const double variance = squares / n - sum / n * (sum / n);
        scale[i] = variance > 1e-9 ? 1 / std::sqrt(variance) : 0;
    }
    return scale;
}

/// The places of what the parent got; everything else depends on the two texts alone.
constexpr std::size_t k_parent_accepted = k_feature_count - 2;
constexpr std::size_t k_parent_reward = k_feature_count - 1;

void set_parent(FeatureVector& features, double reward) {
    features[k_parent_accepted] = reward > 0 ? 1 : 0;
    features[k_parent_reward] = reward > 0 ? std::log(reward) : 0;
}

double gain_of(double reward, double parent_reward) {
    return parent_reward > 0 ? reward / parent_reward : reward;
}

double reward_of(const Attempt* attempt) {
    return attempt == nullptr ? 0 : attempt->reward;
}

class FeatureValue final : public ActionValue {
public:
    explicit FeatureValue(const std::vector<PastAttempt>& past) {
        for (const PastAttempt& attempt : past) {
            past_.push_back(
                {features_of(attempt.proposal.source, attempt.parent_source, attempt.parent_reward),
                 gain_of(attempt.reward, attempt.parent_reward)});
        }
    }

    [[nodiscard]] std::string kind() const override { return "features"; }

    Result<Estimate> estimate(
        const History& done, const Proposal& proposal, const std::atomic<int>&) override {
        const Attempt* parent = find_attempt(done, proposal.parent_hash);
        const double from = reward_of(parent);
        const FeatureVector features = features_of(
            proposal.source,
            parent == nullptr ? std::string_view{} : std::string_view(parent->source),
            from);
        const double so_far = reward_of(best_of(done));
        Estimate estimate;
        estimate.chance = 0;
        for (const WeightedGain& one : neighbours_of(rows_of(done), features)) {
            const double reward = one.gain * (from > 0 ? from : 1);
            estimate.expected_max += one.weight * expected_max_of(so_far, reward, k_spread);
            estimate.speedup += one.weight * reward;
            estimate.chance += one.gain > 0 ? one.weight : 0;
        }
        estimate.chance = std::min(1.0, estimate.chance);
        return estimate;
    }

private:
    std::vector<FeatureRow> rows_of(const History& done) {
        std::vector<FeatureRow> rows = past_;
        for (const Attempt& attempt : done.attempts) {
            if (attempt.source.empty() || attempt.withdrawn ||
                attempt.result.verdict == Verdict::internal) {
                continue;
            }
            const Attempt* parent = find_attempt(done, attempt.parent_hash);
            FeatureRow row{texts_of(attempt, parent), gain_of(attempt.reward, reward_of(parent))};
            set_parent(row.features, reward_of(parent));
            rows.push_back(row);
        }
        return rows;
    }

    /// What the two texts say: counted once, for histories are asked again and again.
    const FeatureVector& texts_of(const Attempt& attempt, const Attempt* parent) {
        const auto key = std::pair(
            attempt.candidate_hash, parent == nullptr ? std::string{} : parent->candidate_hash);
        const auto found = texts_.find(key);
        if (found != texts_.end()) {
            return found->second;
        }
        const std::string_view before =
            parent == nullptr ? std::string_view{} : std::string_view(parent->source);
        return texts_.emplace(key, features_of(attempt.source, before, 0)).first->second;
    }

    std::vector<FeatureRow> past_;
    std::map<std::pair<std::string, std::string>, FeatureVector> texts_;
};

}  // namespace

FeatureVector features_of(
    const std::string& source, std::string_view parent_source, double parent_reward) {
    FeatureVector out{};
    std::size_t at = 0;
    const DimMap facts = source_facts(source);
    for (const FactSpec& spec : source_fact_specs()) {
        KW_CHECK(at < k_feature_count - 5);
        out[at++] = std::log1p(static_cast<double>(facts.find(spec.name)->second));
    }
    const double size = std::log1p(static_cast<double>(source.size()));
    out[at++] = size;
    out[at++] =
        parent_source.empty() ? 0 : size - std::log1p(static_cast<double>(parent_source.size()));
    out[at++] = changed_share(parent_source, source);
    KW_CHECK(at == k_parent_accepted);
    set_parent(out, parent_reward);
    return out;
}

std::vector<WeightedGain> neighbours_of(
    std::span<const FeatureRow> rows, const FeatureVector& features) {
    const double prior = 1 / (k_nearest + 1);
    std::vector<WeightedGain> near;
    if (!rows.empty()) {
        const FeatureVector scale = scale_of(rows);
        for (const FeatureRow& row : rows) {
            near.push_back({1 / (k_nearest + distance(row.features, features, scale)), row.gain});
        }
        std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) {
            return a.weight > b.weight;
        });
        near.resize(std::min(near.size(), k_neighbours));
    }
    near.push_back({prior / 2, 0});
    near.push_back({prior / 2, 1});
    double sum = 0;
    for (const WeightedGain& one : near) {
        sum += one.weight;
    }
    for (WeightedGain& one : near) {
        one.weight /= sum;
    }
    return near;
}

std::unique_ptr<ActionValue> make_feature_value(const std::vector<PastAttempt>& past) {
    return std::make_unique<FeatureValue>(past);
}

}  // namespace kw::agent
