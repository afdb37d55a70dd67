// SPDX-License-Identifier: Apache-2.0
#include "agent/search/strategy.hpp"

#include "agent/search/archive.hpp"
#include "agent/search/selection.hpp"

#include <algorithm>
#include <utility>

namespace kw::agent {

namespace {

class PresetStrategy final : public Strategy {
public:
    PresetStrategy(const StrategyPreset& preset, const StrategyOptions& options)
        : name_(preset.name)
        , options_(options)
        , asks_(std::max(options.width, preset.rerank))
        , archive_(make_archive(preset.archive, asks_))
        , selection_(make_selection(preset.selection)) {}

    [[nodiscard]] std::string name() const override { return name_; }

    [[nodiscard]] std::optional<Wave> next(const History& done) const override {
        Wave wave;
        wave.step = done.attempts.empty() ? 1 : done.attempts.back().step + 1;
        const StepPlan plan{wave.step, asks_, options_.depth, options_.seed};
        wave.asks = selection_->pick(done, archive_->fold(done), plan);
        KW_CHECK(!wave.asks.empty() && wave.asks.size() <= static_cast<std::size_t>(asks_));
        wave.keep = std::min(options_.width, static_cast<int>(wave.asks.size()));
        if (wave.step == 1) {
            carry_over(wave.asks);
        }
        return wave;
    }

private:
    /// The last slots but never all: what is carried over is a line of its own, nobody's child.
    void carry_over(std::vector<Ask>& asks) const {
        const std::size_t count =
            std::min(asks.size() - 1, static_cast<std::size_t>(options_.transpile));
        for (std::size_t i = asks.size() - count; i < asks.size(); ++i) {
            asks[i] = {asks[i].slot, "", Operator::transpile, {}};
        }
    }

    std::string name_;
    StrategyOptions options_;
    int asks_;
    std::unique_ptr<Archive> archive_;
    std::unique_ptr<Selection> selection_;
};

}  // namespace

std::string_view name(Operator op) {
    switch (op) {
        case Operator::improve: return "improve";
        case Operator::repair: return "repair";
        case Operator::crossover: return "crossover";
        case Operator::fresh: return "fresh";
        case Operator::transpile: return "transpile";
    }
    return "improve";
}

const std::vector<std::string>& operator_names() {
    static const std::vector<std::string> k_names = [] {
        std::vector<std::string> names;
        for (const Operator op :
             {Operator::improve,
              Operator::repair,
              Operator::crossover,
              Operator::fresh,
              Operator::transpile}) {
            names.emplace_back(name(op));
        }
        return names;
    }();
    return k_names;
}

std::unique_ptr<Strategy> make_strategy(
    const StrategyPreset& preset, const StrategyOptions& options) {
    KW_CHECK(options.width > 0 && options.depth > 0);
    return std::make_unique<PresetStrategy>(preset, options);
}

}  // namespace kw::agent
