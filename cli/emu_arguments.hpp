// SPDX-License-Identifier: Apache-2.0
// Arguments of a kernel as `kwright dev emu` takes them on the command line.
#pragma once

#include "core/result.hpp"
#include "evaluator/device/emulated/trial.hpp"

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace kw::cli {

/// One --arg: in:FILE[:BYTES], inout:FILE[:BYTES], out:FILE:BYTES, scratch:BYTES, i8..i64:N,
/// u8..u64:N, f32:X, f64:X.
struct EmuArgument {
    emulated::TrialArgument argument;  ///< content is read already
    std::filesystem::path result;      ///< out, inout: where the buffer goes afterwards
};
/// Errc::usage with the forms that there are; Errc::config for a file that cannot be read or is
/// shorter than it was said to be.
[[nodiscard]] Result<EmuArgument> read_emu_argument(const std::string& text);

/// "X", "X,Y" or "X,Y,Z" with what is left out 1. `option` names it in errors (Errc::usage).
[[nodiscard]] Result<std::array<std::uint32_t, 3>> parse_sizes(
    const std::string& option, const std::string& text);

}  // namespace kw::cli
