// SPDX-License-Identifier: Apache-2.0
// What faulty kernels leave in an output, made from the right values.
#pragma once

#include "core/result.hpp"
#include "evaluator/arg_part.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kw {

/// What an output holds instead of the right values.
enum class OutputFault {
    unwritten,        ///< what lay there before the call
    zeros,            ///< nothing computed
    constant,         ///< its first element everywhere
    not_a_number,     ///< NaN everywhere
    scrubbed_nan,     ///< 0 where NaN is due
    half_zero,        ///< zeros for the smaller half of the values: a tolerance that is too wide
    last_element,     ///< the last one unwritten
    last_row,         ///< the last row unwritten
    next_element,     ///< every value one place off
    swapped_nibbles,  ///< codes in the other order
    lower_precision,  ///< rounded to the next lower format
    half_sums,        ///< one rounding of the sum to half precision
};
[[nodiscard]] const std::vector<OutputFault>& output_faults();
[[nodiscard]] std::string_view name(OutputFault fault);
[[nodiscard]] std::optional<std::string> cannot_have(OutputFault fault, const Arg& arg);
/// What plant() needs besides the right output.
struct OutputFacts {
    const DimMap& dims;
    std::span<const std::byte> before;     ///< what lay there before the call
    std::span<const std::byte> magnitude;  ///< tolerance bound: f64 an element; else empty
};
/// Changes the right values in `view` into wrong ones. `Result`: a check.k that does not evaluate.
[[nodiscard]] Result<void> plant(
    OutputFault fault, const Arg& arg, const PartView& view, const OutputFacts& facts);

}  // namespace kw
