// SPDX-License-Identifier: Apache-2.0
#include "agent/proposers/tuner.hpp"

#include <algorithm>
#include <charconv>
#include <random>
#include <set>

namespace kw::agent {

namespace {

/// Spaces up to this size are searched to the last point; larger ones are sampled.
constexpr std::int64_t k_enumerable = 1'000'000;
constexpr int k_random_tries = 2000;

bool meets(const TuneSpace& space, const TunePoint& point) {
    if (space.require.empty()) {
        return true;
    }
    DimMap values;
    for (std::size_t i = 0; i < point.size(); ++i) {
        const std::string& text = space.params[i].values[point[i]];
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc{} && end == text.data() + text.size()) {
            values[space.params[i].name] = number;
        }
    }
    return std::all_of(space.require.begin(), space.require.end(), [&](const DimExpr& require) {
        const Result<std::int64_t> value = require.eval(values);
        return value.ok() && *value != 0;  // an error (division by zero) is no point to try
    });
}

std::int64_t product(const TuneSpace& space) {
    std::int64_t count = 1;
    for (const TuneParam& param : space.params) {
        const auto values = static_cast<std::int64_t>(param.values.size());
        if (count > k_enumerable) {
            break;
        }
        count *= values;
    }
    return count;
}

TunePoint nth_point(const TuneSpace& space, std::int64_t index) {
    TunePoint point(space.params.size());
    for (std::size_t i = 0; i < point.size(); ++i) {
        const auto values = static_cast<std::int64_t>(space.params[i].values.size());
        point[i] = static_cast<std::size_t>(index % values);
        index /= values;
    }
    return point;
}

using Known = std::set<TunePoint>;

/// A point nobody has tried; nothing when there is none (or, in a space too large to enumerate,
/// none was found).
std::optional<TunePoint> random_point(
    const TuneSpace& space, const Known& known, std::mt19937_64& random) {
    const auto fits = [&](const TunePoint& point) {
        return !known.contains(point) && meets(space, point);
    };
    TunePoint point(space.params.size());
    for (int attempt = 0; attempt < k_random_tries; ++attempt) {
        for (std::size_t i = 0; i < point.size(); ++i) {
            point[i] = random() % space.params[i].values.size();
        }
        if (fits(point)) {
            return point;
        }
    }
    const std::int64_t count = std::min(product(space), k_enumerable);
    const auto start = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
        point = nth_point(space, (start + i) % count);
        if (fits(point)) {
            return point;
        }
    }
    return std::nullopt;
}

/// An untried point that differs from `center` in one parameter: nearest values first, parameters
/// in random order.
std::optional<TunePoint> neighbour(
    const TuneSpace& space, const TunePoint& center, const Known& known, std::mt19937_64& random) {
    std::vector<std::size_t> order(center.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = i;
    }
    std::shuffle(order.begin(), order.end(), random);
    std::size_t widest = 0;
    for (const TuneParam& param : space.params) {
        widest = std::max(widest, param.values.size());
    }
    for (std::size_t distance = 1; distance < widest; ++distance) {
        for (const std::size_t i : order) {
            const bool up_first = (random() & 1) != 0;
            for (const bool up : {up_first, !up_first}) {
                const std::size_t value = up ? center[i] + distance : center[i] - distance;
                if (value >= space.params[i].values.size()) {  // also when it wrapped below 0
                    continue;
                }
                TunePoint point = center;
                point[i] = value;
                if (!known.contains(point) && meets(space, point)) {
                    return point;
                }
            }
        }
    }
    return std::nullopt;
}

}  // namespace

std::int64_t count_points(const TuneSpace& space, std::int64_t at_most) {
    const std::int64_t all = product(space);
    if (space.params.empty() || (space.require.empty() && all <= k_enumerable)) {
        return space.params.empty() ? 0 : std::min(all, at_most);
    }
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < std::min(all, k_enumerable) && count < at_most; ++i) {
        count += meets(space, nth_point(space, i)) ? 1 : 0;
    }
    return count;
}

std::optional<TunePoint> next_point(
    const TuneSpace& space, const std::vector<TuneTrial>& trials, std::uint64_t seed) {
    if (space.params.empty()) {
        return std::nullopt;
    }
    // One generator a call, so that the n-th choice depends on the trials alone.
    std::seed_seq mix{
        static_cast<std::uint32_t>(seed),
        static_cast<std::uint32_t>(seed >> 32),
        static_cast<std::uint32_t>(trials.size())};
    std::mt19937_64 random(mix);
    Known known;
    for (const TuneTrial& trial : trials) {
        known.insert(trial.point);
    }
    const std::size_t explore = 1 + 2 * space.params.size();
    const bool restart = trials.size() % 8 == 7;
    if (trials.size() >= explore && !restart) {
        std::vector<const TuneTrial*> ranked;
        for (const TuneTrial& trial : trials) {
            if (trial.reward > 0) {
                ranked.push_back(&trial);
            }
        }
        std::stable_sort(ranked.begin(), ranked.end(), [](const auto* a, const auto* b) {
            return a->reward > b->reward;
        });
        for (const TuneTrial* trial : ranked) {
            if (auto point = neighbour(space, trial->point, known, random)) {
                return point;
            }
        }
    }
    return random_point(space, known, random);
}

}  // namespace kw::agent
