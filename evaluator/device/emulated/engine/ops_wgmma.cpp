// SPDX-License-Identifier: Apache-2.0
// wgmma: four warps multiply 64 rows together, but each owns 16 of them (their A, D as in m16n8
// tiles of mma), so each warp does its share alone when it gets there. The registers of D have
// their sums at once; on a GPU they have no meaning before wgmma.wait_group.
#include "evaluator/device/emulated/engine/bind_matrix.hpp"
#include "evaluator/device/emulated/engine/block.hpp"
#include "evaluator/device/emulated/engine/ops_mma.hpp"
#include "evaluator/device/emulated/engine/wgmma_operand.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

constexpr std::uint32_t k_rows = 16;  ///< of a warp

/// What Insn::mods says.
struct GroupForm {
    std::uint32_t tiles = 1;
    bool half = false;
    bool saturate = false;
    bool signed_a = false;
    bool signed_b = false;

    [[nodiscard]] std::uint32_t pack() const {
        return tiles | (half ? 64U : 0) | (saturate ? 128U : 0) | (signed_a ? 256U : 0) |
               (signed_b ? 512U : 0);
    }
    [[nodiscard]] static GroupForm unpack(std::uint32_t mods) {
        return {
            mods & 63U,
            (mods & 64U) != 0,
            (mods & 128U) != 0,
            (mods & 256U) != 0,
            (mods & 512U) != 0};
    }
    /// Registers of D.
    [[nodiscard]] std::size_t sums() const { return std::size_t{tiles} * (half ? 2 : 4); }
};

/// The operands after D: A as a descriptor or four registers, B's descriptor, scale-d, and, if
/// there are any, the signs and the transpositions (16-bit elements, not for A in registers).
struct AfterSums {
    const std::uint32_t* slot;
    bool registers;

    AfterSums(const Insn& insn, const GroupForm& form, std::size_t most)
        : slot(insn.slot + form.sums())
        , registers(insn.slots == form.sums() + most) {}
    [[nodiscard]] std::size_t after_a() const { return registers ? 4 : 1; }
};

MatrixDescriptor descriptor_in(Warp& warp, std::uint32_t slot, Lanes active) {
    return MatrixDescriptor::decode(warp.lanes<std::uint64_t>(slot)[__builtin_ctz(active)]);
}

/// An immediate, whatever the width of its lanes.
std::int32_t small_number(Warp& warp, std::uint32_t slot) {
    return warp.lanes<std::int32_t>(slot)[0];
}

bool scales_sums(const Insn& insn, Warp& warp, const std::uint32_t* slot, Lanes active) {
    const std::ptrdiff_t index = slot - insn.slot;
    const bool negated = index < 8 && (insn.wide >> index & 1) != 0;
    return ((warp.predicate(*slot) ^ (negated ? k_all_lanes : 0U)) & active) != 0;
}

/// Whether the warp is whole and its three companions exist.
bool group_ready(const Insn& insn, Warp& base, Lanes active) {
    if (!whole_warp(insn, base, active)) {
        return false;
    }
    WarpState& warp = state(base);
    ++warp.async->products;
    charge(
        warp, GroupForm::unpack(insn.mods).tiles);  // 2048 products of 16 bits are one of mma.sync
    if ((warp.index | 3U) >= warp.block->warps.size()) {
        Defect defect;
        defect.kind = FindingKind::unconverged_warp_op;
        defect.detail = "wgmma needs the four warps of a warpgroup";
        report(warp, insn, __builtin_ctz(active), defect);
    }
    return true;
}

/// The warp's sixteen rows of A.
void read_a(
    const Insn& insn,
    Warp& base,
    Lanes active,
    const AfterSums& operands,
    bool transposed,
    std::byte* to) {
    if (operands.registers) {
        gather<16>(base, operands.slot, 2, 2, true, to);
        return;
    }
    WarpState& warp = state(base);
    const MatrixDescriptor descriptor = descriptor_in(warp, operands.slot[0], active);
    const std::uint32_t first = warp.index % 4 * k_rows;
    read_operand(warp, insn, descriptor, transposed, first, k_rows, to);
    count_operand(warp, insn, descriptor, transposed, first, k_rows);
}

/// The four warps share one reading of B: the first counts it.
void count_b(
    WarpState& warp,
    const Insn& insn,
    const MatrixDescriptor& descriptor,
    bool transposed,
    const GroupForm& form) {
    if (warp.index % 4 == 0) {
        count_operand(warp, insn, descriptor, transposed, 0, form.tiles * k_tile);
    }
}

template <class A, class B>
struct RealWgmma {
    static constexpr bool k_transposes = sizeof(typename A::Raw) == 2;
    static constexpr std::size_t k_most = k_transposes ? 9 : 8;  ///< operands after D

    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& base, Lanes active) {
        if (!group_ready(insn, base, active)) {
            return;
        }
        WarpState& warp = state(base);
        const GroupForm form = GroupForm::unpack(insn.mods);
        const AfterSums operands(insn, form, k_most);
        const std::uint32_t* const rest = operands.slot + operands.after_a();
        const bool scaled = scales_sums(insn, warp, rest + 1, active);
        const double sign = static_cast<double>(small_number(warp, rest[2])) *
                            static_cast<double>(small_number(warp, rest[3]));
        bool transpose_a = false;
        bool transpose_b = false;
        if constexpr (k_transposes) {
            transpose_a = !operands.registers && small_number(warp, rest[4]) != 0;
            transpose_b = small_number(warp, rest[operands.registers ? 4 : 5]) != 0;
        }
        constexpr std::size_t depth = k_wgmma_row / sizeof(typename A::Raw);
        alignas(64) std::byte raw[k_rows * k_wgmma_row];
        alignas(64) double a[k_rows * depth];
        alignas(64) double b[k_tile * depth];
        alignas(64) double columns[k_tile * depth];
        alignas(64) double sums[k_rows * k_tile];
        alignas(64) SumLanes out[4];
        read_a(insn, warp, active, operands, transpose_a, raw);
        to_doubles<A>(raw, k_rows * depth, a);
        for (double& element : a) {
            element *= sign;
        }
        const MatrixDescriptor descriptor = descriptor_in(warp, rest[0], active);
        count_b(warp, insn, descriptor, transpose_b, form);
        const std::size_t each = form.half ? 2 : 4;
        for (std::size_t tile = 0; tile < form.tiles; ++tile) {
            read_operand(warp, insn, descriptor, transpose_b, tile * k_tile, k_tile, raw);
            to_doubles<B>(raw, k_tile * depth, columns);
            transpose_tile(columns, depth, b);
            const std::uint32_t* const d = insn.slot + tile * each;
            std::fill_n(sums, k_rows * k_tile, 0.0);
            for (std::size_t h = 0; scaled && h < 2; ++h) {
                const std::size_t even = form.half ? h : 2 * h;
                load_sums(
                    warp.lanes<std::uint32_t>(d[even]),
                    warp.lanes<std::uint32_t>(d[form.half ? even : even + 1]),
                    form.half,
                    sums + h * 64);
            }
            multiply(a, k_rows, depth, b, sums);
            for (std::size_t h = 0; h < 2; ++h) {
                const std::size_t even = form.half ? h : 2 * h;
                store_sums(sums + h * 64, form.half, out[even], out[form.half ? even : even + 1]);
            }
            write_registers(warp, d, each, out, active);
        }
    }
};

struct IntegerWgmma {
    static constexpr std::size_t k_most = 6;

    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& base, Lanes active) {
        if (!group_ready(insn, base, active)) {
            return;
        }
        WarpState& warp = state(base);
        const GroupForm form = GroupForm::unpack(insn.mods);
        const AfterSums operands(insn, form, k_most);
        const std::uint32_t* const rest = operands.slot + operands.after_a();
        const bool scaled = scales_sums(insn, warp, rest + 1, active);
        constexpr std::size_t depth = k_wgmma_row;
        alignas(64) std::byte raw[k_rows * k_wgmma_row];
        alignas(64) float a[k_rows * depth];
        alignas(64) float b[k_tile * depth];
        alignas(64) float columns[k_tile * depth];
        alignas(64) float sums[k_rows * k_tile];
        alignas(64) SumLanes out[4];
        read_a(insn, warp, active, operands, false, raw);
        bytes_to_floats(raw, k_rows * depth, form.signed_a, a);
        const MatrixDescriptor descriptor = descriptor_in(warp, rest[0], active);
        count_b(warp, insn, descriptor, false, form);
        for (std::size_t tile = 0; tile < form.tiles; ++tile) {
            read_operand(warp, insn, descriptor, false, tile * k_tile, k_tile, raw);
            bytes_to_floats(raw, k_tile * depth, form.signed_b, columns);
            transpose_tile(columns, depth, b);
            std::fill_n(sums, k_rows * k_tile, 0.0F);
            multiply(a, k_rows, depth, b, sums);
            const std::uint32_t* const d = insn.slot + 4 * tile;
            for (std::size_t h = 0; h < 2; ++h) {
                static constexpr SumLanes nothing = {};
                add_integers(
                    sums + h * 64,
                    scaled ? warp.lanes<std::uint32_t>(d[2 * h]) : nothing,
                    scaled ? warp.lanes<std::uint32_t>(d[2 * h + 1]) : nothing,
                    form.saturate,
                    out[2 * h],
                    out[2 * h + 1]);
            }
            write_registers(warp, d, 4, out, active);
        }
    }
};

struct BitWgmma {
    static constexpr std::size_t k_most = 6;

    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& base, Lanes active) {
        if (!group_ready(insn, base, active)) {
            return;
        }
        WarpState& warp = state(base);
        const GroupForm form = GroupForm::unpack(insn.mods);
        const AfterSums operands(insn, form, k_most);
        const std::uint32_t* const rest = operands.slot + operands.after_a();
        const bool scaled = scales_sums(insn, warp, rest + 1, active);
        std::uint64_t a[k_rows * 4];
        std::uint64_t b[k_tile * 4];
        alignas(64) SumLanes out[4];
        read_a(insn, warp, active, operands, false, reinterpret_cast<std::byte*>(a));
        const MatrixDescriptor descriptor = descriptor_in(warp, rest[0], active);
        count_b(warp, insn, descriptor, false, form);
        for (std::size_t tile = 0; tile < form.tiles; ++tile) {
            read_operand(
                warp,
                insn,
                descriptor,
                false,
                tile * k_tile,
                k_tile,
                reinterpret_cast<std::byte*>(b));
            const std::uint32_t* const d = insn.slot + 4 * tile;
            for (std::size_t reg = 0; reg < 4; ++reg) {
                const std::uint32_t* const c = warp.lanes<std::uint32_t>(d[reg]);
                for (std::size_t lane = 0; lane < k_lanes; ++lane) {
                    const std::uint64_t* const row = a + (reg / 2 * 8 + lane / 4) * 4;
                    const std::uint64_t* const column = b + (2 * (lane % 4) + reg % 2) * 4;
                    std::uint32_t sum = scaled ? c[lane] : 0;
                    for (std::size_t w = 0; w < 4; ++w) {
                        sum += static_cast<std::uint32_t>(__builtin_popcountll(row[w] & column[w]));
                    }
                    out[reg][lane] = sum;
                }
            }
            write_registers(warp, d, 4, out, active);
        }
    }
};

/// fence and commit_group: nothing is under way.
void run_order(const Insn& insn, Warp& warp, Lanes active) {
    (void)whole_warp(insn, warp, active);
}

/// A product is over for the whole warpgroup: a warp that waits for it lets those that have not
/// executed theirs go first, and what the four read before is over for each of them.
void run_wait(const Insn& insn, Warp& base, Lanes active) {
    if (!whole_warp(insn, base, active)) {
        return;
    }
    WarpState& warp = state(base);
    Block& block = *warp.block;
    const std::uint32_t first = warp.index & ~3U;
    const auto last = std::min<std::size_t>(first + 4, block.warps.size());
    for (std::size_t i = first; i < last; ++i) {
        const WarpState& other = block.warps[i];
        if (!other.done() && other.async->products < warp.async->products) {
            InsnCounts& counts = warp.counts[warp.index_of(insn)];
            --counts.warps;
            counts.threads -= static_cast<std::uint32_t>(__builtin_popcount(active));
            warp.pc = static_cast<std::uint32_t>(warp.index_of(insn));
            warp.limit = 0;
            warp.yield = true;
            return;
        }
    }
    if (block.shadow) {
        block.shadow->block_barrier(0xFU << first, false);
    }
}

/// Both forms share one list of widths: what is a 64-bit descriptor in one may be a register of A
/// in the other.
Binding bind_group(Handler run, const GroupForm& form, std::size_t least, std::size_t most) {
    Binding binding;
    binding.run = run;
    binding.work = Work::matrix;
    binding.mods = form.pack();
    binding.widths.assign(form.sums(), Width::w32);
    for (const Width width :
         {Width::any,
          Width::any,
          Width::w32_or_predicate,
          Width::w32,
          Width::any,
          Width::w32_or_predicate,
          Width::w32}) {
        binding.widths.push_back(width);
    }
    binding.slots_min = static_cast<std::uint16_t>(form.sums() + least);
    binding.slots_max = static_cast<std::uint16_t>(form.sums() + most);
    return binding;
}

template <class A, class B>
Binding bind_real(const GroupForm& form) {
    using Body = RealWgmma<A, B>;
    return bind_group(handler<Body>(), form, Body::k_transposes ? 7 : 5, Body::k_most);
}

}  // namespace

// Parts: "wgmma", shape, then as the rows have them.

Binding bind_wgmma_real(const Match& match) {
    GroupForm form;
    form.tiles = matrix_shape(match[1]).n / 8;
    form.half = match[2] == ".f16";
    const std::string_view a = match[3];
    const std::string_view b = match[4];
    if (a == ".f16") {
        return bind_real<ElementF16, ElementF16>(form);
    }
    if (a == ".bf16") {
        return bind_real<ElementBf16, ElementBf16>(form);
    }
    if (a == ".tf32") {
        return bind_real<ElementTf32, ElementTf32>(form);
    }
    if (a == ".e4m3") {
        return b == ".e4m3" ? bind_real<ElementE4m3, ElementE4m3>(form)
                            : bind_real<ElementE4m3, ElementE5m2>(form);
    }
    return b == ".e4m3" ? bind_real<ElementE5m2, ElementE4m3>(form)
                        : bind_real<ElementE5m2, ElementE5m2>(form);
}

Binding bind_wgmma_integer(const Match& match) {
    GroupForm form;
    form.tiles = matrix_shape(match[1]).n / 8;
    form.saturate = match.has("satfinite");
    form.signed_a = match[3].starts_with(".s");
    form.signed_b = match[4].starts_with(".s");
    return bind_group(handler<IntegerWgmma>(), form, 3, IntegerWgmma::k_most);
}

Binding bind_wgmma_bits(const Match& match) {
    GroupForm form;
    form.tiles = matrix_shape(match[1]).n / 8;
    return bind_group(handler<BitWgmma>(), form, 3, BitWgmma::k_most);
}

Binding bind_wgmma_order(const Match& match) {
    (void)match;
    Binding binding;
    binding.run = &run_order;
    binding.work = Work::matrix;
    binding.slots_max = 0;
    return binding;
}

Binding bind_wgmma_wait(const Match& match) {
    Binding binding = bind_wgmma_order(match);
    binding.run = &run_wait;
    binding.widths = {Width::w32};
    binding.slots_min = binding.slots_max = 1;
    return binding;
}

}  // namespace kw::emu
