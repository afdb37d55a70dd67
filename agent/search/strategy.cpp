// SPDX-License-Identifier: Apache-2.0
#include "agent/search/strategy.hpp"

#include "core/config.hpp"

#include <algorithm>

namespace kw::agent {

namespace {

/// A line of repairs that failed this often is abandoned.
constexpr int k_max_repairs = 3;

int next_step(const History& done) {
    return done.attempts.empty() ? 1 : done.attempts.back().step + 1;
}

std::string start_hash(const History& done) {
    return done.attempts.empty() ? "" : done.attempts.front().candidate_hash;
}

std::string best_hash(const History& done) {
    const Attempt* best = best_of(done);
    return best == nullptr ? start_hash(done) : best->candidate_hash;
}

Wave wave_of(int step, int width, const std::string& parent) {
    Wave wave{step, {}};
    for (int slot = 0; slot < width; ++slot) {
        wave.asks.push_back({slot, parent});
    }
    return wave;
}

/// Steps at the end of the trajectory that brought no accepted kernel.
int failures_at_end(const std::vector<const Attempt*>& steps) {
    int failures = 0;
    for (auto it = steps.rbegin(); it != steps.rend() && (*it)->reward <= 0; ++it) {
        ++failures;
    }
    return failures;
}

class BestOfN final : public Strategy {
public:
    explicit BestOfN(int width)
        : width_(width) {}
    [[nodiscard]] std::string name() const override { return "best-of-n"; }
    [[nodiscard]] std::optional<Wave> next(const History& done) const override {
        return wave_of(next_step(done), width_, start_hash(done));
    }

private:
    int width_;
};

class Tune final : public Strategy {
public:
    [[nodiscard]] std::string name() const override { return "tune"; }
    [[nodiscard]] std::optional<Wave> next(const History& done) const override {
        return wave_of(next_step(done), 1, start_hash(done));
    }
};

class Chain final : public Strategy {
public:
    [[nodiscard]] std::string name() const override { return "chain"; }
    [[nodiscard]] std::optional<Wave> next(const History& done) const override {
        const std::vector<const Attempt*> steps = trajectory(done);
        std::string parent = best_hash(done);
        const auto newest = std::find_if(steps.rbegin(), steps.rend(), [](const Attempt* attempt) {
            return attempt->reward > 0;
        });
        if (newest != steps.rend() && failures_at_end(steps) < k_max_repairs) {
            parent = (*newest)->candidate_hash;
        }
        return wave_of(next_step(done), 1, parent);
    }
};

class MaxCode final : public Strategy {
public:
    MaxCode(int width, int depth)
        : width_(width)
        , depth_(depth) {}
    [[nodiscard]] std::string name() const override { return "maxcode"; }
    [[nodiscard]] std::optional<Wave> next(const History& done) const override {
        const std::vector<const Attempt*> steps = trajectory(done);
        const int step = next_step(done);
        const bool new_trajectory = step > 1 && (step - 1) % depth_ == 0;
        std::string parent = best_hash(done);
        if (!new_trajectory && !steps.empty() && failures_at_end(steps) <= k_max_repairs &&
            !steps.back()->candidate_hash.empty()) {
            parent = steps.back()->candidate_hash;
        }
        return wave_of(step, width_, parent);
    }

private:
    int width_;
    int depth_;
};

}  // namespace

const std::vector<std::string>& strategy_names() {
    static const std::vector<std::string> k_names = {"best-of-n", "chain", "maxcode", "tune"};
    return k_names;
}

Result<std::unique_ptr<Strategy>> make_strategy(
    const std::string& name, const StrategyOptions& options) {
    std::unique_ptr<Strategy> strategy;
    if (name == "best-of-n") {
        strategy = std::make_unique<BestOfN>(options.width);
    } else if (name == "chain") {
        strategy = std::make_unique<Chain>();
    } else if (name == "maxcode") {
        strategy = std::make_unique<MaxCode>(options.width, options.depth);
    } else if (name == "tune") {
        strategy = std::make_unique<Tune>();
    } else {
        const auto near = did_you_mean(name, strategy_names());
        return Error{
            Errc::usage,
            "unknown strategy '" + name + "'",
            near ? "did you mean " + *near + "?" : "one of best-of-n, chain, maxcode"};
    }
    return strategy;
}

}  // namespace kw::agent
