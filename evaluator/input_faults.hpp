// SPDX-License-Identifier: Apache-2.0
// How a faulty kernel misreads its inputs, as a change of the inputs: "it takes the scale of the
// next group" is a right kernel on shifted scales. So the reference itself plays the faulty kernel,
// for every task. Nothing here runs anything; evaluator/task_probes.hpp does.
#pragma once

#include "evaluator/arg_part.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kw {

/// How a kernel misreads an input.
enum class InputFault {
    other_values,     ///< does not read it: another draw
    zeros,            ///< takes it for zero: a zero point or a bias left out
    last_column,      ///< stops before the end of a row
    last_row,         ///< stops before the last row
    next_column,      ///< index off by one along the last axis: a group, or a record
    next_row,         ///< index off by one along the axes before
    swapped_nibbles,  ///< packed codes in the other order
    top_bit,          ///< packed codes: offset taken for two's complement, or the sign lost
    reversed_bits,    ///< words of bits from the wrong end
    rounded,          ///< operands of the next precision that the tolerance forbids
    outliers,         ///< columns of outliers ignored
};
[[nodiscard]] const std::vector<InputFault>& input_faults();
[[nodiscard]] std::string_view name(InputFault fault);
/// Why the part cannot have the fault; nothing when it can.
[[nodiscard]] std::optional<std::string> cannot_have(InputFault fault, const ArgPart& part);
/// Changes the part. `other`: the same argument of another draw. `fill`: what the case fills the
/// part with. A fault that the case has no room for leaves the bytes alone.
void plant(InputFault fault, const PartView& view, const PartView& other, const Fill& fill);

}  // namespace kw
