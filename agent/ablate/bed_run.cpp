// SPDX-License-Identifier: Apache-2.0
#include "agent/ablate/bed_run.hpp"

#include "agent/search/history.hpp"
#include "core/check.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

namespace kw::agent {

namespace {

class Runner {
public:
    Runner(const Bed& bed, const Arm& arm, std::uint64_t seed, double gamma)
        : bed_(bed)
        , shown_(arm.shown)
        , landscape_(bed.landscape(seed, arm)) {
        history_.gamma = gamma;
        record(0, 0, {}, landscape_->start());
        run_.start = delivered();
    }

    BedRun run(const Strategy& strategy, const BedLimits& limits) {
        while (unspent(limits)) {
            const std::optional<Wave> wave = strategy.next(history_);
            if (!wave || !step(*wave)) {
                break;
            }
        }
        return std::move(run_);
    }

private:
    [[nodiscard]] bool unspent(const BedLimits& limits) const {
        if (static_cast<int>(run_.steps.size()) >= limits.max_evaluations) {
            return false;
        }
        return std::ranges::any_of(k_cost_units, [&](CostUnit unit) {
            return in_unit(spent_, unit) < in_unit(limits.spend, unit);
        });
    }

    /// False: the landscape has nothing left.
    bool step(const Wave& wave) {
        KW_CHECK(!wave.asks.empty());
        double called = spent_.seconds + criticise(wave);
        const AskCost cost = bed_.ask_cost(shown_, static_cast<int>(history_.attempts.size()));
        const auto together = static_cast<std::size_t>(std::max(1, bed_.concurrent_calls()));
        for (std::size_t i = 0; i < wave.asks.size(); ++i) {
            const Ask& ask = wave.asks[i];
            const auto trial = landscape_->propose(
                {ask,
                 key_of(wave.step, ask.slot),
                 wave.step,
                 static_cast<int>(history_.attempts.size())},
                shown_);
            if (!trial) {
                return false;
            }
            called += i % together == 0 ? cost.call_seconds : 0;
            spent_.calls += 1;
            spent_.tokens += cost.tokens;
            spent_.usd += cost.usd;
            // Neither a reply without source nor a duplicate is judged.
            const bool judged =
                trial->verdict != Verdict::no_reply && trial->verdict != Verdict::duplicate;
            spent_.seconds = std::max(spent_.seconds, called) + (judged ? cost.judge_seconds : 0);
            record(wave.step, ask.slot, ask.parent_hash, *trial);
            run_.steps.push_back({spent_, delivered(), trial->verdict == Verdict::accepted});
        }
        return true;
    }

    /// Asks the critic about parents it has not seen; the seconds that takes.
    double criticise(const Wave& wave) {
        if (!shown_.critique) {
            return 0;
        }
        int asked = 0;
        for (const Ask& ask : wave.asks) {
            asked += criticised_.insert(ask.parent_hash).second ? 1 : 0;
        }
        const AskCost cost = bed_.critique_cost();
        spent_.calls += bed_.critique_is_a_call() ? asked : 0;
        spent_.tokens += asked * cost.tokens;
        spent_.usd += asked * cost.usd;
        return std::ceil(static_cast<double>(asked) / std::max(1, bed_.concurrent_calls())) *
               cost.call_seconds;
    }

    [[nodiscard]] static std::string key_of(int step, int slot) {
        return std::to_string(step) + "." + std::to_string(slot);
    }

    void record(int step, int slot, const std::string& parent, const Trial& trial) {
        Attempt attempt;
        attempt.step = step;
        attempt.slot = slot;
        attempt.parent_hash = parent;
        attempt.note = trial.note;
        if (trial.verdict != Verdict::no_reply) {
            attempt.candidate_hash = key_of(step, slot);
            attempt.source = "drawn";  // strategies repair what has a source
        }
        attempt.result.verdict = trial.verdict;
        attempt.result.speedup = trial.measured;
        append(history_, std::move(attempt));
        truth_.push_back(trial.speedup);
    }

    [[nodiscard]] double delivered() const {
        return history_.best < 0 ? 1 : truth_[static_cast<std::size_t>(history_.best)];
    }

    const Bed& bed_;
    Shown shown_;
    std::unique_ptr<Landscape> landscape_;
    History history_;
    std::vector<double> truth_;  ///< by attempt
    std::set<std::string> criticised_;
    Cost spent_;
    BedRun run_;
};

}  // namespace

BedRun run_on_bed(
    const Bed& bed,
    const Strategy& strategy,
    const Arm& arm,
    std::uint64_t seed,
    double gamma,
    const BedLimits& limits) {
    return Runner(bed, arm, seed, gamma).run(strategy, limits);
}

}  // namespace kw::agent
