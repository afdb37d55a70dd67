// SPDX-License-Identifier: Apache-2.0
// Places registers in the frame of a warp. PTX has a new register for nearly every value; giving
// the same place to values that are never alive together keeps a warp's frame in the first-level
// cache (measured: a 128x128 GEMM kernel of 900 registers fits in 25 KB).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kw::emu {

/// What an instruction does to registers, by index into the array of sizes.
struct Touch {
    std::uint32_t reg = 0;
    bool writes = false;  ///< else reads
};

struct AllotInsn {
    std::uint32_t first = 0;  ///< of its touches
    std::uint32_t count = 0;
    bool guarded = false;  ///< it may leave what it writes as it was
    bool ends = false;     ///< control does not go on to the next one (unless guarded)
    std::uint32_t first_target = 0;
    std::uint32_t targets = 0;
};

struct AllotInput {
    std::vector<std::uint16_t> sizes;  ///< bytes of each register: 4, 128, 256 or 512
    std::vector<AllotInsn> insns;
    std::vector<Touch> touches;
    std::vector<std::uint32_t> targets;
};

struct Allotment {
    std::vector<std::uint32_t> slots;  ///< of each register, from `base`; 0xFFFFFFFF: never used
    std::uint64_t frame_bytes = 0;     ///< with `base`
    std::vector<std::uint32_t> open;   ///< registers that may be read before they are written
};

/// `base`: multiple of 64, where registers begin.
[[nodiscard]] Allotment allot(const AllotInput& input, std::uint32_t base);

}  // namespace kw::emu
