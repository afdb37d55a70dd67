// SPDX-License-Identifier: Apache-2.0
// mma.sync: the fragment maps below are those of the PTX ISA 9.0, section "Matrix Fragments for
// mma.m...", one formula a shape, where group is lane / 4 and member lane % 4.
#include "tests/unit/evaluator/emulated/matrix/matrices.hpp"

#include <bit>
#include <cmath>

using namespace kw::emu;
using namespace kw::emu::test;

namespace {

int group(int lane) {
    return lane / 4;
}
int member(int lane) {
    return lane % 4;
}

/// C and D of every shape with 16 rows: c0 c1 in row group, c2 c3 eight below.
Place c16(int i, int lane) {
    return {i < 2 ? group(lane) : group(lane) + 8, member(lane) * 2 + (i & 1)};
}
Place c8(int i, int lane) {
    return {group(lane), member(lane) * 2 + i};
}

struct Shape {
    int m, n, k;
    int a_elements, b_elements;
    Map a, b;
    [[nodiscard]] std::string name() const {
        return "m" + std::to_string(m) + "n" + std::to_string(n) + "k" + std::to_string(k);
    }
    [[nodiscard]] Map c() const { return m == 16 ? Map(c16) : Map(c8); }
    [[nodiscard]] int c_elements() const { return m * n / 32; }
};

// 16-bit elements.
Shape m16n8k8_half() {
    return {
        16,
        8,
        8,
        4,
        2,
        [](int i, int l) {
            return Place{i < 2 ? group(l) : group(l) + 8, member(l) * 2 + (i & 1)};
        },
        [](int i, int l) {
            return Place{member(l) * 2 + i, group(l)};
        }};
}
Shape m16n8k16_half() {
    return {
        16,
        8,
        16,
        8,
        4,
        [](int i, int l) {
            const bool upper = (0 <= i && i < 2) || (4 <= i && i < 6);
            return Place{
                upper ? group(l) : group(l) + 8,
                i < 4 ? member(l) * 2 + (i & 1) : member(l) * 2 + (i & 1) + 8};
        },
        [](int i, int l) {
            return Place{i < 2 ? member(l) * 2 + (i & 1) : member(l) * 2 + (i & 1) + 8, group(l)};
        }};
}
// tf32.
Shape m16n8k4_tf32() {
    return {
        16,
        8,
        4,
        2,
        1,
        [](int i, int l) {
            return Place{i == 0 ? group(l) : group(l) + 8, member(l)};
        },
        [](int, int l) {
            return Place{member(l), group(l)};
        }};
}
Shape m16n8k8_tf32() {
    return {
        16,
        8,
        8,
        4,
        2,
        [](int i, int l) {
            return Place{
                i == 0 || i == 2 ? group(l) : group(l) + 8, i < 2 ? member(l) : member(l) + 4};
        },
        [](int i, int l) {
            return Place{i == 0 ? member(l) : member(l) + 4, group(l)};
        }};
}
// f64.
Shape m8n8k4_double() {
    return {
        8,
        8,
        4,
        1,
        1,
        [](int, int l) {
            return Place{group(l), member(l)};
        },
        [](int, int l) {
            return Place{member(l), group(l)};
        }};
}
Shape m16n8_double(int k) {
    return {
        16,
        8,
        k,
        k / 2,
        k / 4,
        [](int i, int l) {
            return Place{
                i % 2 == 0 ? group(l) : group(l) + 8,
                i % 2 == 0 ? i * 2 + member(l) : i * 2 - 2 + member(l)};
        },
        [](int i, int l) {
            return Place{i * 4 + member(l), group(l)};
        }};
}
// 8-bit elements.
Shape m8n8k16_byte() {
    return {
        8,
        8,
        16,
        4,
        4,
        [](int i, int l) {
            return Place{group(l), member(l) * 4 + i};
        },
        [](int i, int l) {
            return Place{member(l) * 4 + i, group(l)};
        }};
}
Shape m16n8k16_byte() {
    return {
        16,
        8,
        16,
        8,
        4,
        [](int i, int l) {
            return Place{i < 4 ? group(l) : group(l) + 8, member(l) * 4 + (i & 3)};
        },
        [](int i, int l) {
            return Place{member(l) * 4 + i, group(l)};
        }};
}
Shape m16n8k32_byte() {
    return {
        16,
        8,
        32,
        16,
        8,
        [](int i, int l) {
            const bool upper = (0 <= i && i < 4) || (8 <= i && i < 12);
            return Place{
                upper ? group(l) : group(l) + 8,
                i < 8 ? member(l) * 4 + (i & 3) : member(l) * 4 + (i & 3) + 16};
        },
        [](int i, int l) {
            return Place{i < 4 ? member(l) * 4 + (i & 3) : member(l) * 4 + (i & 3) + 16, group(l)};
        }};
}
// 4-bit elements.
Shape m8n8k32_nibble() {
    return {
        8,
        8,
        32,
        8,
        8,
        [](int i, int l) {
            return Place{group(l), member(l) * 8 + i};
        },
        [](int i, int l) {
            return Place{member(l) * 8 + i, group(l)};
        }};
}
Shape m16n8k32_nibble() {
    return {
        16,
        8,
        32,
        16,
        8,
        [](int i, int l) {
            return Place{i < 8 ? group(l) : group(l) + 8, member(l) * 8 + (i & 7)};
        },
        [](int i, int l) {
            return Place{member(l) * 8 + (i & 7), group(l)};
        }};
}
Shape m16n8k64_nibble() {
    return {
        16,
        8,
        64,
        32,
        16,
        [](int i, int l) {
            const bool upper = (0 <= i && i < 8) || (16 <= i && i < 24);
            return Place{
                upper ? group(l) : group(l) + 8,
                i < 16 ? member(l) * 8 + (i & 7) : member(l) * 8 + (i & 7) + 32};
        },
        [](int i, int l) {
            return Place{i < 8 ? member(l) * 8 + (i & 7) : member(l) * 8 + (i & 7) + 32, group(l)};
        }};
}
// Single bits.
Shape m8n8k128_bit() {
    return {
        8,
        8,
        128,
        32,
        32,
        [](int i, int l) {
            return Place{group(l), member(l) * 32 + i};
        },
        [](int i, int l) {
            return Place{member(l) * 32 + i, group(l)};
        }};
}
Shape m16n8k128_bit() {
    return {
        16,
        8,
        128,
        64,
        32,
        [](int i, int l) {
            return Place{i < 32 ? group(l) : group(l) + 8, member(l) * 32 + (i & 31)};
        },
        [](int i, int l) {
            return Place{member(l) * 32 + i, group(l)};
        }};
}
Shape m16n8k256_bit() {
    return {
        16,
        8,
        256,
        128,
        64,
        [](int i, int l) {
            const bool upper = i < 32 || (64 <= i && i < 96);
            return Place{
                upper ? group(l) : group(l) + 8,
                i < 64 ? member(l) * 32 + (i & 31) : member(l) * 32 + (i & 31) + 128};
        },
        [](int i, int l) {
            return Place{
                i < 32 ? member(l) * 32 + (i & 31) : member(l) * 32 + (i & 31) + 128, group(l)};
        }};
}

/// D of the opcode for these matrices.
Matrix multiply(
    const std::string& opcode,
    const Shape& shape,
    const Product& types,
    const Matrix& a,
    const Matrix& b,
    const Matrix& c) {
    const int wide = types.a.bits == 64 ? 64 : 32;
    const Fragment d = run_matrix(
        opcode,
        shape.c_elements() * types.d.bits / wide,
        wide,
        {fragment_of(a, types.a.bits, shape.a_elements, shape.a, wide),
         fragment_of(b, types.b.bits, shape.b_elements, shape.b, wide),
         fragment_of(c, types.c.bits, shape.c_elements(), shape.c(), wide)});
    return matrix_of(d, shape.m, shape.n, types.d.bits, shape.c_elements(), shape.c());
}

/// Random matrices of every kind (integers have one).
void check(const std::string& opcode, const Shape& shape, const Product& types) {
    INFO(opcode);
    Random random{std::hash<std::string>{}(opcode)};
    for (int round = 0; round < 24; ++round) {
        const Matrix a = some_matrix(shape.m, shape.k, types.a, random, round % 3);
        const Matrix b = some_matrix(shape.k, shape.n, types.b, random, round % 3);
        const Matrix c = some_matrix(shape.m, shape.n, types.c, random, round % 3);
        CHECK(wrong_elements(types, a, b, c, multiply(opcode, shape, types, a, b, c)) == 0);
    }
}

void check_real(
    const Shape& shape,
    const std::string& a,
    const std::string& b,
    const std::string& d,
    const std::string& c) {
    check(
        "mma.sync.aligned." + shape.name() + ".row.col." + d + "." + a + "." + b + "." + c,
        shape,
        {type_of(a), type_of(b), type_of(c), type_of(d)});
}

void check_integer(const Shape& shape, const std::string& a, const std::string& b) {
    for (const bool saturate : {false, true}) {
        check(
            "mma.sync.aligned." + shape.name() + ".row.col" + (saturate ? ".satfinite" : "") +
                ".s32." + a + "." + b + ".s32",
            shape,
            {type_of(a), type_of(b), type_of("s32"), type_of("s32"), saturate});
    }
}

}  // namespace

TEST_CASE("mma f16: every shape multiplies as its fragment maps say") {
    KW_GOLDEN("mma_f16");
    for (const char* type : {"f32", "f16"}) {
        check_real(m16n8k8_half(), "f16", "f16", type, type);
        check_real(m16n8k16_half(), "f16", "f16", type, type);
    }
    check_real(m16n8k16_half(), "f16", "f16", "f32", "f16");
    check_real(m16n8k16_half(), "f16", "f16", "f16", "f32");
}

TEST_CASE("mma bf16: every shape multiplies as its fragment maps say") {
    KW_GOLDEN("mma_bf16");
    check_real(m16n8k8_half(), "bf16", "bf16", "f32", "f32");
    check_real(m16n8k16_half(), "bf16", "bf16", "f32", "f32");
}

TEST_CASE("mma tf32: the low bits of the operands do not matter") {
    KW_GOLDEN("mma_tf32");
    check_real(m16n8k4_tf32(), "tf32", "tf32", "f32", "f32");
    check_real(m16n8k8_tf32(), "tf32", "tf32", "f32", "f32");
}

TEST_CASE("mma fp8: every mixture of e4m3 and e5m2") {
    KW_GOLDEN("mma_f8");
    for (const char* a : {"e4m3", "e5m2"}) {
        for (const char* b : {"e4m3", "e5m2"}) {
            for (const char* type : {"f32", "f16"}) {
                check_real(m16n8k16_byte(), a, b, type, type);
                check_real(m16n8k32_byte(), a, b, type, type);
            }
        }
    }
}

TEST_CASE("mma f64: a chain of fma in order of k") {
    KW_GOLDEN("mma_f64");
    for (const Shape& shape :
         {m8n8k4_double(), m16n8_double(4), m16n8_double(8), m16n8_double(16)}) {
        const std::string opcode = "mma.sync.aligned." + shape.name() + ".row.col.f64.f64.f64.f64";
        INFO(opcode);
        const Type& type = type_of("f64");
        Random random{7};
        for (int round = 0; round < 24; ++round) {
            const Matrix a = some_matrix(shape.m, shape.k, type, random, round % 3);
            const Matrix b = some_matrix(shape.k, shape.n, type, random, round % 3);
            const Matrix c = some_matrix(shape.m, shape.n, type, random, round % 3);
            const Matrix d = multiply(opcode, shape, {type, type, type, type}, a, b, c);
            int wrong = 0;
            for (int m = 0; m < shape.m; ++m) {
                for (int n = 0; n < shape.n; ++n) {
                    double sum = std::bit_cast<double>(c.at(m, n));
                    for (int k = 0; k < shape.k; ++k) {
                        sum = std::fma(
                            std::bit_cast<double>(a.at(m, k)),
                            std::bit_cast<double>(b.at(k, n)),
                            sum);
                    }
                    const std::uint64_t bits =
                        std::isnan(sum) ? 0xFFF8000000000000U : std::bit_cast<std::uint64_t>(sum);
                    wrong += d.at(m, n) == bits ? 0 : 1;
                }
            }
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE("mma s8: every shape and mixture of signs wraps or saturates") {
    KW_GOLDEN("mma_s8");
    for (const char* a : {"s8", "u8"}) {
        for (const char* b : {"s8", "u8"}) {
            check_integer(m8n8k16_byte(), a, b);
            check_integer(m16n8k16_byte(), a, b);
            check_integer(m16n8k32_byte(), a, b);
        }
    }
}

TEST_CASE("mma s4: every shape and mixture of signs wraps or saturates") {
    KW_GOLDEN("mma_s4");
    for (const char* a : {"s4", "u4"}) {
        for (const char* b : {"s4", "u4"}) {
            check_integer(m8n8k32_nibble(), a, b);
            check_integer(m16n8k32_nibble(), a, b);
            check_integer(m16n8k64_nibble(), a, b);
        }
    }
}

TEST_CASE("mma integers: sums at the ends of s32 wrap without and stay with satfinite") {
    const Shape shape = m16n8k32_byte();
    const Type& s32 = type_of("s32");
    for (const int sign : {1, -1}) {
        Matrix a(16, 32);
        Matrix b(32, 8);
        Matrix c(16, 8);
        for (std::uint64_t& bits : a.bits) {
            bits = sign > 0 ? 127 : 0x80;
        }
        for (std::uint64_t& bits : b.bits) {
            bits = 127;
        }
        for (std::uint64_t& bits : c.bits) {
            bits = sign > 0 ? 0x7FFFFF00U : 0x80000100U;
        }
        for (const bool saturate : {false, true}) {
            const std::string opcode = std::string("mma.sync.aligned.m16n8k32.row.col") +
                                       (saturate ? ".satfinite" : "") + ".s32.s8.s8.s32";
            const Matrix d =
                multiply(opcode, shape, {type_of("s8"), type_of("s8"), s32, s32}, a, b, c);
            const std::uint32_t dot =
                static_cast<std::uint32_t>(32 * 127 * (sign > 0 ? 127 : -128));
            const std::uint32_t wrapped = static_cast<std::uint32_t>(c.at(0, 0)) + dot;
            const std::uint32_t limit = sign > 0 ? 0x7FFFFFFFU : 0x80000000U;
            CHECK(d.at(0, 0) == (saturate ? limit : wrapped));
            CHECK(d.at(15, 7) == (saturate ? limit : wrapped));
        }
    }
}

TEST_CASE("mma b1: counts the bits of xor and of and") {
    KW_GOLDEN("mma_b1");
    for (const Shape& shape : {m8n8k128_bit(), m16n8k128_bit(), m16n8k256_bit()}) {
        for (const bool exclusive : {false, true}) {
            const std::string opcode = "mma.sync.aligned." + shape.name() +
                                       ".row.col.s32.b1.b1.s32" +
                                       (exclusive ? ".xor.popc" : ".and.popc");
            INFO(opcode);
            Random random{11};
            const Type& bit = type_of("b1");
            const Type& s32 = type_of("s32");
            for (int round = 0; round < 8; ++round) {
                const Matrix a = some_matrix(shape.m, shape.k, bit, random, 0);
                const Matrix b = some_matrix(shape.k, shape.n, bit, random, 0);
                const Matrix c = some_matrix(shape.m, shape.n, s32, random, 0);
                const Matrix d = multiply(opcode, shape, {bit, bit, s32, s32}, a, b, c);
                int wrong = 0;
                for (int m = 0; m < shape.m; ++m) {
                    for (int n = 0; n < shape.n; ++n) {
                        auto sum = static_cast<std::uint32_t>(c.at(m, n));
                        for (int k = 0; k < shape.k; ++k) {
                            const bool x = a.at(m, k) != 0;
                            const bool y = b.at(k, n) != 0;
                            sum += (exclusive ? x != y : x && y) ? 1 : 0;
                        }
                        wrong += sum == d.at(m, n) ? 0 : 1;
                    }
                }
                CHECK(wrong == 0);
            }
        }
    }
}

TEST_CASE("mma: specials follow IEEE and come out canonical") {
    const Shape shape = m16n8k16_half();
    const Type& half = type_of("f16");
    const Type& single = type_of("f32");
    const std::string opcode = "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32";
    const auto first = [&](std::uint64_t a0,
                           std::uint64_t b0,
                           std::uint64_t a1,
                           std::uint64_t b1,
                           std::uint64_t c0) {
        Matrix a(16, 16);
        Matrix b(16, 8);
        Matrix c(16, 8);
        a.at(3, 5) = a0;
        b.at(5, 2) = b0;
        a.at(3, 12) = a1;
        b.at(12, 2) = b1;
        c.at(3, 2) = c0;
        return multiply(opcode, shape, {half, half, single, single}, a, b, c).at(3, 2);
    };
    CHECK(first(0x7C00, 0x3C00, 0, 0, 0) == 0x7F800000);            // inf * 1
    CHECK(first(0x7C00, 0x3C00, 0xFC00, 0x3C00, 0) == 0x7FFFFFFF);  // inf - inf
    CHECK(first(0x7C00, 0, 0, 0, 0) == 0x7FFFFFFF);                 // inf * 0
    CHECK(first(0x7E01, 0x3C00, 0, 0, 0) == 0x7FFFFFFF);            // NaN
    CHECK(first(0, 0, 0, 0, 0xFFC12345) == 0x7FFFFFFF);             // NaN in C
    CHECK(first(0x0001, 0x3C00, 0, 0, 0) == 0x33800000);            // subnormal f16: 2^-24
    CHECK(first(0x0001, 0x0001, 0, 0, 0) == 0x27800000);            // 2^-48
    CHECK(first(0, 0, 0, 0, 1) == 1);                               // subnormal f32 stays
    CHECK(first(0x7BFF, 0x7BFF, 0x7BFF, 0x7BFF, 0x7F7FFFFF) == 0x7F7FFFFF);
    CHECK(first(0x3C00, 0x3C00, 0, 0, 0x7F800000) == 0x7F800000);
    // 1 + 2^-24 - 1 keeps what an f32 sum would lose: one rounding at the end.
    CHECK(first(0x0001, 0x3C00, 0xBC00, 0x3C00, 0x3F800000) == 0x33800000);
}

TEST_CASE("mma: sums that are too large for f16 become infinite") {
    const Shape shape = m16n8k16_half();
    const Type& half = type_of("f16");
    Matrix a(16, 16);
    Matrix b(16, 8);
    const Matrix c(16, 8);
    a.at(0, 0) = 0x7BFF;
    b.at(0, 0) = 0x4000;
    const Matrix d = multiply(
        "mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16",
        shape,
        {half, half, half, half},
        a,
        b,
        c);
    CHECK(d.at(0, 0) == 0x7C00);
    CHECK(d.at(0, 1) == 0);
}

TEST_CASE("mma: lanes that are not there keep what they have") {
    const Shape shape = m16n8k32_byte();
    Random random{5};
    const Matrix a = some_matrix(16, 32, type_of("s8"), random, 0);
    const Matrix b = some_matrix(32, 8, type_of("s8"), random, 0);
    const Matrix c = some_matrix(16, 8, type_of("s32"), random, 0);
    const std::vector<Fragment> sources = {
        fragment_of(a, 8, 16, shape.a), fragment_of(b, 8, 8, shape.b), fragment_of(c, 32, 4, c16)};
    const std::string opcode = "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32";
    const Fragment whole = run_matrix(opcode, 4, 32, sources);
    const Fragment part = run_matrix(opcode, 4, 32, sources, 0x0F0F0F0FU);
    for (std::size_t i = 0; i < part.lanes.size(); ++i) {
        const bool active = (0x0F0F0F0FU >> (i % 32) & 1) != 0;
        CHECK(part.lanes[i] == (active ? whole.lanes[i] : 0));
    }
}

TEST_CASE("matrix rows: each has a golden test") {
    CHECK(golden_gaps({"matrix"}) == std::vector<std::string>{});
}
