// SPDX-License-Identifier: Apache-2.0
// Values of a plan's expressions at one shape, with messages that name the place and the shape. Not
// for other folders.
#pragma once

#include "evaluator/device/cuda/launch_plan.hpp"

namespace kw::cuda {

class PlanValues {
public:
    PlanValues(const LaunchPlan& plan, const DimMap& dims, const DeviceConstants& device);

    [[nodiscard]] Result<std::int64_t> value(const PlanExpr& expr, const std::string& what) const;
    [[nodiscard]] Result<std::int64_t> in_range(
        const PlanExpr& expr, const std::string& what, std::int64_t least, std::int64_t most) const;
    /// "LINE:COLUMN: what at N=7; expected ..."
    [[nodiscard]] Error fail(
        SourcePlace at, const std::string& what, const std::string& expected) const;

private:
    DimMap values_;
    std::string shape_;
};

/// The text of such an error, for those without a shape.
[[nodiscard]] Error plan_error(
    SourcePlace at, const std::string& what, const std::string& expected);

[[nodiscard]] Result<EvaluatedTensorMap> evaluate_tensormap(
    const TensorMap& map, const PlanValues& values, const BufferSizes& sizes);

}  // namespace kw::cuda
