// SPDX-License-Identifier: Apache-2.0
// Spreads the blocks of a grid over worker threads.
#pragma once

#include "evaluator/device/emulated/engine/block.hpp"

namespace kw::emu {

/// Runs the blocks of the launch until all are done or the run is stopped; the workers hold counts
/// and findings. Returns what is wrong with the launch (too much memory at once), or "".
[[nodiscard]] std::string run_blocks(Run& run, std::vector<std::unique_ptr<Worker>>& workers);

}  // namespace kw::emu
