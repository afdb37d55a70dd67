// SPDX-License-Identifier: Apache-2.0
// Kernels made from a task alone, whose judgement is known beforehand: they judge the judge.
#pragma once

#include "core/result.hpp"
#include "core/task.hpp"

#include <string>

namespace kw {

/// `source`, then `percent` of its work again: one more call on the first part of the first
/// dimension, into the same outputs. Correct whenever `source` is. Errc::usage for tasks with inout
/// arguments, which a second call would change.
[[nodiscard]] Result<std::string> slowed_kernel(
    const Task& task, const std::string& source, int percent);

/// Returns at once: every output stays as it was.
[[nodiscard]] std::string idle_kernel(const Task& task);

/// Fills every output with zero bytes.
[[nodiscard]] std::string zero_kernel(const Task& task);

/// The same for CUDA. A task that demands instruction classes forbids them.
[[nodiscard]] std::string idle_cuda_kernel(const Task& task);
[[nodiscard]] std::string zero_cuda_kernel(const Task& task);

}  // namespace kw
