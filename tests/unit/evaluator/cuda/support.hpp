// SPDX-License-Identifier: Apache-2.0
// A task made by hand and short ways to parse and evaluate plans.
#pragma once

#include "evaluator/device/cuda/launch_plan.hpp"

#include <string>

namespace kw::test {

/// w (u8, N x K/2), s (f16, N x K/128), x (f16, K), y (f16, N); dims N and K.
Task gemv_task();

cuda::ParsedPlan parse(const std::string& source);
/// Every problem on its own line, as shown to people.
std::string problems_of(const std::string& source);
/// A plan without problems; fails the test otherwise.
cuda::LaunchPlan good_plan(const std::string& source);
/// The evaluated plan, or the error's text.
std::string evaluate_error(
    const std::string& source, const DimMap& dims, const std::string& arch = "sm_90a");
cuda::EvaluatedPlan evaluated(
    const std::string& source, const DimMap& dims, const std::string& arch = "sm_90a");

}  // namespace kw::test
