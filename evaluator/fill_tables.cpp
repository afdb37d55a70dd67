// SPDX-License-Identifier: Apache-2.0
#include "evaluator/fill_tables.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <tuple>

namespace kw {
namespace {

constexpr std::size_t k_parts = 65536;
constexpr std::size_t k_cells = 32768;  // of the integration over half of the distribution
constexpr double k_ln2 = 0x1.62e42fefa39efp-1;

/// x = t / (1 - t^2) maps [0, 1) to [0, infinity); the derivative is (1 + t^2) / (1 - t^2)^2.
double place(double t) {
    return t / (1 - t * t);
}

/// Quantiles of a density that is even in x, given up to a factor; `tail` = value at 2^-20 over the
/// one at 2^-16.
template <class Density>
std::vector<double> symmetric_quantiles(const Density& density, double tail) {
    const auto weight = [&](double t) {
        const double rest = 1 - t * t;
        return rest <= 0 ? 0.0 : density(place(t)) * (1 + t * t) / (rest * rest);
    };
    constexpr double k_step = 1.0 / static_cast<double>(k_cells);
    std::vector<double> mass(k_cells + 1, 0.0);  // Simpson's rule, cell by cell
    double left = weight(0);
    for (std::size_t i = 0; i < k_cells; ++i) {
        const double t = static_cast<double>(i) * k_step;
        const double right = i + 1 == k_cells ? 0.0 : weight(t + k_step);
        mass[i + 1] = mass[i] + (left + 4 * weight(t + k_step / 2) + right) * k_step / 6;
        left = right;
    }
    std::vector<double> edge(k_parts + 1, 0.0);
    std::size_t cell = 0;
    for (std::size_t i = 1; i < k_parts / 2; ++i) {
        const double wanted =
            mass[k_cells] * static_cast<double>(i) / static_cast<double>(k_parts / 2);
        while (mass[cell + 1] < wanted) {
            ++cell;
        }
        const double part = (wanted - mass[cell]) / (mass[cell + 1] - mass[cell]);
        const double x = place((static_cast<double>(cell) + part) * k_step);
        edge[k_parts / 2 + i] = x;
        edge[k_parts / 2 - i] = -x;
    }
    edge[k_parts] = edge[k_parts - 1] * tail;
    edge[0] = -edge[k_parts];
    return edge;
}

/// Tables are built once per distribution; a few live at a time.
template <class Build>
Quantiles cached(const std::tuple<int, double, double>& key, const Build& build) {
    static std::mutex mutex;
    static std::map<std::tuple<int, double, double>, Quantiles> tables;
    const std::scoped_lock lock(mutex);
    if (const auto found = tables.find(key); found != tables.end()) {
        return found->second;
    }
    if (tables.size() >= 16) {
        tables.clear();
    }
    return tables.emplace(key, std::make_shared<const std::vector<double>>(build())).first->second;
}

}  // namespace

double portable_exp(double x) {
    if (x < -744) {
        return 0;
    }
    x = std::min(x, 709.0);
    const double n = std::nearbyint(x / k_ln2);
    const double r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;  // ln 2 in two parts
    double sum = 1;
    for (int k = 14; k >= 1; --k) {
        sum = 1 + sum * r / k;
    }
    return std::ldexp(sum, static_cast<int>(n));
}

double portable_log(double x) {
    auto bits = std::bit_cast<std::uint64_t>(x);
    int exponent = static_cast<int>(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffU) | 0x3ff0000000000000U;
    double m = std::bit_cast<double>(bits);
    if (m > 1.4142135623730951) {
        m /= 2;
        ++exponent;
    }
    const double s = (m - 1) / (m + 1);
    const double square = s * s;
    double sum = 0;
    for (int k = 23; k >= 1; k -= 2) {
        sum = 1.0 / k + square * sum;
    }
    return exponent * k_ln2 + 2 * s * sum;
}

Quantiles normal_quantiles() {
    return cached({0, 0, 0}, [] {
        return symmetric_quantiles(
            [](double x) { return portable_exp(-x * x / 2); },
            4.763001034267813 / 4.169569323349106);
    });
}

Quantiles student_t_quantiles(double nu) {
    return cached({1, nu, 0}, [nu] {
        const double tail = portable_exp(portable_log(16.0) / nu);  // the tail is a power law
        return symmetric_quantiles(
            [nu](double x) { return portable_exp(-(nu + 1) / 2 * portable_log(1 + x * x / nu)); },
            tail);
    });
}

Quantiles log_uniform_quantiles(double lo, double hi) {
    return cached({2, lo, hi}, [lo, hi] {
        const double span = portable_log(hi) - portable_log(lo);
        std::vector<double> edge(k_parts + 1);
        for (std::size_t i = 0; i <= k_parts; ++i) {
            edge[i] =
                lo * portable_exp(span * static_cast<double>(i) / static_cast<double>(k_parts));
        }
        edge.back() = hi;
        return edge;
    });
}

}  // namespace kw
