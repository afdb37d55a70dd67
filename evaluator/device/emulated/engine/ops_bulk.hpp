// SPDX-License-Identifier: Apache-2.0
// cp.async.bulk. What goes to shared memory is read and counted on its mbarrier when it is issued,
// but is put there only when a thread has waited for that phase of the mbarrier: a kernel that
// forgets to wait finds what was there before. Copies out of shared memory are done at once.
#pragma once

#include "evaluator/device/emulated/engine/block.hpp"

namespace kw::emu {

/// Lands the copies that belong to the phase of parity `odd`, which is over, of this mbarrier.
void land_bulk(Block& block, std::uint64_t barrier, bool odd);

}  // namespace kw::emu
