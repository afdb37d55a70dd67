// SPDX-License-Identifier: Apache-2.0
#include "agent/ablate/synthetic_bed.hpp"

#include "core/check.hpp"
#include "evaluator/draws.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>
#include <vector>

namespace kw::agent {

namespace {

/// With less than this left to its ceiling, an idea is exhausted for a critic.
const double k_worth_staying = std::log(1.05);
constexpr double k_least_headroom = 0.1;

/// An idea and how far it was brought. The start source is none: whatever follows it is a first
/// implementation.
struct Kernel {
    int idea = 0;
    double height = 0;  ///< ln of the speed-up over the start source
};

struct Tried {
    bool works = true;
    Kernel kernel;  ///< of a failure: what it would be worth
};

/// The luck of one proposal, all drawn at once: which of it is used does not move the rest, so that
/// arms of one seed stay comparable.
struct Luck {
    double failure, critique, jump, idea, hit;
    double closing, noise;  ///< standard normal
    explicit Luck(std::uint64_t seed) {
        stats::Draws draws(seed);
        failure = draws.uniform();
        critique = draws.uniform();
        jump = draws.uniform();
        idea = draws.uniform();
        hit = draws.uniform();
        closing = draws.normal();
        noise = draws.normal();
    }
};

class SyntheticLandscape final : public Landscape {
public:
    SyntheticLandscape(const SyntheticParams& params, double quality, std::uint64_t seed)
        : params_(params)
        , quality_(quality)
        , seed_(stats::Draws(seed).next()) {
        stats::Draws draws(seed_);
        const double headroom =
            std::max(k_least_headroom, params.headroom.mean + params.headroom.sd * draws.normal());
        for (int i = 0; i < params.ideas; ++i) {
            const double share =
                params.ceiling_least + (1 - params.ceiling_least) * draws.uniform();
            ceilings_.push_back(headroom * share);
        }
        yields_ = draws.normal();
        first_step_.assign(ceilings_.size(), std::numeric_limits<int>::max());
    }

    Trial start() override { return accepted(Kernel{}, 0); }  // never among tried_

    std::optional<Trial> propose(const BedAsk& ask, const Shown& shown) override {
        const Luck luck(seed_of_attempt(seed_, ask.number));
        const auto known = tried_.find(ask.ask.parent_hash);
        const bool is_shown = shown.parent && ask.ask.op != Operator::fresh;
        const Tried* parent = is_shown && known != tried_.end() ? &known->second : nullptr;
        const bool told = shown.critique && parent != nullptr && luck.critique < quality_;
        const bool repairs = parent != nullptr && !parent->works && shown.failure;
        Tried tried;
        if (repairs) {
            tried.kernel = parent->kernel;
        } else if (parent == nullptr || !parent->works) {
            tried.kernel = first_of(any_idea(ask, shown, luck), luck);
        } else {
            tried.kernel = changed(parent->kernel, ask, shown, told, luck);
        }
        const Verdict verdict = repairs ? repaired(told, luck) : change_verdict(luck.failure);
        tried.works = verdict == Verdict::accepted;
        if (verdict != Verdict::no_reply) {
            tried_.emplace(ask.key, tried);
            int& first = first_step_[static_cast<std::size_t>(tried.kernel.idea)];
            first = std::min(first, ask.step);
        }
        Trial trial;
        trial.verdict = verdict;
        return tried.works ? accepted(tried.kernel, luck.noise) : trial;
    }

private:
    [[nodiscard]] Trial accepted(const Kernel& kernel, double noise) const {
        Trial trial;
        trial.verdict = Verdict::accepted;
        trial.speedup = std::exp(kernel.height);
        const double seen = kernel.height + params_.noise * noise;
        const double half = 1.96 * params_.noise;
        trial.measured = {std::exp(seen), std::exp(seen - half), std::exp(seen + half)};
        return trial;
    }

    [[nodiscard]] Verdict change_verdict(double u) const {
        if (u < params_.no_reply) {
            return Verdict::no_reply;
        }
        u -= params_.no_reply;
        if (u < params_.compile_error) {
            return Verdict::compile_error;
        }
        return u < params_.compile_error + params_.wrong ? Verdict::wrong_result
                                                         : Verdict::accepted;
    }

    [[nodiscard]] Verdict repaired(bool told, const Luck& luck) const {
        if (told || luck.failure >= 1 - params_.repair) {
            return Verdict::accepted;
        }
        const double failures = params_.no_reply + params_.compile_error + params_.wrong;
        return failures > 0 ? change_verdict(luck.failure / (1 - params_.repair) * failures)
                            : Verdict::wrong_result;
    }

    /// A uniform choice, among those not tried in earlier steps when the trajectory is shown.
    [[nodiscard]] int any_idea(const BedAsk& ask, const Shown& shown, const Luck& luck) const {
        std::vector<int> open;
        for (int idea = 0; idea < params_.ideas; ++idea) {
            const bool tried = first_step_[static_cast<std::size_t>(idea)] < ask.step;
            if (!shown.trajectory || !tried) {
                open.push_back(idea);
            }
        }
        if (open.empty()) {
            return static_cast<int>(luck.idea * params_.ideas);
        }
        return open[static_cast<std::size_t>(luck.idea * static_cast<double>(open.size()))];
    }

    [[nodiscard]] Kernel first_of(int idea, const Luck& luck) const {
        const double z = std::sqrt(params_.first_shared) * yields_ +
                         std::sqrt(1 - params_.first_shared) * luck.closing;
        const double closing = std::exp(params_.first.mean + params_.first.sd * z);
        const double ceiling = ceilings_[static_cast<std::size_t>(idea)];
        return {idea, ceiling * (1 - std::exp(-closing))};
    }

    [[nodiscard]] Kernel changed(
        const Kernel& from,
        const BedAsk& ask,
        const Shown& shown,
        bool told,
        const Luck& luck) const {
        const double ceiling = ceilings_[static_cast<std::size_t>(from.idea)];
        const double left = ceiling - from.height;
        if (luck.jump < params_.jump || (told && left < k_worth_staying)) {
            return first_of(any_idea(ask, shown, luck), luck);
        }
        if (told || luck.hit < params_.hit) {
            const double closing = std::exp(params_.next.mean + params_.next.sd * luck.closing);
            return {from.idea, from.height + left * (1 - std::exp(-closing))};
        }
        const double step = params_.miss.mean + params_.miss.sd * luck.closing;
        return {from.idea, std::min(ceiling, from.height + step)};
    }

    const SyntheticParams& params_;
    double quality_;
    std::uint64_t seed_;
    std::vector<double> ceilings_;
    double yields_ = 0;  ///< how easily the task gives way at the first try, standard normal
    std::vector<int> first_step_;  ///< in which each idea was tried
    std::map<std::string, Tried> tried_;
};

class SyntheticBed final : public Bed {
public:
    SyntheticBed(const SyntheticParams& params, double quality)
        : params_(params)
        , quality_(quality) {}

    [[nodiscard]] std::string name() const override { return "synthetic"; }
    [[nodiscard]] std::unique_ptr<Landscape> landscape(
        std::uint64_t seed, const Arm&) const override {
        return std::make_unique<SyntheticLandscape>(params_, quality_, seed);
    }
    [[nodiscard]] AskCost ask_cost(const Shown& shown, int attempts) const override {
        // Without a parent the start source stands in its place.
        const double sources = 1 + (shown.best && shown.parent ? 1 : 0);
        const double critique = shown.critique ? params_.critique_tokens : 0;
        const double lines = shown.trajectory ? attempts * params_.line_tokens : 0;
        return call(
            params_.task_tokens + sources * params_.source_tokens + lines + critique,
            params_.source_tokens,
            params_.judge_seconds);
    }
    [[nodiscard]] AskCost critique_cost() const override {
        return params_.critique_tokens > 0
                   ? call(params_.task_tokens + params_.source_tokens, params_.critique_tokens, 0)
                   : AskCost{};
    }
    [[nodiscard]] bool critique_is_a_call() const override { return params_.critique_tokens > 0; }
    [[nodiscard]] int concurrent_calls() const override { return params_.concurrent_calls; }

private:
    [[nodiscard]] AskCost call(double in, double out, double judge_seconds) const {
        const double usd = (in * params_.usd_per_mtok_in + out * params_.usd_per_mtok_out) / 1e6;
        return {in + out, usd, out / params_.tokens_per_second, judge_seconds};
    }

    SyntheticParams params_;
    double quality_;
};

}  // namespace

std::unique_ptr<Bed> make_synthetic_bed(const SyntheticParams& params, double quality) {
    KW_CHECK(params.ideas >= 1 && quality >= 0 && quality <= 1);
    return std::make_unique<SyntheticBed>(params, quality);
}

}  // namespace kw::agent
