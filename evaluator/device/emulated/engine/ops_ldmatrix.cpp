// SPDX-License-Identifier: Apache-2.0
// ldmatrix, stmatrix and movmatrix: eight rows of eight 16-bit elements a matrix. Lanes 8 m to 8 m
// + 7 give the addresses of the rows of matrix m; lane l holds the elements 2 (l % 4) and the next
// of row l / 4 (transposed: of column l / 4), as the PTX ISA shows.
#include "evaluator/device/emulated/engine/bind_memory.hpp"
#include "evaluator/device/emulated/engine/masks.hpp"
#include "evaluator/device/emulated/engine/ops_memory.hpp"
#include "evaluator/device/emulated/engine/warp_control.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

constexpr std::uint32_t k_transposed = 64;
constexpr std::uint32_t k_row_bytes = 16;

using Row = std::array<std::uint16_t, 8>;

/// The addresses of all rows; lanes beyond those of the matrices are not asked.
std::array<std::uint64_t, k_lanes> row_addresses(const Insn& insn, Warp& warp, std::uint32_t slot) {
    std::array<std::uint64_t, k_lanes> address;
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        const std::uint64_t base = insn.wide_base ? warp.lanes<std::uint64_t>(slot)[lane]
                                                  : warp.lanes<std::uint32_t>(slot)[lane];
        address[lane] = base + static_cast<std::uint64_t>(insn.offset);
        if (!insn.wide_base) {
            address[lane] &= 0xFFFFFFFFu;
        }
    }
    return address;
}

void count_rows(
    WarpState& warp,
    const Insn& insn,
    const std::array<std::uint64_t, k_lanes>& address,
    std::size_t matrices) {
    const Lanes rows = matrices == 4 ? k_all_lanes : (Lanes{1} << (8 * matrices)) - 1;
    count_access(warp, insn, rows, address.data(), k_row_bytes, Space::shared);
}

void run_ldmatrix(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    if (!converged(warp, insn, active, k_all_lanes)) {
        return;
    }
    const std::size_t matrices = insn.vector;
    const auto address = row_addresses(insn, warp, insn.slot[matrices]);
    count_rows(warp, insn, address, matrices);
    std::array<std::array<Row, 8>, 4> loaded{};
    for (std::size_t row = 0; row < 8 * matrices; ++row) {
        const std::byte* from = reach_lane(
            warp,
            insn,
            static_cast<int>(row),
            address[row],
            k_row_bytes,
            window_of(insn),
            Use::load);
        if (from != nullptr) {
            std::memcpy(&loaded[row / 8][row % 8], from, k_row_bytes);
        }
    }
    for (std::size_t m = 0; m < matrices; ++m) {
        if (insn.slot[m] == k_no_slot) {
            continue;
        }
        std::uint32_t* to = warp.lanes<std::uint32_t>(insn.slot[m]);
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            const std::size_t i = lane / 4;
            const std::size_t j = lane % 4 * 2;
            const bool t = (insn.mods & k_transposed) != 0;
            const std::uint32_t low = t ? loaded[m][j][i] : loaded[m][i][j];
            const std::uint32_t high = t ? loaded[m][j + 1][i] : loaded[m][i][j + 1];
            to[lane] = ((active >> lane) & 1) != 0 ? low | (high << 16) : to[lane];
        }
    }
}

void run_stmatrix(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    if (!converged(warp, insn, active, k_all_lanes)) {
        return;
    }
    const std::size_t matrices = insn.vector;
    const auto address = row_addresses(insn, warp, insn.slot[0]);
    count_rows(warp, insn, address, matrices);
    for (std::size_t m = 0; m < matrices; ++m) {
        std::array<Row, 8> rows{};
        const std::uint32_t* from = warp.lanes<std::uint32_t>(insn.slot[1 + m]);
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            const std::size_t i = lane / 4;
            const std::size_t j = lane % 4 * 2;
            const auto low = static_cast<std::uint16_t>(from[lane]);
            const auto high = static_cast<std::uint16_t>(from[lane] >> 16);
            if ((insn.mods & k_transposed) != 0) {
                rows[j][i] = low;
                rows[j + 1][i] = high;
            } else {
                rows[i][j] = low;
                rows[i][j + 1] = high;
            }
        }
        for (std::size_t row = 0; row < 8; ++row) {
            std::array<std::byte, k_row_bytes> bytes;
            std::memcpy(bytes.data(), &rows[row], k_row_bytes);
            store_lane(
                warp,
                insn,
                static_cast<int>(8 * m + row),
                address[8 * m + row],
                bytes.data(),
                k_row_bytes,
                window_of(insn));
        }
    }
}

/// slots: result, source: each lane gets of column l / 4 what it had of row l / 4.
void run_movmatrix(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    if (!converged(warp, insn, active, k_all_lanes)) {
        return;
    }
    std::array<std::uint32_t, k_lanes> from;
    std::copy_n(warp.lanes<std::uint32_t>(insn.slot[1]), k_lanes, from.begin());
    std::uint32_t* to = warp.lanes<std::uint32_t>(insn.slot[0]);
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        const auto element = [&](std::size_t row) {
            const std::size_t column = lane / 4;
            return from[4 * row + column / 2] >> (16 * (column % 2)) & 0xFFFFU;
        };
        const std::size_t row = 2 * (lane % 4);
        if (((active >> lane) & 1) != 0) {
            to[lane] = element(row) | element(row + 1) << 16;
        }
    }
}

Binding matrix_binding(const Match& match, Handler run) {
    Binding binding;
    binding.run = run;
    binding.work = Work::shared;
    binding.vector = match.has("x1") ? 1 : (match.has("x2") ? 2 : 4);
    binding.bytes = 16;  // a row is the unit
    const bool named = match.has("shared") || match.has("shared::cta");
    binding.mods = static_cast<std::uint32_t>(named ? Window::shared : Window::generic) |
                   (match.has("trans") ? k_transposed : 0);
    binding.slots_min = static_cast<std::uint16_t>(binding.vector + 1);
    binding.slots_max = binding.slots_min;
    return binding;
}

}  // namespace

Binding bind_ldmatrix(const Match& match) {
    Binding binding = matrix_binding(match, &run_ldmatrix);
    binding.widths.assign(binding.vector, Width::w32);
    binding.widths.push_back(Width::address);
    return binding;
}

Binding bind_movmatrix(const Match& match) {
    (void)match;
    Binding binding;
    binding.run = &run_movmatrix;
    binding.work = Work::warp;
    binding.widths = {Width::w32};
    binding.slots_min = binding.slots_max = 2;
    return binding;
}

Binding bind_stmatrix(const Match& match) {
    Binding binding = matrix_binding(match, &run_stmatrix);
    binding.widths = {Width::address, Width::w32};
    return binding;
}

}  // namespace kw::emu
