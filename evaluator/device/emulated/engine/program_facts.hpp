// SPDX-License-Identifier: Apache-2.0
// What a decoded program says about itself, for the checks.
#pragma once

#include "evaluator/device/emulated/engine/program.hpp"

namespace kw::emu {

/// Sets the granules of the shadows and Program::leaving; ends Program::shape_of.
void note_facts(Program& program);

}  // namespace kw::emu
