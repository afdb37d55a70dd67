// SPDX-License-Identifier: Apache-2.0
// The pattern of a warp's addresses at one instruction: where each lane lies from the first, what
// that costs. In a loop it rarely changes, so it is kept an instruction and only compared.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

/// Compiled for vectors of 32 bytes as well; the loader takes what the processor has.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define KW_CLONES [[gnu::target_clones("avx2", "default")]]
#else
#define KW_CLONES
#endif

namespace kw::emu {

/// Sectors and lines for one position in a 128-byte line.
struct LineCount {
    std::uint16_t phase = 0xFFFF;  ///< of the first address; above 127: nothing known
    std::uint16_t sectors = 0;
    std::uint16_t lines = 0;
};

/// Neighbouring lanes whose accesses follow each other, or that all have one address. Shadows take
/// them in one step.
struct AccessRun {
    std::uint64_t delta = 0;  ///< of its first lane, as AccessShape::delta
    std::uint8_t lane = 0;    ///< its first
    std::uint8_t quads = 0;   ///< bit i: it has some of lanes 4 i to 4 i + 3
    std::uint8_t lanes = 0;
    bool uniform = false;  ///< one address; then lanes between its own may be absent
    bool again = false;    ///< uniform, at the address of the lane before
};

struct AccessShape {
    static constexpr std::size_t k_most_runs = 8;
    enum class Kind : std::uint8_t {
        scattered,
        contiguous,  ///< all lanes, in order, one after the other
        uniform,     ///< all lanes the same address
    };
    alignas(64) std::array<std::uint64_t, k_lanes> delta{};    ///< from the first active lane
    alignas(64) std::array<std::uint32_t, k_lanes> delta32{};  ///< the same, low half
    Lanes lanes = 0;                                           ///< 0: nothing known yet
    std::uint32_t bytes = 0;                                   ///< of a lane
    std::uint64_t below = 0;  ///< how far the lowest lane lies below the first
    std::uint64_t above = 0;  ///< end of the highest lane's access above the first
    Kind kind = Kind::scattered;
    bool ascending = false;    ///< no lane lies below the one before it
    bool compact = false;      ///< below and above are small enough to be one range
    bool overlapping = false;  ///< two lanes touch the same bytes
    bool aligned = false;      ///< deltas are multiples of `bytes`
    std::uint32_t places = 0;  ///< distinct deltas, in ascending order
    std::array<std::int64_t, k_lanes> place{};
    std::uint8_t odd = 0;  ///< of the first address: its place in a word
    std::uint16_t wavefronts = 0;
    std::uint16_t excess = 0;
    std::uint32_t runs = 0;  ///< 0: too many to be of use
    std::array<AccessRun, k_most_runs> run{};
    std::array<LineCount, 4> known{};  ///< by sector of the first address
};

/// `address`: of all lanes; those of lanes that are not active equal the first active one's.
void measure(AccessShape& shape, const std::uint64_t* address, Lanes lanes, std::uint32_t bytes);

/// Whether lanes lie from the first one, which has `first`, as the shape says. `base`: 64-byte
/// aligned registers; what is in lanes that are not active does not matter.
[[nodiscard]] bool matches(
    const AccessShape& shape, const std::uint64_t* base, std::uint64_t first, Lanes lanes);
[[nodiscard]] bool matches(
    const AccessShape& shape, const std::uint32_t* base, std::uint32_t first, Lanes lanes);

/// Sectors and lines when the first lane has this address.
[[nodiscard]] LineCount count_lines(const AccessShape& shape, std::uint64_t first);
[[nodiscard]] inline LineCount lines_of(AccessShape& shape, std::uint64_t first) {
    LineCount& known = shape.known[first / 32 % 4];
    if (known.phase != first % 128) {
        known = count_lines(shape, first);
    }
    return known;
}

}  // namespace kw::emu
