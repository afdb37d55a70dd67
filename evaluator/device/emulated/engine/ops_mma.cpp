// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_mma.hpp"

#include "evaluator/device/emulated/engine/bind_matrix.hpp"
#include "evaluator/device/emulated/engine/findings.hpp"
#include "evaluator/device/emulated/engine/warp_control.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

/// slots: D, A, B, C.
struct Fragments {
    const std::uint32_t* d;
    const std::uint32_t* a;
    const std::uint32_t* b;
    const std::uint32_t* c;

    KW_LANE Fragments(const Insn& insn, const MatrixForm& form, std::uint32_t d_slots)
        : d(insn.slot)
        , a(d + d_slots)
        , b(a + form.a_slots)
        , c(b + form.b_slots) {}
};

template <class A, class B>
struct RealMma {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        static_assert(sizeof(typename A::Raw) == sizeof(typename B::Raw));
        if (!whole_warp(insn, warp, active)) {
            return;
        }
        const MatrixForm form = MatrixForm::unpack(insn.mods);
        const Fragments slots(insn, form, form.sums(form.half_d));
        const std::size_t rows = 8 * form.rows8;
        const std::size_t depth = form.chunks * 16 / sizeof(typename A::Raw);
        alignas(64) std::byte raw[k_max_elements];
        alignas(64) double a[k_max_elements];
        alignas(64) double b[k_tile * k_max_depth];
        alignas(64) double columns[k_tile * k_max_depth];
        alignas(64) double sums[k_max_rows * k_tile];
        alignas(64) SumLanes out[k_max_sums];
        gather<16>(warp, slots.a, form.rows8, form.chunks, true, raw);
        to_doubles<A>(raw, rows * depth, a);
        for (std::size_t tile = 0; tile < form.tiles; ++tile) {
            gather<16>(warp, slots.b + tile * form.chunks, 1, form.chunks, false, raw);
            to_doubles<B>(raw, k_tile * depth, columns);
            transpose_tile(columns, depth, b);
            for (std::size_t h = 0; h < form.rows8; ++h) {
                const std::size_t reg = sum_register(form.rows8, form.tiles, h, tile);
                const std::size_t c = form.half_c ? reg / 2 : reg;
                load_sums(
                    warp.lanes<std::uint32_t>(slots.c[c]),
                    warp.lanes<std::uint32_t>(slots.c[form.half_c ? c : c + 1]),
                    form.half_c,
                    sums + h * 64);
            }
            multiply(a, rows, depth, b, sums);
            for (std::size_t h = 0; h < form.rows8; ++h) {
                const std::size_t reg = sum_register(form.rows8, form.tiles, h, tile);
                const std::size_t d = form.half_d ? reg / 2 : reg;
                store_sums(sums + h * 64, form.half_d, out[d], out[form.half_d ? d : d + 1]);
            }
        }
        write_registers(warp, slots.d, form.sums(form.half_d), out, active);
    }
};

KW_LANE inline void integer_rows(
    const std::byte* raw, std::size_t bytes, bool nibbles, bool is_signed, float* to) {
    if (nibbles) {
        nibbles_to_floats(raw, bytes, is_signed, to);
    } else {
        bytes_to_floats(raw, bytes, is_signed, to);
    }
}

struct IntegerMma {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        if (!whole_warp(insn, warp, active)) {
            return;
        }
        const MatrixForm form = MatrixForm::unpack(insn.mods);
        const Fragments slots(insn, form, form.sums(false));
        const std::size_t rows = 8 * form.rows8;
        const std::size_t bytes = 16 * form.chunks;
        const std::size_t depth = form.nibbles ? 2 * bytes : bytes;
        alignas(64) std::byte raw[k_max_elements];
        alignas(64) float a[k_max_elements];
        alignas(64) float b[k_tile * k_max_depth];
        alignas(64) float columns[k_tile * k_max_depth];
        alignas(64) float sums[k_max_rows * k_tile];
        alignas(64) SumLanes out[k_max_sums];
        gather<16>(warp, slots.a, form.rows8, form.chunks, true, raw);
        integer_rows(raw, rows * bytes, form.nibbles, form.signed_a, a);
        for (std::size_t tile = 0; tile < form.tiles; ++tile) {
            gather<16>(warp, slots.b + tile * form.chunks, 1, form.chunks, false, raw);
            integer_rows(raw, k_tile * bytes, form.nibbles, form.signed_b, columns);
            transpose_tile(columns, depth, b);
            std::fill_n(sums, rows * k_tile, 0.0F);
            multiply(a, rows, depth, b, sums);
            for (std::size_t h = 0; h < form.rows8; ++h) {
                const std::size_t reg = sum_register(form.rows8, form.tiles, h, tile);
                add_integers(
                    sums + h * 64,
                    warp.lanes<std::uint32_t>(slots.c[reg]),
                    warp.lanes<std::uint32_t>(slots.c[reg + 1]),
                    form.saturate,
                    out[reg],
                    out[reg + 1]);
            }
        }
        write_registers(warp, slots.d, form.sums(false), out, active);
    }
};

/// One bit an element: popcounts of 64 bits at a time.
struct BitMma {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        if (!whole_warp(insn, warp, active)) {
            return;
        }
        const MatrixForm form = MatrixForm::unpack(insn.mods);
        const Fragments slots(insn, form, form.sums(false));
        const std::size_t words = 2 * form.chunks;
        std::uint64_t a[2 * k_tile * 4];
        std::uint64_t b[k_tile * 4];
        alignas(64) SumLanes out[k_max_sums];
        gather<16>(warp, slots.a, form.rows8, form.chunks, true, reinterpret_cast<std::byte*>(a));
        gather<16>(warp, slots.b, 1, form.chunks, false, reinterpret_cast<std::byte*>(b));
        for (std::size_t h = 0; h < form.rows8; ++h) {
            for (std::size_t i = 0; i < 2; ++i) {
                const std::size_t reg = sum_register(form.rows8, 1, h, 0) + i;
                const std::uint32_t* const c = warp.lanes<std::uint32_t>(slots.c[reg]);
                for (std::size_t lane = 0; lane < k_lanes; ++lane) {
                    const std::uint64_t* const row = a + (8 * h + lane / 4) * words;
                    const std::uint64_t* const column = b + (2 * (lane % 4) + i) * words;
                    std::uint32_t sum = c[lane];
                    for (std::size_t w = 0; w < words; ++w) {
                        const std::uint64_t bits =
                            form.exclusive ? row[w] ^ column[w] : row[w] & column[w];
                        sum += static_cast<std::uint32_t>(__builtin_popcountll(bits));
                    }
                    out[reg][lane] = sum;
                }
            }
        }
        write_registers(warp, slots.d, form.sums(false), out, active);
    }
};

struct DoubleMma {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        if (!whole_warp(insn, warp, active)) {
            return;
        }
        const MatrixForm form = MatrixForm::unpack(insn.mods);
        const Fragments slots(insn, form, form.sums(false));
        const std::size_t depth = 4 * form.chunks;
        double a[16 * 16];
        double b[8 * 16];
        alignas(64) std::uint64_t out[4][k_lanes];
        gather<32>(warp, slots.a, form.rows8, form.chunks, true, reinterpret_cast<std::byte*>(a));
        gather<32>(warp, slots.b, 1, form.chunks, false, reinterpret_cast<std::byte*>(b));
        for (std::size_t h = 0; h < form.rows8; ++h) {
            for (std::size_t i = 0; i < 2; ++i) {
                const std::size_t reg = 2 * h + i;
                const std::uint64_t* const c = warp.lanes<std::uint64_t>(slots.c[reg]);
                for (std::size_t lane = 0; lane < k_lanes; ++lane) {
                    const double* const row = a + (8 * h + lane / 4) * depth;
                    const double* const column = b + (2 * (lane % 4) + i) * depth;
                    double sum = double_of(c[lane]);
                    for (std::size_t k = 0; k < depth; ++k) {
                        sum = __builtin_fma(row[k], column[k], sum);
                    }
                    out[reg][lane] = sum != sum ? 0xFFF8000000000000U : bits_of(sum);
                }
            }
        }
        for (std::size_t reg = 0; reg < 2 * form.rows8; ++reg) {
            copy_active(warp.lanes<std::uint64_t>(slots.d[reg]), out[reg], active);
        }
    }
};

}  // namespace

bool whole_warp_waits(const Insn& insn, Warp& base, Lanes active) {
    if (base.block == nullptr) {
        return true;
    }
    WarpState& warp = state(base);
    if (!converged(warp, insn, active, k_all_lanes)) {
        return false;
    }
    if (!warp.forced) {  // or that has been said already
        Defect defect;
        defect.kind = FindingKind::unconverged_warp_op;
        defect.count = static_cast<std::uint64_t>(k_lanes - __builtin_popcount(active));
        defect.detail = "a matrix instruction needs all 32 lanes of the warp";
        report(warp, insn, __builtin_ctz(active), defect);
    }
    return true;
}

MatrixShape matrix_shape(std::string_view name) {
    MatrixShape shape;
    std::uint32_t* number = nullptr;
    for (const char c : name) {
        if (c == 'm') {
            number = &shape.m;
        } else if (c == 'n') {
            number = &shape.n;
        } else if (c == 'k') {
            number = &shape.k;
        } else if (c >= '0' && c <= '9' && number != nullptr) {
            *number = (*number * 10 + static_cast<std::uint32_t>(c - '0')) % 10000;
        }
    }
    return shape;
}

std::uint32_t element_bits(std::string_view type) {
    if (type == ".e4m3" || type == ".e5m2") {
        return 8;
    }
    std::uint32_t bits = 0;
    for (const char c : type) {
        bits = c >= '0' && c <= '9' ? bits * 10 + static_cast<std::uint32_t>(c - '0') : 0;
    }
    return bits;
}

MatrixForm matrix_form(const MatrixShape& shape, std::uint32_t bits, std::uint32_t least_slots) {
    MatrixForm form;
    form.rows8 = shape.m / 8;
    form.tiles = shape.n / 8;
    form.chunks = shape.k * bits / (bits == 64 ? 256 : 128);
    form.a_slots = std::max(least_slots, form.rows8 * form.chunks);
    form.b_slots = std::max(least_slots, form.tiles * form.chunks);
    return form;
}

Handler real_mma_handler(std::string_view a, std::string_view b) {
    if (a == ".f16" && b == a) {
        return handler<RealMma<ElementF16, ElementF16>>();
    }
    if (a == ".bf16" && b == a) {
        return handler<RealMma<ElementBf16, ElementBf16>>();
    }
    if (a == ".tf32" && b == a) {
        return handler<RealMma<ElementTf32, ElementTf32>>();
    }
    if (a == ".e4m3") {
        return b == ".e4m3"   ? handler<RealMma<ElementE4m3, ElementE4m3>>()
               : b == ".e5m2" ? handler<RealMma<ElementE4m3, ElementE5m2>>()
                              : nullptr;
    }
    if (a == ".e5m2") {
        return b == ".e4m3"   ? handler<RealMma<ElementE5m2, ElementE4m3>>()
               : b == ".e5m2" ? handler<RealMma<ElementE5m2, ElementE5m2>>()
                              : nullptr;
    }
    return nullptr;
}

Handler integer_mma_handler() {
    return handler<IntegerMma>();
}

Handler bit_mma_handler() {
    return handler<BitMma>();
}

Handler double_mma_handler() {
    return handler<DoubleMma>();
}

Binding bind_fragments(Handler run, const MatrixForm& form) {
    Binding binding;
    binding.run = run;
    binding.work = Work::matrix;
    binding.widths = {Width::w32};
    binding.real_immediates = true;
    binding.mods = form.pack();
    binding.slots_min = static_cast<std::uint16_t>(
        form.sums(form.half_d) + form.a_slots + form.b_slots + form.sums(form.half_c));
    binding.slots_max = binding.slots_min;
    return binding;
}

Binding bind_double_fragments(const MatrixForm& form) {
    Binding binding = bind_fragments(double_mma_handler(), form);
    binding.widths = {Width::w64};
    return binding;
}

// mma.sync: parts are "mma", shape, then as the rows of opcodes_matrix.def have them.

Binding bind_mma_real(const Match& match) {
    const std::size_t types = match.parts.size() - 4;  // D, A, B, C
    const std::string_view a = match[types + 1];
    MatrixForm form = matrix_form(matrix_shape(match[1]), element_bits(a));
    form.half_d = match[types] == ".f16";
    form.half_c = match[types + 3] == ".f16";
    if (form.half_d != form.half_c && form.chunks == 1) {
        return {};  // only the larger shapes mix
    }
    return bind_fragments(real_mma_handler(a, match[types + 2]), form);
}

Binding bind_mma_integer(const Match& match) {
    const std::string_view a = match[3];
    const std::string_view b = match[4];
    MatrixForm form = matrix_form(matrix_shape(match[1]), element_bits(a));
    form.saturate = match.has("satfinite");
    form.signed_a = a.starts_with(".s");
    form.signed_b = b.starts_with(".s");
    form.nibbles = element_bits(a) == 4;
    return bind_fragments(integer_mma_handler(), form);
}

Binding bind_mma_bits(const Match& match) {
    MatrixForm form = matrix_form(matrix_shape(match[1]), 1);
    form.exclusive = match.has(".xor.popc");
    return bind_fragments(bit_mma_handler(), form);
}

Binding bind_mma_double(const Match& match) {
    return bind_double_fragments(matrix_form(matrix_shape(match[1]), 64));
}

}  // namespace kw::emu
