// SPDX-License-Identifier: Apache-2.0
// Quantile tables that random bits are turned into values with. Built from + - * / alone (compiled
// without contraction), so that every machine builds the same table; libm's results differ.
#pragma once

#include <memory>
#include <vector>

namespace kw {

/// 65537 edges: edge[i] is the value below which a part i/65536 of the distribution lies. The two
/// outer edges stand for a part of 2^-20.
using Quantiles = std::shared_ptr<const std::vector<double>>;

[[nodiscard]] Quantiles normal_quantiles();              ///< mean 0, sigma 1; ends at +-4.763
[[nodiscard]] Quantiles student_t_quantiles(double nu);  ///< nu >= 2
[[nodiscard]] Quantiles log_uniform_quantiles(double lo, double hi);  ///< 0 < lo <= hi

[[nodiscard]] double portable_exp(double x);  ///< relative error < 1e-15 for |x| < 700
[[nodiscard]] double portable_log(double x);  ///< x > 0 and normal

}  // namespace kw
