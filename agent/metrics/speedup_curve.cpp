// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/speedup_curve.hpp"

#include "core/check.hpp"

#include <algorithm>
#include <cmath>

namespace kw::agent {

std::string_view name(CostUnit unit) {
    switch (unit) {
        case CostUnit::calls: return "calls";
        case CostUnit::tokens: return "tokens";
        case CostUnit::usd: return "usd";
        case CostUnit::seconds: return "seconds";
    }
    return "";
}

double in_unit(const Cost& cost, CostUnit unit) {
    switch (unit) {
        case CostUnit::calls: return cost.calls;
        case CostUnit::tokens: return cost.tokens;
        case CostUnit::usd: return cost.usd;
        case CostUnit::seconds: return cost.seconds;
    }
    return 0;
}

SpeedupCurve speedup_curve(std::span<const Progress> progress, CostUnit unit, double start) {
    SpeedupCurve curve;
    curve.start = start;
    for (const Progress& step : progress) {
        const double spent = in_unit(step.spent, unit);
        KW_CHECK(step.speedup > 0 && (curve.spent.empty() || spent >= curve.spent.back()));
        if (!curve.spent.empty() && curve.spent.back() == spent) {
            curve.speedup.back() = step.speedup;
            continue;
        }
        curve.spent.push_back(spent);
        curve.speedup.push_back(step.speedup);
    }
    return curve;
}

double speedup_at(const SpeedupCurve& curve, double budget) {
    const auto after = std::ranges::upper_bound(curve.spent, budget);
    return after == curve.spent.begin()
               ? curve.start
               : curve.speedup[static_cast<std::size_t>(after - curve.spent.begin()) - 1];
}

double mean_height(const SpeedupCurve& curve, double budget) {
    KW_CHECK(budget > 0);
    double area = 0;
    double height = std::log(curve.start);
    double at = 0;
    for (std::size_t i = 0; i < curve.spent.size() && curve.spent[i] < budget; ++i) {
        area += height * (curve.spent[i] - at);
        at = curve.spent[i];
        height = std::log(curve.speedup[i]);
    }
    area += height * (budget - at);
    return std::exp(area / budget);
}

}  // namespace kw::agent
