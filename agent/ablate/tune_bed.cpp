// SPDX-License-Identifier: Apache-2.0
#include "agent/ablate/tune_bed.hpp"

#include "core/check.hpp"
#include "evaluator/draws.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace kw::agent {

namespace {

double worth(const TuneResult& result) {
    return result.verdict == Verdict::accepted ? result.speedup.value : 0;
}

class TuneLandscape final : public Landscape {
public:
    TuneLandscape(const TuneTable& table, double quality, bool own_tuner, std::uint64_t seed)
        : table_(table)
        , quality_(quality)
        , own_tuner_(own_tuner)
        , seed_(stats::Draws(seed).next()) {}

    Trial start() override {
        tried_.push_back({table_.start, 0, ""});
        return trial_of(table_.start);
    }

    std::optional<Trial> propose(const BedAsk& ask, const Shown& shown) override {
        stats::Draws draws(seed_of_attempt(seed_, ask.number));
        const auto point =
            own_tuner_ ? next_point(table_.space, trials(), seed_) : chosen(ask, shown, draws);
        if (!point) {
            return std::nullopt;
        }
        const bool duplicate =
            std::ranges::any_of(tried_, [&](const Tried& tried) { return tried.point == *point; });
        tried_.push_back({*point, ask.step, ask.key});
        Trial trial = trial_of(*point);
        if (duplicate) {
            trial = Trial{};
            trial.verdict = Verdict::duplicate;
        }
        return trial;
    }

private:
    struct Tried {
        TunePoint point;
        int step = 0;
        std::string key;
    };

    [[nodiscard]] Trial trial_of(const TunePoint& point) const {
        const auto found = table_.results.find(point);
        Trial trial;
        trial.note = show_point(table_.space, point);
        if (found == table_.results.end()) {  // the tuner knows the space, a table may lack a point
            trial.verdict = Verdict::internal;
            return trial;
        }
        trial.verdict = found->second.verdict;
        trial.speedup = found->second.speedup.value;
        trial.measured = found->second.speedup;
        return trial;
    }

    [[nodiscard]] std::vector<TuneTrial> trials() const {
        std::vector<TuneTrial> out;
        for (const Tried& tried : tried_) {
            const auto found = table_.results.find(tried.point);
            out.push_back({tried.point, found == table_.results.end() ? 0 : worth(found->second)});
        }
        return out;
    }

    /// Those that the proposer may write from what it is shown.
    [[nodiscard]] std::vector<TunePoint> reachable(const TunePoint* parent) const {
        std::vector<TunePoint> points;
        for (const auto& [point, result] : table_.results) {
            int changed = 0;
            for (std::size_t i = 0; parent != nullptr && i < point.size(); ++i) {
                changed += point[i] != (*parent)[i] ? 1 : 0;
            }
            if (parent == nullptr || changed == 1) {
                points.push_back(point);
            }
        }
        return points;
    }

    [[nodiscard]] std::optional<TunePoint> chosen(
        const BedAsk& ask, const Shown& shown, stats::Draws& draws) const {
        const TunePoint* parent = nullptr;
        const bool is_shown = shown.parent && ask.ask.op != Operator::fresh;
        for (const Tried& tried : tried_) {
            const bool start = tried.key.empty();
            if (is_shown && (start || tried.key == ask.ask.parent_hash)) {
                parent = &tried.point;  // the start unless the ask names another
            }
        }
        const double critique = draws.uniform();
        const double place = draws.uniform();
        std::vector<TunePoint> points = reachable(parent);
        if (shown.trajectory) {
            leave_out_tried(points, ask.step);
            if (points.empty()) {
                points = reachable(nullptr);
                leave_out_tried(points, ask.step);
            }
        }
        if (points.empty()) {
            return std::nullopt;
        }
        if (shown.critique && critique < quality_) {
            return *std::ranges::max_element(points, {}, [&](const TunePoint& point) {
                return worth(table_.results.at(point));
            });
        }
        return points[static_cast<std::size_t>(place * static_cast<double>(points.size()))];
    }

    void leave_out_tried(std::vector<TunePoint>& points, int step) const {
        std::erase_if(points, [&](const TunePoint& point) {
            return std::ranges::any_of(tried_, [&](const Tried& tried) {
                return tried.step < step && tried.point == point;
            });
        });
    }

    const TuneTable& table_;
    double quality_;
    bool own_tuner_;
    std::uint64_t seed_;
    std::vector<Tried> tried_;
};

class TuneBed final : public Bed {
public:
    TuneBed(TuneTables tables, double quality, bool critic_calls)
        : tables_(std::move(tables))
        , quality_(quality)
        , critic_calls_(critic_calls) {
        for (const TuneTable& table : tables_.tables) {
            judge_seconds_ += table.judge_seconds / static_cast<double>(tables_.tables.size());
        }
    }

    [[nodiscard]] std::string name() const override { return "tune"; }
    [[nodiscard]] std::unique_ptr<Landscape> landscape(
        std::uint64_t seed, const Arm& arm) const override {
        return std::make_unique<TuneLandscape>(
            tables_.tables[seed % tables_.tables.size()], quality_, arm.strategy == "tune", seed);
    }
    /// No tokens: nobody writes these sources.
    [[nodiscard]] AskCost ask_cost(const Shown&, int) const override {
        return {0, 0, 0, judge_seconds_};
    }
    [[nodiscard]] AskCost critique_cost() const override { return {}; }
    [[nodiscard]] bool critique_is_a_call() const override { return critic_calls_; }
    [[nodiscard]] int concurrent_calls() const override { return 1; }

private:
    TuneTables tables_;
    double quality_;
    bool critic_calls_;
    double judge_seconds_ = 0;
};

}  // namespace

std::unique_ptr<Bed> make_tune_bed(TuneTables tables, double quality, bool critic_calls) {
    KW_CHECK(!tables.tables.empty() && quality >= 0 && quality <= 1);
    return std::make_unique<TuneBed>(std::move(tables), quality, critic_calls);
}

}  // namespace kw::agent
