// SPDX-License-Identifier: Apache-2.0
// What mma, wmma and wgmma share. All their fragments are made of the same pieces (PTX ISA 9.0,
// matrix fragments for mma): a 32-bit register of A holds, for the 8 rows l / 4 of its lanes l, 16
// bytes of a row (4 bytes a lane); one of B the same for 8 columns; two of C and D an 8 by 8 block,
// lane l having row l / 4 and columns 2 (l % 4), 2 (l % 4) + 1 (f16: both in one register).
// Registers of A in order: by 16-row tile, then 16-byte chunk of K, then the upper and lower 8
// rows. Of B: by 8-column tile, then chunk. Of C and D: by 16-row tile, 8-column tile, upper and
// lower rows, column. f64 has 8-byte lanes, so chunks are 32 bytes; else nothing changes.
//
// Arithmetic. Products are exact. Floating point: C and the products are added in order of k in
// f64, and the sum is rounded once to the type of D (to nearest, NaN canonical): more exact than a
// GPU, which aligns and cuts the addends in a way that is not documented. f64: fma in order of k.
// Integers: exact, wrapped or (.satfinite) clamped to s32.
#pragma once

#include "evaluator/device/emulated/engine/matrix_elements.hpp"

namespace kw::emu {

/// How a matrix instruction is made up; fits into Insn::mods.
struct MatrixForm {
    std::uint32_t rows8 = 2;   ///< M / 8: 1, 2 or 4
    std::uint32_t tiles = 1;   ///< N / 8; wgmma: kept elsewhere
    std::uint32_t chunks = 1;  ///< registers' worth of K
    std::uint32_t a_slots = 2;
    std::uint32_t b_slots = 1;
    bool half_d = false;  ///< f16
    bool half_c = false;
    bool saturate = false;
    bool signed_a = false;
    bool signed_b = false;
    bool nibbles = false;
    bool exclusive = false;  ///< b1: xor, not and

    [[nodiscard]] std::uint32_t pack() const {
        const std::uint32_t flags = (half_d ? 1U : 0) | (half_c ? 2U : 0) | (saturate ? 4U : 0) |
                                    (signed_a ? 8U : 0) | (signed_b ? 16U : 0) |
                                    (nibbles ? 32U : 0) | (exclusive ? 64U : 0);
        return rows8 | tiles << 3 | chunks << 6 | a_slots << 10 | b_slots << 14 | flags << 18;
    }
    [[nodiscard]] KW_LANE static MatrixForm unpack(std::uint32_t mods) {
        const std::uint32_t flags = mods >> 18;
        return {
            mods & 7U,
            mods >> 3 & 7U,
            mods >> 6 & 15U,
            mods >> 10 & 15U,
            mods >> 14 & 15U,
            (flags & 1U) != 0,
            (flags & 2U) != 0,
            (flags & 4U) != 0,
            (flags & 8U) != 0,
            (flags & 16U) != 0,
            (flags & 32U) != 0,
            (flags & 64U) != 0};
    }
    /// 32-bit registers of C or D.
    [[nodiscard]] KW_LANE std::uint32_t sums(bool half) const {
        return rows8 * tiles * (half ? 1U : 2U);
    }
};

/// True when all lanes are there; otherwise they are waited for (and a warp that never comes
/// together is a finding), and the handler returns.
[[nodiscard]] bool whole_warp_waits(const Insn& insn, Warp& warp, Lanes active);
[[nodiscard]] KW_LANE inline bool whole_warp(const Insn& insn, Warp& warp, Lanes active) {
    return active == k_all_lanes || whole_warp_waits(insn, warp, active);
}

inline constexpr std::size_t k_tile = 8;  ///< columns of an accumulator tile
inline constexpr std::size_t k_max_rows = 32;
inline constexpr std::size_t k_max_depth = 64;       ///< K of s4
inline constexpr std::size_t k_max_elements = 1024;  ///< M * K: 16 * 64
inline constexpr std::size_t k_max_sums = 8;         ///< registers of D, but wgmma's
using SumLanes = std::uint32_t[k_lanes];

/// Where a tile's sums keep column n: even columns first, because lane t of a row holds columns 2 t
/// and 2 t + 1 in two registers.
KW_LANE constexpr std::size_t tile_column(std::size_t n) {
    return n / 2 + 4 * (n % 2);
}

/// Rows of A, or columns of B, as bytes: `blocks8` times 8 of them, `chunks` chunks each.
/// `bytes`: of a chunk (16, or 32 for f64). `paired`: registers alternate between the upper and
/// lower half of 16 rows.
template <std::size_t bytes>
KW_LANE inline void gather(
    Warp& warp,
    const std::uint32_t* slot,
    std::size_t blocks8,
    std::size_t chunks,
    bool paired,
    std::byte* to) {
    const std::size_t pairs = paired && blocks8 > 1 ? 2 : 1;
    for (std::size_t h = 0; h < blocks8; ++h) {
        for (std::size_t q = 0; q < chunks; ++q) {
            const std::size_t reg = (h / pairs * chunks + q) * pairs + h % pairs;
            const std::byte* const from = warp.frame + slot[reg];
            for (std::size_t g = 0; g < 8; ++g) {
                std::memcpy(to + ((8 * h + g) * chunks + q) * bytes, from + g * bytes, bytes);
            }
        }
    }
}

/// [8][depth] to [depth][8], columns as tile_column() says. `depth`: a multiple of 4.
template <class T>
KW_LANE inline void transpose_tile(const T* from, std::size_t depth, T* to) {
    for (std::size_t k = 0; k < depth; k += 4) {
        for (std::size_t i = 0; i < 4; ++i) {
            for (std::size_t n = 0; n < k_tile; ++n) {
                to[(k + i) * k_tile + tile_column(n)] = from[n * depth + k + i];
            }
        }
    }
}

template <class T>
struct VectorOf;
template <>
struct VectorOf<double> {
    typedef double type [[gnu::vector_size(32)]];
};
template <>
struct VectorOf<float> {
    typedef float type [[gnu::vector_size(32)]];
};

/// sums[rows][8] += a[rows][depth] * b[depth][8]; `rows` a multiple of 4. Products and, for
/// integers in float, sums are exact, so that it does not matter whether fma is used.
template <class T>
KW_LANE inline void multiply(const T* a, std::size_t rows, std::size_t depth, const T* b, T* sums) {
    using V = typename VectorOf<T>::type;
    constexpr std::size_t lanes = sizeof(V) / sizeof(T);
    constexpr std::size_t parts = k_tile / lanes;
    for (std::size_t m = 0; m < rows; m += 4) {
        V sum[4][parts];
        std::memcpy(&sum, sums + m * k_tile, sizeof(sum));
        for (std::size_t k = 0; k < depth; ++k) {
            V column[parts];
            std::memcpy(&column, b + k * k_tile, sizeof(column));
#pragma GCC unroll 4
            for (std::size_t i = 0; i < 4; ++i) {
                const T factor = a[(m + i) * depth + k];
#pragma GCC unroll 2
                for (std::size_t p = 0; p < parts; ++p) {
                    sum[i][p] += factor * column[p];
                }
            }
        }
        std::memcpy(sums + m * k_tile, &sum, sizeof(sum));
    }
}

/// The first of the registers of C or D that hold rows 8 h to 8 h + 7 of tile `tile`.
KW_LANE inline std::size_t sum_register(
    std::size_t rows8, std::size_t tiles, std::size_t h, std::size_t tile) {
    const std::size_t pairs = rows8 > 1 ? 2 : 1;
    return ((h / pairs * tiles + tile) * pairs + h % pairs) * 2;
}

/// Two registers' lanes to eight rows of a tile, and back.
KW_LANE inline void join_rows(
    const std::uint32_t* even, const std::uint32_t* odd, std::uint32_t* rows) {
    for (std::size_t g = 0; g < 8; ++g) {
        std::memcpy(rows + g * k_tile, even + 4 * g, 16);
        std::memcpy(rows + g * k_tile + 4, odd + 4 * g, 16);
    }
}
KW_LANE inline void split_rows(const std::uint32_t* rows, std::uint32_t* even, std::uint32_t* odd) {
    for (std::size_t g = 0; g < 8; ++g) {
        std::memcpy(even + 4 * g, rows + g * k_tile, 16);
        std::memcpy(odd + 4 * g, rows + g * k_tile + 4, 16);
    }
}

/// Eight rows of a tile from f32 (`even`, `odd`) or packed f16 (`even` alone) registers.
KW_LANE inline void load_sums(
    const std::uint32_t* even, const std::uint32_t* odd, bool half, double* sums) {
    alignas(64) std::uint32_t rows[64];
    if (half) {
        alignas(64) SumLanes low;
        alignas(64) SumLanes high;
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            low[lane] = bits_of(widen(Half{static_cast<std::uint16_t>(even[lane])}));
            high[lane] = bits_of(widen(Half{static_cast<std::uint16_t>(even[lane] >> 16)}));
        }
        join_rows(low, high, rows);
    } else {
        join_rows(even, odd, rows);
    }
    for (std::size_t i = 0; i < 64; ++i) {
        sums[i] = float_of(rows[i]);
    }
}

/// Rounds eight rows of a tile; `odd` is not used for f16.
KW_LANE inline void store_sums(
    const double* sums, bool half, std::uint32_t* even, std::uint32_t* odd) {
    alignas(64) std::uint32_t rows[64];
    if (!half) {
        for (std::size_t i = 0; i < 64; ++i) {
            rows[i] = bits_of(canonical(static_cast<float>(sums[i])));
        }
        split_rows(rows, even, odd);
        return;
    }
    alignas(64) float odds[64];  // one rounding in all: to f16
    for (std::size_t i = 0; i < 64; ++i) {
        odds[i] = narrow_to_odd(sums[i]);
    }
    for (std::size_t i = 0; i < 64; ++i) {
        rows[i] = narrow_half(odds[i]).bits;
    }
    alignas(64) SumLanes high;
    split_rows(rows, even, high);
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        even[lane] |= high[lane] << 16;
    }
}

/// One register's worth: C plus the dot products.
template <bool saturate>
KW_LANE inline void add_register(
    const std::uint32_t* dots, const std::uint32_t* from, std::uint32_t* to) {
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        const std::uint32_t c = from[lane];
        const std::uint32_t dot = dots[lane];
        const std::uint32_t sum = c + dot;
        if constexpr (saturate) {
            // Both addends have the sign that the sum has not.
            const bool over = (((c ^ sum) & (dot ^ sum)) >> 31) != 0;
            to[lane] = over ? 0x7FFFFFFFU + (c >> 31) : sum;
        } else {
            to[lane] = sum;
        }
    }
}

/// Eight rows of a tile in integers: C plus the dot products, which are exact in float.
KW_LANE inline void add_integers(
    const float* dots,
    const std::uint32_t* even,
    const std::uint32_t* odd,
    bool saturate,
    std::uint32_t* to_even,
    std::uint32_t* to_odd) {
    alignas(64) std::uint32_t rows[64];
    alignas(64) SumLanes parts[2];
    for (std::size_t i = 0; i < 64; ++i) {
        rows[i] = static_cast<std::uint32_t>(static_cast<std::int32_t>(dots[i]));
    }
    split_rows(rows, parts[0], parts[1]);
    if (saturate) {
        add_register<true>(parts[0], even, to_even);
        add_register<true>(parts[1], odd, to_odd);
    } else {
        add_register<false>(parts[0], even, to_even);
        add_register<false>(parts[1], odd, to_odd);
    }
}

/// Writes whole registers to the lanes that are active.
KW_LANE inline void write_registers(
    Warp& warp, const std::uint32_t* slot, std::size_t count, const SumLanes* from, Lanes active) {
    for (std::size_t r = 0; r < count; ++r) {
        std::uint32_t* const to = warp.lanes<std::uint32_t>(slot[r]);
        if (active == k_all_lanes) {
            std::memcpy(to, from[r], sizeof(SumLanes));
        } else {
            copy_active(to, from[r], active);
        }
    }
}

}  // namespace kw::emu
