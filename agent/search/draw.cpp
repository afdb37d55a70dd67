// SPDX-License-Identifier: Apache-2.0
#include "agent/search/draw.hpp"

#include "core/check.hpp"

#include <algorithm>
#include <cmath>

namespace kw::agent {

namespace {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit in changes half of those out.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

}  // namespace

double draw(const DrawPlace& at, DrawFor what, std::uint64_t index) {
    std::uint64_t state = mix(at.seed);
    for (const std::uint64_t part :
         {static_cast<std::uint64_t>(at.step),
          static_cast<std::uint64_t>(at.slot),
          static_cast<std::uint64_t>(what),
          index}) {
        state = mix(state ^ part);
    }
    return std::ldexp(static_cast<double>(state >> 11), -53);
}

std::size_t choose(double u, std::size_t count) {
    KW_CHECK(count > 0 && u >= 0 && u < 1);
    return std::min(static_cast<std::size_t>(u * static_cast<double>(count)), count - 1);
}

std::optional<std::size_t> choose_weighted(double u, std::span<const double> weights) {
    double sum = 0;
    for (const double weight : weights) {
        KW_CHECK(weight >= 0 && std::isfinite(weight));
        sum += weight;
    }
    std::optional<std::size_t> chosen;
    double left = u * sum;
    for (std::size_t i = 0; i < weights.size() && left >= 0; ++i) {
        if (weights[i] > 0) {
            chosen = i;  // also the last one that can be chosen, when rounding leaves a rest
            left -= weights[i];
        }
    }
    return chosen;
}

}  // namespace kw::agent
