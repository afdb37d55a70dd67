// SPDX-License-Identifier: Apache-2.0
#include "agent/ablate/ablation.hpp"

#include "agent/ablate/bed_run.hpp"
#include "agent/metrics/bootstrap.hpp"
#include "core/check.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <future>
#include <memory>
#include <utility>

namespace kw::agent {

namespace {

/// Seeds of the two sets never meet: a run takes one seed, and there are fewer runs than this.
constexpr std::uint64_t k_held_out = std::uint64_t{1} << 32;

/// One arm in one unit: logarithms, by run.
struct Logs {
    std::vector<double> speedup;
    std::vector<double> height;
};

struct ArmLogs {
    std::vector<Logs> units;  ///< by CostUnit
    std::vector<double> evaluations;
    std::vector<double> failures;
};

/// fn(0) .. fn(count - 1), each once, in any order.
void for_each_run(int count, int threads, const std::function<void(int)>& fn) {
    std::atomic<int> next{0};
    const auto work = [&] {
        for (int run = next++; run < count; run = next++) {
            fn(run);
        }
    };
    std::vector<std::future<void>> helpers;
    for (int i = 1; i < std::min(threads, count); ++i) {
        helpers.push_back(std::async(std::launch::async, work));
    }
    work();
    for (std::future<void>& helper : helpers) {
        helper.get();
    }
}

class Ablation {
public:
    Ablation(const Bed& bed, const AblationPlan& plan)
        : bed_(bed)
        , plan_(plan) {}

    Result<AblationResult> result() {
        for (const Arm& arm : plan_.arms) {
            KW_TRY_ASSIGN(const StrategyPreset preset, load_preset(arm.strategy, plan_.presets));
            strategies_.push_back(make_strategy(preset, plan_.options));
        }
        set_budget();
        AblationResult result;
        std::vector<ArmLogs> logs;
        for (std::size_t i = 0; i < plan_.arms.size(); ++i) {
            logs.push_back(logs_of(i));
            result.arms.push_back(summary(plan_.arms[i], logs.back(), logs.front()));
        }
        return result;
    }

private:
    [[nodiscard]] BedRun run(std::size_t arm, int index, const Cost& spend) const {
        BedLimits limits;
        limits.spend = spend;
        limits.max_evaluations = 20 * plan_.calls;
        return run_on_bed(
            bed_,
            *strategies_[arm],
            plan_.arms[arm],
            first_seed(plan_.seeds) + static_cast<std::uint64_t>(index),
            plan_.gamma,
            limits);
    }

    /// What the first arm's calls cost it.
    void set_budget() {
        std::vector<Cost> spent(static_cast<std::size_t>(plan_.runs));
        for_each_run(plan_.runs, plan_.threads, [&](int index) {
            const Cost limit{static_cast<double>(plan_.calls), 0, 0, 0};
            for (const BedStep& step : run(0, index, limit).steps) {
                if (step.spent.calls <= limit.calls) {
                    spent[static_cast<std::size_t>(index)] = step.spent;
                }
            }
        });
        for (const Cost& one : spent) {
            budget_.tokens += one.tokens / plan_.runs;
            budget_.usd += one.usd / plan_.runs;
            budget_.seconds += one.seconds / plan_.runs;
        }
        budget_.calls = plan_.calls;
    }

    [[nodiscard]] ArmLogs logs_of(std::size_t arm) const {
        const auto runs = static_cast<std::size_t>(plan_.runs);
        ArmLogs logs;
        logs.units.assign(
            k_cost_units.size(), {std::vector<double>(runs), std::vector<double>(runs)});
        logs.evaluations.resize(runs);
        logs.failures.resize(runs);
        for_each_run(plan_.runs, plan_.threads, [&](int index) {
            const BedRun one = run(arm, index, budget_);
            const auto at = static_cast<std::size_t>(index);
            std::vector<Progress> progress;
            for (const BedStep& step : one.steps) {
                progress.push_back({step.spent, step.speedup});
                if (step.spent.calls <= budget_.calls) {
                    logs.evaluations[at] += 1;
                    logs.failures[at] += step.accepted ? 0 : 1;
                }
            }
            for (std::size_t u = 0; u < k_cost_units.size(); ++u) {
                const double budget = in_unit(budget_, k_cost_units[u]);
                if (budget > 0) {
                    const SpeedupCurve curve = speedup_curve(progress, k_cost_units[u], one.start);
                    logs.units[u].speedup[at] = std::log(speedup_at(curve, budget));
                    logs.units[u].height[at] = std::log(mean_height(curve, budget));
                }
            }
        });
        return logs;
    }

    [[nodiscard]] ArmResult summary(
        const Arm& arm, const ArmLogs& logs, const ArmLogs& first) const {
        ArmResult out;
        out.arm = arm;
        const BootstrapOptions options;
        for (std::size_t u = 0; u < k_cost_units.size(); ++u) {
            const double budget = in_unit(budget_, k_cost_units[u]);
            if (budget > 0) {
                const Logs& unit = logs.units[u];
                out.units.push_back(
                    {k_cost_units[u],
                     budget,
                     geometric_mean_interval(unit.speedup, options),
                     geometric_mean_interval(unit.height, options),
                     paired_ratio(first.units[u].speedup, unit.speedup, options)});
            }
        }
        double failures = 0;
        for (std::size_t i = 0; i < logs.evaluations.size(); ++i) {
            out.evaluations += logs.evaluations[i];
            failures += logs.failures[i];
        }
        out.failures = out.evaluations > 0 ? failures / out.evaluations : 0;
        out.evaluations /= plan_.runs;
        return out;
    }

    const Bed& bed_;
    const AblationPlan& plan_;
    std::vector<std::unique_ptr<Strategy>> strategies_;
    Cost budget_;
};

}  // namespace

std::uint64_t first_seed(SeedSet set) {
    return set == SeedSet::held_out ? k_held_out : 1;
}

Result<AblationResult> ablate(const Bed& bed, const AblationPlan& plan) {
    KW_CHECK(!plan.arms.empty() && plan.runs >= 2 && plan.calls >= 1);
    return Ablation(bed, plan).result();
}

}  // namespace kw::agent
