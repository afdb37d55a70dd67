// SPDX-License-Identifier: Apache-2.0
// Which device a command uses: search.target and search.device say the same thing from two sides,
// and the one from the stronger source (flag, environment, file) decides.
#pragma once

#include "core/candidate.hpp"
#include "core/config.hpp"
#include "core/result.hpp"

#include <string>
#include <vector>

namespace kw::cli {

/// Ids that open_device() knows, for messages and completion.
[[nodiscard]] const std::vector<std::string>& device_names();
/// "cuda:0", "cuda:GPU-3f2a...": ids that only the machine can check.
[[nodiscard]] bool is_gpu(const std::string& id);
/// The device when only the target is given.
[[nodiscard]] std::string usual_device(const std::string& target);

/// The device's id. Errc::usage: an unknown device (with did-you-mean), or a target and a device of
/// one source that contradict each other.
[[nodiscard]] Result<std::string> choose_device(const Config& config);

/// The same for a file of the user's own: where configuration says nothing, the file's //!kwright
/// line does.
[[nodiscard]] Result<std::string> choose_device(const Config& config, const Candidate& candidate);

}  // namespace kw::cli
