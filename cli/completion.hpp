// SPDX-License-Identifier: Apache-2.0
// Shell completion. The scripts only call `kwright __complete -- WORDS...`; what fits is decided
// here.
#pragma once

#include "core/config.hpp"
#include "core/result.hpp"

#include <string>
#include <vector>

namespace kw::cli {

/// Script for "bash", "zsh" or "fish".
[[nodiscard]] std::string completion_script(const std::string& shell);

/// What may stand at the last of `words` (the command line behind "kwright", the last one
/// unfinished and possibly empty). "@file" among them: the shell should add file names.
[[nodiscard]] std::vector<std::string> complete(
    const std::vector<std::string>& words, const Config& config);

}  // namespace kw::cli
