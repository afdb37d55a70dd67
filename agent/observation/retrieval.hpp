// SPDX-License-Identifier: Apache-2.0
// Which stored kernels are worth showing as examples: those of tasks that look like this one. The
// caller brings the rows (from the board); nothing here reads a database.
#pragma once

#include "core/task.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace kw::agent {

/// What tasks are compared by: words of the name, operation class, roles with types, packing,
/// arithmetic intensity.
struct TaskSignature {
    std::string task;
    std::set<std::string> words;     ///< of the name and the title, lower case
    std::set<std::string> features;  ///< "i8 work", "weight u8", "prepare", "intensity 4", ...
};
[[nodiscard]] TaskSignature signature_of(const Task& task);

/// 0 (nothing in common) to 1 (the same task); symmetric. Two thirds features, one third words.
[[nodiscard]] double similarity(const TaskSignature& a, const TaskSignature& b);

/// The best kernel of a task.
struct Example {
    TaskSignature signature;
    std::string target = "cpu";
    std::string level;   ///< "x86-64-v4", "sm_90a"
    double speedup = 0;  ///< over the fastest baseline of its task
    bool modelled = false;
    std::string source;
};

/// Below this a task has nothing to teach.
inline constexpr double k_least_similarity = 0.25;

/// Rows of `target` that beat their baseline, most similar first (then measured before modelled,
/// the faster, by name), at most one a task, none below k_least_similarity.
[[nodiscard]] std::vector<Example> nearest_examples(
    const Task& task,
    const std::string& target,
    const std::vector<Example>& rows,
    std::size_t at_most);

}  // namespace kw::agent
