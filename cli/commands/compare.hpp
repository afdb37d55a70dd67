// SPDX-License-Identifier: Apache-2.0
// What `kwright compare` tells scripts.
#pragma once

#include "evaluator/head_to_head.hpp"

namespace kw::cli {

/// 1 when one of the two is rejected or, if `fail_on_regression`, when the second is slower; else
/// 0.
[[nodiscard]] int comparison_exit_code(const HeadToHead& done, bool fail_on_regression);

}  // namespace kw::cli
