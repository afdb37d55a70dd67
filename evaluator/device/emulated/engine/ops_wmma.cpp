// SPDX-License-Identifier: Apache-2.0
// wmma: fragments are laid out as those of mma (matrix_tile.hpp), which is legal because PTX leaves
// it open, and multiplied by the handlers of mma. What fragments in f16 have too many registers for
// holds the same elements again. Loads and stores go line by line of the matrix in memory, a line
// cut into accesses of up to 16 bytes, which are counted and checked as those of one lane each.
#include "evaluator/device/emulated/engine/bind_matrix.hpp"
#include "evaluator/device/emulated/engine/ops_memory.hpp"
#include "evaluator/device/emulated/engine/ops_mma.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

enum class Which : std::uint8_t { a, b, sums };

/// What Insn::mods says of a load or store, above the window: which operand, how it lies there.
constexpr std::uint32_t k_form_shift = 3;
constexpr std::uint32_t k_direct_bit = 1U << 28;  ///< A by rows, B by columns, sums by rows
constexpr std::uint32_t k_operand_shift = 29;

/// A fragment and the matrix in memory that it is loaded from or stored to.
struct MemoryTile {
    MatrixForm form;
    Which operand = Which::a;
    bool direct = false;
    std::size_t bits = 0;        ///< of an element
    std::size_t piece_bits = 0;  ///< what lies together in memory and in a register
    std::size_t pieces = 0;      ///< of a register
    std::size_t lines = 0;
    std::size_t line_bytes = 0;
    std::size_t registers = 0;  ///< that differ
    std::size_t slots = 0;      ///< that the instruction names

    explicit MemoryTile(const Insn& insn)
        : form(MatrixForm::unpack(insn.mods >> k_form_shift & 0x1FFFFFFU))
        , operand(static_cast<Which>(insn.mods >> k_operand_shift))
        , direct((insn.mods & k_direct_bit) != 0)
        , bits(insn.vector) {
        const std::size_t depth = form.chunks * (bits == 64 ? 4 : 128 / bits);
        const std::size_t first = operand == Which::b ? 8 * form.tiles : 8 * form.rows8;
        const std::size_t second = operand == Which::sums ? 8 * form.tiles : depth;
        const bool whole = direct && operand != Which::sums && bits < 64;
        const std::size_t reg_bits = bits == 64 ? 64 : 32;
        piece_bits = whole ? 32 : bits;
        pieces = reg_bits / piece_bits;
        lines = direct ? first : second;
        line_bytes = (direct ? second : first) * bits / 8;
        registers = operand == Which::a   ? form.rows8 * form.chunks
                    : operand == Which::b ? form.tiles * form.chunks
                                          : form.sums(bits == 16);
        slots = operand == Which::a ? form.a_slots : operand == Which::b ? form.b_slots : registers;
    }

    /// Where piece `e` of a register's lane lies in the lines, which are packed.
    [[nodiscard]] std::size_t place(std::size_t reg, std::size_t lane, std::size_t e) const {
        const std::size_t pairs = form.rows8 > 1 ? 2 : 1;
        std::size_t first = 0;
        std::size_t second = 0;
        if (operand == Which::sums) {
            const std::size_t i = reg * pieces + e;
            const std::size_t block = i / 2;
            first = (block / pairs / form.tiles * pairs + block % pairs) * 8 + lane / 4;
            second = block / pairs % form.tiles * 8 + 2 * (lane % 4) + i % 2;
        } else {
            const std::size_t group = operand == Which::a ? pairs : 1;
            const std::size_t chunk = reg / group % form.chunks;
            first = (reg / group / form.chunks * group + reg % group) * 8 + lane / 4;
            second = (chunk * 4 + lane % 4) * (bits == 64 ? 1 : 32 / bits) + e;
        }
        return (direct ? first : second) * line_bytes + (direct ? second : first) * bits / 8;
    }
};

/// All of a fragment's matrix, line after line: 32 lines of 64 bytes at most.
using Lines = std::array<std::byte, 2048>;

/// The accesses that the lines are made of.
struct Accesses {
    std::uint64_t base = 0;
    std::uint64_t stride = 0;  ///< bytes from line to line
    std::size_t bytes = 0;     ///< of one
    std::size_t in_line = 0;
    std::size_t count = 0;

    Accesses(
        const Insn& insn, Warp& warp, const MemoryTile& tile, std::size_t base_slot, int lane) {
        bytes = std::min<std::size_t>(16, tile.line_bytes);
        in_line = tile.line_bytes / bytes;
        count = in_line * tile.lines;
        const std::uint32_t slot = insn.slot[base_slot];
        if (insn.wide_base) {
            base = warp.lanes<std::uint64_t>(slot)[lane] + static_cast<std::uint64_t>(insn.offset);
        } else {
            base = static_cast<std::uint32_t>(
                warp.lanes<std::uint32_t>(slot)[lane] + static_cast<std::uint32_t>(insn.offset));
        }
        stride = tile.line_bytes;
        if (insn.slots > tile.slots + 1) {  // in elements
            const std::uint64_t elements =
                warp.lanes<std::uint32_t>(insn.slot[tile.slots + 1])[lane];
            stride = elements * tile.bits / 8;
        }
    }
    [[nodiscard]] std::uint64_t address(std::size_t i) const {
        return base + i / in_line * stride + i % in_line * bytes;
    }
};

void count_accesses(WarpState& warp, const Insn& insn, const Accesses& accesses) {
    const Window window = window_of(insn);
    for (std::size_t first = 0; first < accesses.count; first += k_lanes) {
        std::array<std::uint64_t, k_lanes> address{};
        Lanes lanes = 0;
        for (std::size_t lane = 0; lane < k_lanes && first + lane < accesses.count; ++lane) {
            address[lane] = accesses.address(first + lane);
            lanes |= Lanes{1} << lane;
        }
        const Space space = window == Window::shared   ? Space::shared
                            : window == Window::global ? Space::global
                                                       : generic_place(address[0]).space;
        count_access(
            warp, insn, lanes, address.data(), static_cast<std::uint32_t>(accesses.bytes), space);
    }
}

/// slots: registers, base, [stride].
void run_wmma_load(const Insn& insn, Warp& base, Lanes active) {
    if (!whole_warp(insn, base, active)) {
        return;
    }
    WarpState& warp = state(base);
    const MemoryTile tile(insn);
    const Accesses accesses(insn, warp, tile, tile.slots, __builtin_ctz(active));
    count_accesses(warp, insn, accesses);
    Lines lines{};
    for (std::size_t i = 0; i < accesses.count; ++i) {
        const std::byte* from = reach_lane(
            warp,
            insn,
            static_cast<int>(i % k_lanes),
            accesses.address(i),
            static_cast<std::uint32_t>(accesses.bytes),
            window_of(insn),
            Use::load);
        if (from != nullptr) {
            std::memcpy(lines.data() + i * accesses.bytes, from, accesses.bytes);
        }
    }
    const std::size_t lane_bytes = tile.bits == 64 ? 8 : 4;
    for (std::size_t slot = 0; slot < tile.slots; ++slot) {
        std::byte* const to = warp.frame + insn.slot[slot];
        for (Lanes left = active; left != 0; left &= left - 1) {
            const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
            for (std::size_t e = 0; e < tile.pieces; ++e) {
                std::memcpy(
                    to + lane * lane_bytes + e * tile.piece_bits / 8,
                    lines.data() + tile.place(slot % tile.registers, lane, e),
                    tile.piece_bits / 8);
            }
        }
    }
}

/// slots: base, registers, [stride].
void run_wmma_store(const Insn& insn, Warp& base, Lanes active) {
    if (!whole_warp(insn, base, active)) {
        return;
    }
    WarpState& warp = state(base);
    const MemoryTile tile(insn);
    const Accesses accesses(insn, warp, tile, 0, __builtin_ctz(active));
    count_accesses(warp, insn, accesses);
    Lines lines{};
    const std::size_t lane_bytes = tile.bits == 64 ? 8 : 4;
    for (std::size_t reg = 0; reg < tile.registers; ++reg) {
        const std::byte* const from = warp.frame + insn.slot[1 + reg];
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            for (std::size_t e = 0; e < tile.pieces; ++e) {
                std::memcpy(
                    lines.data() + tile.place(reg, lane, e),
                    from + lane * lane_bytes + e * tile.piece_bits / 8,
                    tile.piece_bits / 8);
            }
        }
    }
    for (std::size_t i = 0; i < accesses.count; ++i) {
        store_lane(
            warp,
            insn,
            static_cast<int>(i % k_lanes),
            accesses.address(i),
            lines.data() + i * accesses.bytes,
            static_cast<std::uint32_t>(accesses.bytes),
            window_of(insn));
    }
}

/// Of a fragment's element type; wmma in f16 names eight registers for A and B in every shape.
MatrixForm wmma_form(const MatrixShape& shape, std::string_view type) {
    return matrix_form(shape, element_bits(type), type == ".f16" ? 8 : 0);
}

/// What loads and stores have in common; parts: [a or b,] layout, shape, window, type.
Binding bind_memory_tile(const Match& match, std::size_t layout, Which operand, Handler run) {
    const std::string_view type = match.parts.back();
    const std::uint32_t bits = element_bits(type);
    const MatrixForm form = wmma_form(matrix_shape(match[layout + 1]), type);
    const bool direct = match[layout] == (operand == Which::b ? ".col" : ".row");
    const std::string_view window = match[layout + 2];
    Binding binding;
    binding.run = run;
    binding.mods = static_cast<std::uint32_t>(
        window.empty()        ? Window::generic
        : window == ".global" ? Window::global
                              : Window::shared);
    binding.work = window.empty()        ? Work::generic
                   : window == ".global" ? Work::global
                                         : Work::shared;
    binding.mods |= form.pack() << k_form_shift | (direct ? k_direct_bit : 0) |
                    static_cast<std::uint32_t>(operand) << k_operand_shift;
    binding.vector = static_cast<std::uint8_t>(bits);
    binding.real_immediates = true;
    Insn insn;
    insn.mods = binding.mods;
    insn.vector = binding.vector;
    const MemoryTile tile(insn);
    binding.bytes = static_cast<std::uint8_t>(std::min<std::size_t>(16, tile.line_bytes));
    binding.slots_min = static_cast<std::uint16_t>(tile.slots + 1);
    binding.slots_max = static_cast<std::uint16_t>(tile.slots + 2);
    const Width width = bits == 64 ? Width::w64 : Width::w32;
    const bool store = run == &run_wmma_store;
    if (store) {
        binding.widths.push_back(Width::any);
    }
    binding.widths.insert(binding.widths.end(), tile.slots, width);
    if (!store) {
        binding.widths.push_back(Width::any);
    }
    binding.widths.push_back(Width::w32);
    return binding;
}

}  // namespace

Binding bind_wmma_load(const Match& match) {
    const Which operand = match[1] == ".a" ? Which::a : Which::b;
    return bind_memory_tile(match, 2, operand, &run_wmma_load);
}

Binding bind_wmma_load_sums(const Match& match) {
    return bind_memory_tile(match, 1, Which::sums, &run_wmma_load);
}

Binding bind_wmma_store(const Match& match) {
    return bind_memory_tile(match, 1, Which::sums, &run_wmma_store);
}

// wmma.mma: layouts have had their effect when the fragments were loaded.

Binding bind_wmma_half(const Match& match) {
    MatrixForm form = wmma_form(matrix_shape(match[3]), ".f16");
    form.half_d = match[4] == ".f16";
    form.half_c = match[5] == ".f16";
    return bind_fragments(real_mma_handler(".f16", ".f16"), form);
}

Binding bind_wmma_real(const Match& match) {
    const std::string_view type = match[4];
    return bind_fragments(real_mma_handler(type, type), wmma_form(matrix_shape(match[3]), type));
}

Binding bind_wmma_double(const Match& match) {
    return bind_double_fragments(matrix_form(matrix_shape(match[3]), 64));
}

Binding bind_wmma_integer(const Match& match) {
    const std::size_t types = match.parts.size() - 3;  // A, B, satfinite
    MatrixForm form = wmma_form(matrix_shape(match[types - 1]), match[types]);
    form.saturate = match.has("satfinite");
    form.signed_a = match[types].starts_with(".s");
    form.signed_b = match[types + 1].starts_with(".s");
    form.nibbles = element_bits(match[types]) == 4;
    return bind_fragments(integer_mma_handler(), form);
}

Binding bind_wmma_bits(const Match& match) {
    MatrixForm form = matrix_form(matrix_shape(".m8n8k128"), 1);
    form.exclusive = match.has(".xor.popc");
    return bind_fragments(bit_mma_handler(), form);
}

}  // namespace kw::emu
