// SPDX-License-Identifier: Apache-2.0
// An axis of a figure: values to pixels, and where its ticks stand.
#pragma once

#include <string>
#include <vector>

namespace kw::server {

enum class Scale {
    automatic,  ///< logarithmic from a range of 1:10 on
    linear,     ///< from 0 on, unless values are negative
};

struct Axis {
    double low = 0;
    double high = 1;
    bool logarithmic = false;
    double from_px = 0;  ///< of `low`
    double to_px = 1;
    std::vector<double> ticks;  ///< ascending, within low..high

    [[nodiscard]] double at(double value) const;  ///< pixels; values outside stop at the ends
};

/// Covers low..high (finite, low <= high; low > 0 where it may be logarithmic).
[[nodiscard]] Axis make_axis(
    double low, double high, double from_px, double to_px, Scale scale = Scale::automatic);

/// "0.25", "40".
[[nodiscard]] std::string tick_text(double tick);

}  // namespace kw::server
