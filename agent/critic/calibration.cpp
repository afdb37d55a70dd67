// SPDX-License-Identifier: Apache-2.0
#include "agent/critic/calibration.hpp"

#include "agent/text.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kw::agent {

namespace {

/// 1-based, ties at their mean.
std::vector<double> ranks_of(const std::vector<double>& values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&values](std::size_t a, std::size_t b) {
        return values[a] < values[b];
    });
    std::vector<double> ranks(values.size());
    for (std::size_t first = 0; first < order.size();) {
        std::size_t last = first;
        while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) {
            ++last;
        }
        for (std::size_t i = first; i <= last; ++i) {
            ranks[order[i]] = 1 + static_cast<double>(first + last) / 2;
        }
        first = last + 1;
    }
    return ranks;
}

double correlation_of(const std::vector<double>& a, const std::vector<double>& b) {
    const double mean = (static_cast<double>(a.size()) + 1) / 2;
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        ab += (a[i] - mean) * (b[i] - mean);
        aa += (a[i] - mean) * (a[i] - mean);
        bb += (b[i] - mean) * (b[i] - mean);
    }
    return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

bool counts(const EstimateRow& row, const std::string& part) {
    return row.part == part && row.judged && row.verdict != Verdict::internal;
}

}  // namespace

Ratio rank_correlation(std::span<const Claim> claims) {
    std::vector<double> predicted;
    std::vector<double> actual;
    for (const Claim& claim : claims) {
        if (std::isfinite(claim.predicted) && std::isfinite(claim.actual)) {
            predicted.push_back(claim.predicted);
            actual.push_back(claim.actual);
        }
    }
    const double rho = correlation_of(ranks_of(predicted), ranks_of(actual));
    const auto n = static_cast<double>(predicted.size());
    if (n < 4) {
        return {rho, -1, 1};
    }
    constexpr double k_nearly_one = 1 - 1e-9;
    const double z = std::atanh(std::clamp(rho, -k_nearly_one, k_nearly_one));
    const double width = 1.959964 * std::sqrt(1.06 / (n - 3));
    return {rho, std::tanh(z - width), std::tanh(z + width)};
}

double brier_score(std::span<const Forecast> forecasts) {
    double sum = 0;
    for (const Forecast& forecast : forecasts) {
        const double miss = forecast.chance - (forecast.happened ? 1 : 0);
        sum += miss * miss;
    }
    return forecasts.empty() ? 0 : sum / static_cast<double>(forecasts.size());
}

double base_rate_brier(std::span<const Forecast> forecasts) {
    if (forecasts.size() < 2) {
        return 0;
    }
    const auto happened = static_cast<double>(
        std::count_if(forecasts.begin(), forecasts.end(), [](const Forecast& forecast) {
            return forecast.happened;
        }));
    const auto others = static_cast<double>(forecasts.size()) - 1;
    const double miss_if = 1 - (happened - 1) / others;
    const double miss_if_not = happened / others;
    return (happened * miss_if * miss_if + (others + 1 - happened) * miss_if_not * miss_if_not) /
           (others + 1);
}

TrackRecord track_record(std::span<const Claim> claims, std::span<const Forecast> forecasts) {
    TrackRecord record;
    record.claims = static_cast<int>(claims.size());
    record.correlation = rank_correlation(claims);
    record.forecasts = static_cast<int>(forecasts.size());
    record.brier = brier_score(forecasts);
    record.base_brier = base_rate_brier(forecasts);
    const auto of = [](int count, const char* what) {
        return " over " + std::to_string(count) + " " + what;
    };
    const std::string interval = figure(record.correlation.value, 2) + " [" +
                                 figure(record.correlation.lo, 2) + ", " +
                                 figure(record.correlation.hi, 2) + "]";
    if (record.claims >= k_few_outcomes && record.correlation.hi <= 0) {
        record.reason = "its claims point the wrong way: rank correlation " + interval +
                        of(record.claims, "outcomes");
    } else if (record.claims >= k_many_outcomes && record.correlation.lo <= 0) {
        record.reason = "its claims do not show in what came: rank correlation " + interval +
                        of(record.claims, "outcomes");
    } else if (
        record.forecasts >= k_few_outcomes && record.base_brier > 0 &&
        record.brier >= record.base_brier) {
        record.reason = "its chances are no better than the base rate: Brier score " +
                        figure(record.brier, 3) + " against " + figure(record.base_brier, 3) +
                        of(record.forecasts, "outcomes");
    }
    record.pays = record.reason.empty();
    return record;
}

std::vector<Claim> claims_of(const std::vector<Hypothesis>& hypotheses) {
    std::vector<Claim> claims;
    for (const Hypothesis& hypothesis : hypotheses) {
        const double expected = hypothesis.given->critique.expected_gain;
        if (expected > 0 && hypothesis.of_accepted && hypothesis.children > 0) {
            claims.push_back({expected, hypothesis.gain.value});
        }
    }
    return claims;
}

std::vector<Claim> claims_of(const std::vector<EstimateRow>& rows, const std::string& part) {
    std::vector<Claim> claims;
    for (const EstimateRow& row : rows) {
        if (counts(row, part) && row.speedup > 0) {
            claims.push_back({row.speedup, row.reward});
        }
    }
    return claims;
}

std::vector<Forecast> forecasts_of(const std::vector<EstimateRow>& rows, const std::string& part) {
    std::vector<Forecast> forecasts;
    for (const EstimateRow& row : rows) {
        if (counts(row, part) && row.chance >= 0 && row.chance <= 1) {
            forecasts.push_back({row.chance, row.verdict == Verdict::accepted});
        }
    }
    return forecasts;
}

}  // namespace kw::agent
