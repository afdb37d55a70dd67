// SPDX-License-Identifier: Apache-2.0
// The names of a prompt's parts that can be chosen: by a preset, by a caller of build_prompt().
#pragma once

#include "core/result.hpp"

#include <string>
#include <vector>

namespace kw::agent {

/// The parts of a prompt that can be chosen, in the order in which they stand:
///   hints      the task's advice          hint        the user's
///   examples   kernels of similar tasks   trajectory  a line an attempt
///   best       the best kernel            discounted  the best-discounted score to beat
///   last       the last attempt           parent      the source to start from
///   critique   one diagnosis, one change  refuted     changes that brought nothing
///   patterns   of the catalogue, for the parent
[[nodiscard]] const std::vector<std::string>& section_names();
/// hints, hint, trajectory, best, discounted, last, parent.
[[nodiscard]] const std::vector<std::string>& default_sections();
/// Errc::usage for an unknown or a doubled name, with did-you-mean.
[[nodiscard]] Result<void> check_sections(const std::vector<std::string>& sections);
/// Whether `name` is among `sections`, or among the default ones when it is empty.
[[nodiscard]] bool has_section(const std::vector<std::string>& sections, const std::string& name);

}  // namespace kw::agent
