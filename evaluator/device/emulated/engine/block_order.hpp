// SPDX-License-Identifier: Apache-2.0
// Whether a kernel can show in which order its blocks run, although no two of them race: then one
// worker runs them all, one after the other, so that results are the same on any machine.
#pragma once

#include "evaluator/device/emulated/engine/program.hpp"

namespace kw::emu {

/// True for atomics on global memory whose result is used, that are of several kinds or that depend
/// on the order (float addition, exch, cas, inc, dec), for strong loads and stores of global
/// memory, clocks and printf.
[[nodiscard]] bool order_shows(const Program& program);

}  // namespace kw::emu
