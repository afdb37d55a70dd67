// SPDX-License-Identifier: Apache-2.0
// A kernel made ready to run: called functions inlined, opcodes bound to handlers, every operand a
// slot of the warp's frame, every variable an address. Made for one launch, because parameters of
// the launch (shared memory) and addresses of globals are constants of it.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"
#include "evaluator/device/emulated/engine/memory.hpp"

namespace kw::emu {

/// A special register that keeps its value while a warp lives.
enum class Special : std::uint8_t {
    tid_x,
    tid_y,
    tid_z,
    ntid_x,
    ntid_y,
    ntid_z,
    ctaid_x,
    ctaid_y,
    ctaid_z,
    nctaid_x,
    nctaid_y,
    nctaid_z,
    laneid,
    warpid,
    nwarpid,
    smid,
    nsmid,
    gridid,
    lanemask_eq,
    lanemask_le,
    lanemask_lt,
    lanemask_ge,
    lanemask_gt,
    clusterid_x,
    clusterid_y,
    clusterid_z,
    nclusterid_x,
    nclusterid_y,
    nclusterid_z,
    cluster_ctaid_x,
    cluster_ctaid_y,
    cluster_ctaid_z,
    cluster_nctaid_x,
    cluster_nctaid_y,
    cluster_nctaid_z,
    cluster_ctarank,
    cluster_nctarank,
    is_explicit_cluster,
    dynamic_smem_size,
    total_smem_size,
    envreg1,  ///< high and low half of the address of the workspace for grid synchronisation
    envreg2,
    envreg,  ///< any other: 0
    // These change: a hidden instruction fills the slot before the use.
    clock,
    clock_hi,
    clock64,
    globaltimer,
    globaltimer_lo,
    globaltimer_hi,
    count,
};
[[nodiscard]] std::optional<Special> find_special(std::string_view name);
/// 4 or 8, or 1 for a predicate.
[[nodiscard]] int special_bytes(Special special);
[[nodiscard]] inline bool special_changes(Special special) {
    return special >= Special::clock;
}

struct SpecialSlot {
    Special which = Special::tid_x;
    std::uint32_t slot = 0;
    std::uint8_t bytes = 4;  ///< of a lane
};

/// A variable of a block's shared or of a thread's local memory, for findings.
struct Variable {
    std::string name;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
};

struct Program {
    const Module* module = nullptr;
    const Function* kernel = nullptr;
    std::vector<Insn> insns;                 ///< the last one is an exit
    std::vector<const Instruction*> source;  ///< of each insn; nullptr: hidden, not counted
    /// Whether nothing but branches comes before the exit: a thread here has as good as returned.
    std::vector<std::uint8_t> leaving;
    std::vector<std::uint8_t> unused;     ///< of each insn: nobody reads what it writes
    std::vector<std::uint32_t> shape_of;  ///< first access shape of a memory insn, else `shapes`
    std::uint32_t shapes = 0;
    std::vector<std::uint32_t> slots;                                 ///< Insn::slot points into it
    std::vector<std::unique_ptr<std::vector<std::uint32_t>>> tables;  ///< targets of brx.idx
    std::vector<std::byte> constants;  ///< beginning of each frame, specials left open
    std::vector<SpecialSlot> specials;
    /// Registers that may be read before they are written: offset, bytes. They begin as zero.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> open;
    std::uint32_t frame_bytes = 0;  ///< multiple of 64
    std::vector<Variable> shared_variables;
    std::vector<Variable> local_variables;
    std::uint32_t shared_static = 0;  ///< where dynamic shared memory begins
    std::uint32_t shared_bytes = 0;   ///< with it
    std::uint32_t local_bytes = 0;    ///< of a thread, multiple of 16
    /// log2 of the smallest access to shared and to global memory: what a shadow's cell covers.
    int shared_granule = 0;
    int global_granule = 0;

    Program() = default;
    Program(Program&&) = default;
    Program& operator=(Program&&) = default;
};

struct DecodeLimits {
    std::size_t instructions = 1'000'000;  ///< after inlining
    int depth = 64;                        ///< of calls
    std::size_t frame_bytes = std::size_t{8} << 20;
    std::size_t local_bytes = std::size_t{512} << 10;
};

/// The program, or the first thing that is not supported or malformed. `memory` must have loaded
/// the module.
struct DecodeResult {
    std::optional<Program> program;
    PtxError error;
};
[[nodiscard]] DecodeResult decode(
    const Module& module,
    const Function& kernel,
    const Memory& memory,
    std::uint32_t dynamic_shared,
    const DecodeLimits& limits = {});

}  // namespace kw::emu
