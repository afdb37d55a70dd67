// SPDX-License-Identifier: Apache-2.0
#include "server/report/axis.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace kw::server {

namespace {

constexpr double k_wide = 10;    ///< from this ratio on a linear axis hides its lower end
constexpr double k_at_most = 6;  ///< ticks of a linear axis

/// 1, 2 or 5 times a power of ten.
double round_step(double least) {
    const double power = std::pow(10, std::floor(std::log10(least)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= least) {
            return factor * power;
        }
    }
    return 10 * power;
}

void linear_ticks(Axis& axis) {
    const double step = round_step((axis.high - axis.low) / k_at_most);
    axis.high = std::ceil(axis.high / step - 1e-9) * step;
    const int count = static_cast<int>(std::lround((axis.high - axis.low) / step));
    for (int i = 0; i <= count; ++i) {
        axis.ticks.push_back(axis.low + i * step);
    }
}

/// 1, 2, 5, 10, ...; only the powers where there are many.
void logarithmic_ticks(Axis& axis) {
    const int first = static_cast<int>(std::floor(std::log10(axis.low)));
    const int last = static_cast<int>(std::ceil(std::log10(axis.high)));
    const bool many = last - first > 3;
    for (int exponent = first; exponent <= last; ++exponent) {
        for (const double factor : {1.0, 2.0, 5.0}) {
            const double tick = factor * std::pow(10, exponent);
            const bool inside = tick >= axis.low * 0.999 && tick <= axis.high * 1.001;
            if (inside && (factor == 1.0 || !many)) {
                axis.ticks.push_back(tick);
            }
        }
    }
}

}  // namespace

double Axis::at(double value) const {
    const double inside = std::clamp(value, low, high);
    const double share =
        logarithmic ? std::log(inside / low) / std::log(high / low) : (inside - low) / (high - low);
    return from_px + share * (to_px - from_px);
}

Axis make_axis(double low, double high, double from_px, double to_px, Scale scale) {
    Axis axis;
    axis.from_px = from_px;
    axis.to_px = to_px;
    axis.logarithmic = scale == Scale::automatic && low > 0 && high / low >= k_wide;
    if (axis.logarithmic) {
        axis.low = low / 1.1;
        axis.high = high * 1.1;
        logarithmic_ticks(axis);
        return axis;
    }
    axis.low = std::min(0.0, low);
    axis.high = std::max(high, axis.low + 1e-3);
    linear_ticks(axis);
    return axis;
}

std::string tick_text(double tick) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%g", std::round(tick * 1e6) / 1e6);
    return text.data();
}

}  // namespace kw::server
