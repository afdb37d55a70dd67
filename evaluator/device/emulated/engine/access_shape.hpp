// SPDX-License-Identifier: Apache-2.0
// The pattern of a warp's addresses at one instruction: where each lane lies from the first, what
// that costs. In a loop it rarely changes, so it is kept an instruction and only compared.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

namespace kw::emu {

struct AccessShape {
    enum class Kind : std::uint8_t {
        scattered,
        contiguous,  ///< all lanes, in order, one after the other
        uniform,     ///< all lanes the same address
    };
    alignas(64) std::array<std::uint64_t, k_lanes> delta{};  ///< from the first active lane
    Lanes lanes = 0;                                         ///< 0: nothing known yet
    std::uint32_t bytes = 0;                                 ///< of a lane
    std::uint64_t phase = 0;  ///< of the first address in a 128-byte line
    std::uint64_t below = 0;  ///< how far the lowest lane lies below the first
    std::uint64_t above = 0;  ///< end of the highest lane's access above the first
    Kind kind = Kind::scattered;
    bool ascending = false;    ///< no lane lies below the one before it
    bool compact = false;      ///< below and above are small enough to be one range
    bool overlapping = false;  ///< two lanes touch the same bytes
    bool aligned = false;      ///< deltas are multiples of `bytes`
    std::uint16_t sectors = 0;
    std::uint16_t lines = 0;
    std::uint16_t wavefronts = 0;
    std::uint16_t excess = 0;
};

/// `address`: of all lanes; those of lanes that are not active equal the first active one's.
void measure(AccessShape& shape, const std::uint64_t* address, Lanes lanes, std::uint32_t bytes);
/// Sectors and lines again, for another phase.
void measure_lines(AccessShape& shape, std::uint64_t first_address);

}  // namespace kw::emu
