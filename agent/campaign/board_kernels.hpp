// SPDX-License-Identifier: Apache-2.0
// Kernels of the board that a campaign's prompts show: the best ones of similar tasks, and one of
// the same task for another target or instruction set. They are chosen when the campaign begins and
// named in its settings, so that a resumed campaign shows the same ones.
#pragma once

#include "agent/campaign/campaign_settings.hpp"
#include "agent/observation/advice.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "db/store.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kw::agent {

inline constexpr std::size_t k_max_examples = 2;

/// The nearest_examples() among the tasks of the board that are found here; the task itself is none
/// of them. A board line whose task or source is gone is left out.
[[nodiscard]] Result<std::vector<BoardKernel>> choose_examples(
    const Task& task,
    const std::string& target,
    db::Store& store,
    const std::vector<std::filesystem::path>& roots);

/// The same task's kernel that a campaign for `target` and `level` ("x86-64-v3", "native",
/// "sm_80") could carry over: of the same target one for more than `level` (CUDA: another one),
/// else one of another target; measured before modelled, then the faster. An empty hash: none.
[[nodiscard]] Result<BoardKernel> choose_foreign(
    const Task& task, const std::string& target, const std::string& level, db::Store& store);

/// As prompts show them. What gc removed since is left out.
[[nodiscard]] Result<std::vector<Example>> examples_of(
    const std::vector<BoardKernel>& kernels, db::Store& store);
[[nodiscard]] Result<Foreign> foreign_of(const BoardKernel& kernel, db::Store& store);

}  // namespace kw::agent
