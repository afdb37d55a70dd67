// SPDX-License-Identifier: Apache-2.0
#include "agent/search/selection.hpp"

#include "agent/search/draw.hpp"
#include "agent/search/reward.hpp"

#include <algorithm>
#include <cmath>

namespace kw::agent {

namespace {

const Attempt* start_of(const History& done) {
    return done.attempts.empty() ? nullptr : &done.attempts.front();
}

/// The best kernel, or the start while there is none.
const Attempt* best_or_start(const History& done) {
    const Attempt* best = best_of(done);
    return best == nullptr ? start_of(done) : best;
}

bool can_be_repaired(const Attempt& attempt) {
    switch (attempt.result.verdict) {
        case Verdict::accepted:
        case Verdict::compiled_only:  // nobody ran it: there is nothing to mend
        case Verdict::no_reply:
        case Verdict::duplicate:
        case Verdict::internal: return false;
        default: return !attempt.source.empty() && !attempt.withdrawn;
    }
}

/// Passed the compiler: it failed in a run.
bool was_built(const Attempt& attempt) {
    const Verdict verdict = attempt.result.verdict;
    return verdict != Verdict::compile_error && verdict != Verdict::forbidden;
}

Ask ask_from(int slot, const Attempt* parent) {
    Ask ask;
    ask.slot = slot;
    if (parent != nullptr) {
        ask.parent_hash = parent->candidate_hash;
        ask.op = can_be_repaired(*parent) ? Operator::repair : Operator::improve;
    }
    return ask;
}

/// `asks` asks that take the parents in turn.
std::vector<Ask> deal(const std::vector<const Attempt*>& parents, int asks) {
    std::vector<Ask> out;
    for (int slot = 0; slot < asks; ++slot) {
        out.push_back(ask_from(slot, parents[static_cast<std::size_t>(slot) % parents.size()]));
    }
    return out;
}

/// Steps at the end of the history, from `first` on, that brought no kernel.
int failures_at_end(const std::vector<const Attempt*>& steps, int first) {
    int failures = 0;
    for (auto it = steps.rbegin(); it != steps.rend() && (*it)->step >= first; ++it, ++failures) {
        if (is_kernel(**it)) {
            break;
        }
    }
    return failures;
}

class Start final : public Selection {
public:
    [[nodiscard]] std::vector<Ask> pick(
        const History& done, const Population&, const StepPlan& plan) const override {
        return deal({start_of(done)}, plan.asks);
    }
};

class Single final : public Selection {
public:
    [[nodiscard]] std::vector<Ask> pick(
        const History& done, const Population&, const StepPlan&) const override {
        return deal({start_of(done)}, 1);
    }
};

class Newest final : public Selection {
public:
    explicit Newest(int patience)
        : patience_(patience) {}
    [[nodiscard]] std::vector<Ask> pick(
        const History& done, const Population&, const StepPlan&) const override {
        const std::vector<const Attempt*> steps = trajectory(done);
        const auto newest = std::find_if(
            steps.rbegin(), steps.rend(), [](const Attempt* step) { return is_kernel(*step); });
        const bool patient = failures_at_end(steps, 0) < patience_;
        return deal({patient && newest != steps.rend() ? *newest : best_or_start(done)}, 1);
    }

private:
    int patience_;
};

class Cascade final : public Selection {
public:
    [[nodiscard]] std::vector<Ask> pick(
        const History& done, const Population&, const StepPlan& plan) const override {
        std::vector<const Attempt*> parents = failures_since_kernel(done);
        // The base prompt keeps its place unless there is only one.
        const std::size_t most = plan.asks > 1 ? static_cast<std::size_t>(plan.asks) - 1 : 1;
        parents.resize(std::min(parents.size(), most));
        if (parents.empty() || plan.asks > 1) {
            parents.push_back(best_or_start(done));
        }
        return deal(parents, plan.asks);
    }

private:
    /// Newest first: those that were built, else those that were not.
    static std::vector<const Attempt*> failures_since_kernel(const History& done) {
        const std::vector<const Attempt*> steps = trajectory(done);
        const int failed_steps = failures_at_end(steps, 0);
        if (failed_steps == 0) {
            return {};
        }
        const int first = steps[steps.size() - static_cast<std::size_t>(failed_steps)]->step;
        std::vector<const Attempt*> failures;
        for (auto it = done.attempts.rbegin(); it != done.attempts.rend() && it->step >= first;
             ++it) {
            if (can_be_repaired(*it)) {
                failures.push_back(&*it);
            }
        }
        const auto built = [](const Attempt* failure) {
            return was_built(*failure);
        };
        if (std::ranges::any_of(failures, built)) {
            std::erase_if(failures, [&](const Attempt* failure) { return !built(failure); });
        }
        return failures;
    }
};

class Spread final : public Selection {
public:
    [[nodiscard]] std::vector<Ask> pick(
        const History& done, const Population& population, const StepPlan& plan) const override {
        std::vector<const Attempt*> parents;
        for (const Member& member : population.islands.front()) {
            parents.push_back(member.attempt);
        }
        if (parents.empty()) {
            parents = repairable(done);
        }
        if (parents.empty()) {
            parents.push_back(start_of(done));
        }
        return deal(parents, plan.asks);
    }
};

class Weighted final : public Selection {
public:
    explicit Weighted(const SelectionSpec& spec)
        : spec_(spec) {}

    [[nodiscard]] std::vector<Ask> pick(
        const History& done, const Population& population, const StepPlan& plan) const override {
        const std::vector<const Attempt*> broken = repairable(done);
        std::vector<Ask> asks;
        for (int slot = 0; slot < plan.asks; ++slot) {
            const DrawPlace place{plan.seed, plan.step, slot};
            const Island* island = island_for(population, plan, slot);
            if (island != nullptr) {
                asks.push_back(ask_of(*island, done, place));
            } else if (!broken.empty()) {
                asks.push_back(
                    ask_from(slot, broken[choose(draw(place, DrawFor::parent), broken.size())]));
            } else {
                asks.push_back(ask_from(slot, start_of(done)));
            }
        }
        return asks;
    }

private:
    /// The slot's own, else the next one around the ring that is not empty.
    static const Island* island_for(const Population& population, const StepPlan& plan, int slot) {
        const auto count = static_cast<int>(population.islands.size());
        const int own = island_of(plan.step, slot, plan.asks, count);
        for (int i = 0; i < count; ++i) {
            const auto at = static_cast<std::size_t>((own + i) % count);
            if (!population.islands[at].empty()) {
                return &population.islands[at];
            }
        }
        return nullptr;
    }

    [[nodiscard]] Ask ask_of(
        const Island& island, const History& done, const DrawPlace& place) const {
        std::vector<double> weights = parent_weights(island, done, spec_.sharpness);
        const auto parent = choose_weighted(draw(place, DrawFor::parent), weights);
        KW_CHECK(parent);  // a median has at least half a sigmoid
        Ask ask = ask_from(place.slot, island[*parent].attempt);
        ask.op = operator_of(place, island.size() > 1);
        std::vector<std::size_t> chosen = {*parent};
        if (ask.op == Operator::crossover) {
            weights[*parent] = 0;
            const auto second = choose_weighted(draw(place, DrawFor::second_parent), weights);
            chosen.push_back(second.value_or(*parent == 0 ? 1 : 0));
        }
        add_inspirations(island.size(), place, chosen);
        for (std::size_t i = 1; i < chosen.size(); ++i) {
            ask.inspirations.push_back(island[chosen[i]].attempt->candidate_hash);
        }
        return ask;
    }

    [[nodiscard]] Operator operator_of(const DrawPlace& place, bool has_partner) const {
        const double weights[] = {spec_.improve, spec_.fresh, has_partner ? spec_.crossover : 0};
        constexpr Operator k_operators[] = {
            Operator::improve, Operator::fresh, Operator::crossover};
        return k_operators[choose_weighted(draw(place, DrawFor::operation), weights).value_or(0)];
    }

    /// The best of the island, then random members, up to the number wanted besides the parents.
    void add_inspirations(
        std::size_t size, const DrawPlace& place, std::vector<std::size_t>& chosen) const {
        const std::size_t want = chosen.size() + static_cast<std::size_t>(spec_.inspirations);
        std::vector<std::size_t> rest;
        for (std::size_t i = 0; i < size; ++i) {
            if (std::ranges::find(chosen, i) == chosen.end()) {
                rest.push_back(i);
            }
        }
        for (std::uint64_t index = 0; chosen.size() < want && !rest.empty(); ++index) {
            const std::size_t at =
                index == 0 ? 0 : choose(draw(place, DrawFor::inspiration, index), rest.size());
            chosen.push_back(rest[at]);
            rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(at));
        }
    }

    SelectionSpec spec_;
};

class Trajectory final : public Selection {
public:
    explicit Trajectory(int patience)
        : patience_(patience) {}

    [[nodiscard]] std::vector<Ask> pick(
        const History& done, const Population&, const StepPlan& plan) const override {
        const int first = (plan.step - 1) / plan.depth * plan.depth + 1;  // of this trajectory
        const std::vector<const Attempt*> steps = trajectory(done);
        const int failures = failures_at_end(steps, first);
        // A line is abandoned after its failure and `patience` repairs; the next one has as many.
        const bool abandoned = failures > 0 && failures % (patience_ + 1) == 0;
        const Attempt* parent = abandoned ? nullptr : last_usable(steps, first);
        return deal({parent == nullptr ? best_or_start(done) : parent}, plan.asks);
    }

private:
    /// Of the steps from `first` on, passing over those that left nothing to go on from.
    static const Attempt* last_usable(const std::vector<const Attempt*>& steps, int first) {
        for (auto it = steps.rbegin(); it != steps.rend() && (*it)->step >= first; ++it) {
            if (is_kernel(**it) || can_be_repaired(**it)) {
                return *it;
            }
        }
        return nullptr;
    }

    int patience_;
};

double median_of(std::vector<double> values) {
    std::ranges::sort(values);
    const std::size_t half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

std::vector<double> parent_weights(const Island& island, const History& done, double sharpness) {
    if (island.empty()) {
        return {};
    }
    std::vector<double> rewards;
    for (const Member& member : island) {
        rewards.push_back(sure_reward_of(member.attempt->result));
    }
    const double median = median_of(rewards);
    std::vector<double> distances;
    for (const double reward : rewards) {
        distances.push_back(std::abs(reward - median));
    }
    constexpr double k_least_spread = 1e-6;  // of the median
    const double spread = std::max(median_of(distances), k_least_spread * median);
    std::vector<double> weights;
    for (std::size_t i = 0; i < island.size(); ++i) {
        const std::string& hash = island[i].attempt->candidate_hash;
        const auto children = std::ranges::count(done.attempts, hash, &Attempt::parent_hash);
        const double z = spread > 0 ? (rewards[i] - median) / spread : 0;
        weights.push_back(1 / (1 + std::exp(-sharpness * z)) / static_cast<double>(1 + children));
    }
    return weights;
}

std::vector<const Attempt*> repairable(const History& done) {
    std::vector<const Attempt*> failures;
    for (auto it = done.attempts.rbegin(); it != done.attempts.rend(); ++it) {
        if (can_be_repaired(*it)) {
            failures.push_back(&*it);
        }
    }
    std::ranges::stable_sort(failures, std::ranges::greater{}, [](const Attempt* failure) {
        return progress(failure->result.verdict);
    });
    return failures;
}

std::unique_ptr<Selection> make_selection(const SelectionSpec& spec) {
    if (spec.kind == "start") {
        return std::make_unique<Start>();
    }
    if (spec.kind == "single") {
        return std::make_unique<Single>();
    }
    if (spec.kind == "newest") {
        return std::make_unique<Newest>(spec.patience);
    }
    if (spec.kind == "cascade") {
        return std::make_unique<Cascade>();
    }
    if (spec.kind == "spread") {
        return std::make_unique<Spread>();
    }
    if (spec.kind == "weighted") {
        return std::make_unique<Weighted>(spec);
    }
    KW_CHECK(spec.kind == "trajectory");
    return std::make_unique<Trajectory>(spec.patience);
}

}  // namespace kw::agent
