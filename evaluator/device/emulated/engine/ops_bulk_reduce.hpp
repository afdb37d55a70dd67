// SPDX-License-Identifier: Apache-2.0
// cp.reduce.async.bulk: every element is combined with what is there, atomically, when it is
// issued.
#pragma once

#include "evaluator/device/emulated/engine/access.hpp"
#include "evaluator/device/emulated/engine/tensor_map.hpp"

#include <string_view>

namespace kw::emu {

enum class ReduceOp : std::uint8_t { add, min, max, inc, dec, bit_and, bit_or, bit_xor };
/// ".add" ... ".xor".
[[nodiscard]] std::optional<ReduceOp> reduce_op(std::string_view name);

/// Combines the element at `at` with the one at `from`.
using Combine = void (*)(std::byte* at, const std::byte* from);
/// nullptr: there is no such operation on the type.
[[nodiscard]] Combine combine_of(ReduceOp op, TensorType type);

/// One lane combines `bytes` bytes of elements of `element` bytes. False: there was a finding.
bool reduce_bytes(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t to,
    Window window,
    const std::byte* from,
    std::uint32_t bytes,
    std::uint32_t element,
    Combine combine);

}  // namespace kw::emu
