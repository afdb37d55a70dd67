// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/evaluator/emulated/matrix/matrices.hpp"

#include "evaluator/device/emulated/engine/lane_loop.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>

namespace kw::emu::test {

namespace {

/// A floating-point format with `exponent` and `fraction` bits.
double small_float(std::uint64_t bits, int exponent, int fraction, bool infinities) {
    const int field = static_cast<int>(bits >> fraction) & ((1 << exponent) - 1);
    const auto part = static_cast<double>(bits & ((1ULL << fraction) - 1));
    const double sign = (bits >> (exponent + fraction) & 1) != 0 ? -1.0 : 1.0;
    const int bias = (1 << (exponent - 1)) - 1;
    if (field == (1 << exponent) - 1) {
        const bool all_ones = (bits & ((1ULL << fraction) - 1)) == (1ULL << fraction) - 1;
        if (infinities ? part != 0 : all_ones) {
            return std::numeric_limits<double>::quiet_NaN();
        }
        if (infinities) {
            return sign * std::numeric_limits<double>::infinity();
        }
    }
    const double scaled =
        field == 0 ? std::ldexp(part, 1 - bias - fraction)
                   : std::ldexp(part + std::ldexp(1.0, fraction), field - bias - fraction);
    return sign * scaled;
}

double integer(std::uint64_t bits, int width, bool is_signed) {
    const std::uint64_t field = bits & ((1ULL << width) - 1);
    const bool negative = is_signed && (field >> (width - 1)) != 0;
    return static_cast<double>(field) - (negative ? std::ldexp(1.0, width) : 0.0);
}

const Type k_types[] = {
    {"f16",
     16,
     [](std::uint64_t b) {
         return small_float(b, 5, 10, true);
     }},
    {"bf16",
     16,
     [](std::uint64_t b) {
         return small_float(b, 8, 7, true);
     }},
    {"tf32",
     32,
     [](std::uint64_t b) {
         return small_float(b >> 13 & 0x7FFFF, 8, 10, true);
     }},
    {"e4m3",
     8,
     [](std::uint64_t b) {
         return small_float(b, 4, 3, false);
     }},
    {"e5m2",
     8,
     [](std::uint64_t b) {
         return small_float(b, 5, 2, true);
     }},
    {"f32",
     32,
     [](std::uint64_t b) {
         return small_float(b, 8, 23, true);
     }},
    {"f64",
     64,
     [](std::uint64_t b) {
         return std::bit_cast<double>(b);
     }},
    {"s8",
     8,
     [](std::uint64_t b) {
         return integer(b, 8, true);
     }},
    {"u8",
     8,
     [](std::uint64_t b) {
         return integer(b, 8, false);
     }},
    {"s4",
     4,
     [](std::uint64_t b) {
         return integer(b, 4, true);
     }},
    {"u4",
     4,
     [](std::uint64_t b) {
         return integer(b, 4, false);
     }},
    {"b1",
     1,
     [](std::uint64_t b) {
         return integer(b, 1, false);
     }},
    {"s32",
     32,
     [](std::uint64_t b) {
         return integer(b, 32, true);
     }},
};

constexpr std::size_t k_slot_bytes = 256;
constexpr std::size_t k_most_slots = 192;

struct Frame {
    alignas(64) std::array<std::byte, k_slot_bytes * k_most_slots> bytes{};
};

std::uint64_t element_mask(int bits) {
    return bits == 64 ? ~0ULL : (1ULL << bits) - 1;
}

}  // namespace

const Type& type_of(const std::string& name) {
    for (const Type& type : k_types) {
        if (name == type.name) {
            return type;
        }
    }
    throw std::runtime_error("no type " + name);
}

std::uint32_t f32_bits(long double value) {
    return std::isnan(value) ? 0x7FFFFFFFU
                             : std::bit_cast<std::uint32_t>(static_cast<float>(value));
}

std::uint32_t f16_bits(double value) {
    if (std::isnan(value)) {
        return 0x7FFF;
    }
    const std::uint32_t sign = std::signbit(value) ? 0x8000U : 0U;
    const double size = std::fabs(value);
    if (size >= 65520.0) {
        return sign | 0x7C00U;
    }
    const int exponent = size < 0x1p-14 ? -14 : std::ilogb(size);
    const auto units = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(size, 10 - exponent)));
    return sign | ((static_cast<std::uint32_t>(exponent + 14) << 10) + units);
}

Fragment fragment_of(
    const Matrix& matrix, int bits, int elements, const Map& map, int register_bits) {
    const int each = register_bits / bits;
    Fragment fragment;
    fragment.registers = (elements + each - 1) / each;
    fragment.register_bits = register_bits;
    fragment.lanes.resize(static_cast<std::size_t>(fragment.registers) * 32);
    for (int lane = 0; lane < 32; ++lane) {
        for (int i = 0; i < elements; ++i) {
            const Place place = map(i, lane);
            const std::uint64_t value = matrix.at(place.row, place.column) & element_mask(bits);
            fragment.lanes[static_cast<std::size_t>(i / each * 32 + lane)] |= value
                                                                              << (i % each * bits);
        }
    }
    return fragment;
}

Matrix matrix_of(
    const Fragment& fragment, int rows, int columns, int bits, int elements, const Map& map) {
    const int each = fragment.register_bits / bits;
    Matrix matrix(rows, columns);
    for (int lane = 0; lane < 32; ++lane) {
        for (int i = 0; i < elements; ++i) {
            const Place place = map(i, lane);
            matrix.at(place.row, place.column) =
                fragment.lanes[static_cast<std::size_t>(i / each * 32 + lane)] >>
                    (i % each * bits) &
                element_mask(bits);
        }
    }
    return matrix;
}

Binding binding_of(const std::string& opcode) {
    const std::optional<Resolved> found = resolve(opcode);
    INFO(opcode);
    REQUIRE(found);
    return opcode_rows()[found->row].bind(found->match);
}

namespace {

Fragment run_once(
    const Binding& binding,
    int results,
    int result_bits,
    const std::vector<Fragment>& sources,
    Lanes active) {
    auto frame = std::make_unique<Frame>();
    std::vector<std::uint32_t> slots;
    const auto put = [&](int bits, const std::uint64_t* values) {
        const auto slot = static_cast<std::uint32_t>(slots.size() * k_slot_bytes);
        slots.push_back(slot);
        for (std::size_t lane = 0; values != nullptr && lane < 32; ++lane) {
            std::memcpy(
                frame->bytes.data() + slot + lane * static_cast<std::size_t>(bits / 8),
                &values[lane],
                static_cast<std::size_t>(bits / 8));
        }
    };
    for (int r = 0; r < results; ++r) {
        put(result_bits, nullptr);
    }
    for (const Fragment& source : sources) {
        for (int r = 0; r < source.registers; ++r) {
            put(source.register_bits, source.lanes.data() + r * 32);
        }
    }
    REQUIRE(slots.size() <= k_most_slots);
    Insn insn;
    insn.run = binding.run;
    insn.mods = binding.mods;
    insn.slot = slots.data();
    insn.slots = static_cast<std::uint16_t>(slots.size());
    CHECK(insn.slots >= binding.slots_min);
    CHECK(insn.slots <= binding.slots_max);
    Warp warp;
    warp.frame = frame->bytes.data();
    insn.run(insn, warp, active);
    Fragment out;
    out.registers = results;
    out.register_bits = result_bits;
    for (int r = 0; r < results; ++r) {
        for (std::size_t lane = 0; lane < 32; ++lane) {
            std::uint64_t value = 0;
            std::memcpy(
                &value,
                frame->bytes.data() + slots[static_cast<std::size_t>(r)] +
                    lane * static_cast<std::size_t>(result_bits / 8),
                static_cast<std::size_t>(result_bits / 8));
            out.lanes.push_back(value);
        }
    }
    return out;
}

}  // namespace

Fragment run_matrix(
    const std::string& opcode,
    int results,
    int result_bits,
    const std::vector<Fragment>& sources,
    Lanes active) {
    const bool allowed = modern_allowed();
    const Fragment first = run_once(binding_of(opcode), results, result_bits, sources, active);
    modern_allowed() = false;
    const Fragment plain = run_once(binding_of(opcode), results, result_bits, sources, active);
    modern_allowed() = allowed;
    CHECK(first.lanes == plain.lanes);
    return first;
}

std::uint64_t some_element(const Type& type, Random& random, int mode) {
    const std::uint64_t bits = random.next() & element_mask(type.bits);
    const bool real =
        type.name[0] == 'f' || type.name[0] == 'b' || type.name[0] == 't' || type.name[0] == 'e';
    if (!real || type.bits < 8 || mode == 2) {
        return bits;  // integers; or anything, NaN and infinities too
    }
    while (true) {
        const std::uint64_t other = random.next() & element_mask(type.bits);
        const double value = type.value(other);
        if (!std::isfinite(value)) {
            continue;
        }
        if (mode == 1) {
            return other;  // any finite number, subnormals and huge ones too
        }
        const double size = std::fabs(value);
        if (size == 0 || (size > 0x1p-4 && size < 16)) {
            return other;
        }
    }
}

Matrix some_matrix(int rows, int columns, const Type& type, Random& random, int mode) {
    Matrix matrix(rows, columns);
    for (std::uint64_t& bits : matrix.bits) {
        bits = some_element(type, random, mode);
    }
    return matrix;
}

namespace {

bool right_integer(const Product& types, long double sum, std::uint64_t d) {
    auto wide = static_cast<std::int64_t>(sum);
    if (types.saturate) {
        wide = std::min<std::int64_t>(std::max<std::int64_t>(wide, INT32_MIN), INT32_MAX);
    }
    return static_cast<std::uint32_t>(wide) == static_cast<std::uint32_t>(d);
}

bool right_real(const Product& types, long double sum, long double sizes, std::uint64_t d) {
    const bool half = types.d.bits == 16;
    const double got = types.d.value(d);
    if (std::isnan(sum)) {
        return d == (half ? 0x7FFFU : 0x7FFFFFFFU);
    }
    // An infinite sum, or one that rounds to infinity: a sum near the limit may go either way.
    const long double slack = sizes * 0x1p-48L;
    const auto rounded = [&](long double value) {
        return half ? types.d.value(f16_bits(static_cast<double>(value)))
                    : types.d.value(f32_bits(value));
    };
    return std::isinf(sum) ? got == static_cast<double>(sum)
                           : got >= rounded(sum - slack) && got <= rounded(sum + slack);
}

}  // namespace

int wrong_elements(
    const Product& types, const Matrix& a, const Matrix& b, const Matrix& c, const Matrix& d) {
    int wrong = 0;
    for (int m = 0; m < a.rows; ++m) {
        for (int n = 0; n < b.columns; ++n) {
            long double sum = types.c.value(c.at(m, n));
            long double sizes = std::fabs(sum);
            for (int k = 0; k < a.columns; ++k) {
                const long double product =
                    static_cast<long double>(types.a.value(a.at(m, k))) * types.b.value(b.at(k, n));
                sum += product;
                sizes += std::fabs(product);
            }
            const bool right = std::string(types.d.name) == "s32"
                                   ? right_integer(types, sum, d.at(m, n))
                                   : right_real(types, sum, sizes, d.at(m, n));
            wrong += right ? 0 : 1;
        }
    }
    return wrong;
}

}  // namespace kw::emu::test
