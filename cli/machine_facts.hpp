// SPDX-License-Identifier: Apache-2.0
// What prompts and doctor say about this machine.
#pragma once

#include "evaluator/device/cpu/calibration.hpp"
#include "evaluator/evaluator.hpp"

#include <string>

namespace kw::cli {

/// Lines. CPU: processor, instruction sets, caches with bandwidths, peak rates; one thread. CUDA:
/// multiprocessors, registers, shared memory, caches.
[[nodiscard]] std::string machine_facts(const Device& device);

/// What was measured of this machine; null for a device that is not its CPU. As old as the device.
[[nodiscard]] const cpu::Calibration* calibration_of(const Device& device);

}  // namespace kw::cli
