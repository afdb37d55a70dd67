// SPDX-License-Identifier: Apache-2.0
// The scan of a CUDA source before any tool runs: that of CPU candidates, and what only device code
// has. It is not the wall: the sandbox is. Linear in time on any bytes; never fails.
#pragma once

#include "evaluator/device/cpu/scan.hpp"

#include <string_view>

namespace kw::cuda {

/// Violations: includes of paths and macros, line markers, pragmas that hide diagnostics, launches
/// with <<<>>>, main, asm that names files. Findings: code that depends on the compiler.
[[nodiscard]] cpu::ScanResult scan_source(std::string_view source);

/// Functions marked for the host alone. Used where NVRTC could not read the whole file; elsewhere
/// its own diagnostics decide.
[[nodiscard]] cpu::ScanResult scan_host_code(std::string_view source);

}  // namespace kw::cuda
