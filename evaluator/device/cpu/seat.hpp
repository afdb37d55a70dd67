// SPDX-License-Identifier: Apache-2.0
// The memories of one contestant: its own inputs, weights, packed weights and outputs. Every
// contestant has a seat of its own, because a shared set of weights would be warm for whoever comes
// second.
#pragma once

#include "core/csprng.hpp"
#include "evaluator/device/cpu/layout.hpp"
#include "evaluator/device/cpu/shared_memory.hpp"

#include <memory>
#include <span>

namespace kw::cpu {

struct Seat {
    Layout layout;
    std::shared_ptr<SharedMemory> in, weights, packed, io;
    /// The packed memories of all seats made equal to this one, its own among them.
    std::vector<std::shared_ptr<SharedMemory>> packed_alike;

    /// The judge's view of argument `index` (set `set`, offset by `place()`).
    [[nodiscard]] std::span<std::byte> view(
        const Slot& slot, std::int64_t set, std::int64_t offset, std::int64_t bytes) const;
};

/// The packed memory gets its pages by take_packed_pages() when a contestant turns out to prepare
/// its weights: most do not. `inputs`: whether anyone but the judge may ever write inputs and
/// weights (only where a test turned their protection off).
[[nodiscard]] Result<Seat> make_seat(const Layout& layout, FutureWrites inputs = FutureWrites::no);
/// Seats of contestants that are timed against each other: no memory is better than another's.
[[nodiscard]] Result<std::vector<Seat>> make_equal_seats(
    const Layout& layout, std::size_t count, FutureWrites inputs);
/// Those of all seats that were made equal, in turns; again does nothing.
[[nodiscard]] Result<void> take_packed_pages(const Seat& seat);

/// Content of a case as the judge draws it: one buffer per argument (empty for roles weight, out,
/// workspace unless drawn). Weights are drawn straight into a seat.
struct Inputs {
    std::vector<std::vector<std::byte>> args;
};

/// Draws every argument of role in and inout.
[[nodiscard]] Result<Inputs> draw_inputs(
    const Task& task, const DimMap& dims, const std::string& distribution, SecretStream& stream);
/// Writes the arguments of role in, and the kept originals of role inout: all that a reference
/// reads besides weights.
void write_inputs(const Task& task, const Inputs& inputs, int placement, Seat& seat);
/// Draws weight set `set` into the seat.
[[nodiscard]] Result<void> draw_weights(
    const Task& task,
    const DimMap& dims,
    const std::string& distribution,
    SecretStream& stream,
    Seat& seat,
    std::int64_t set,
    int placement);
void copy_weights(
    const Task& task,
    const DimMap& dims,
    const Seat& from,
    Seat& to,
    std::int64_t set,
    int placement);

}  // namespace kw::cpu
