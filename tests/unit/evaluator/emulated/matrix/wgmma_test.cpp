// SPDX-License-Identifier: Apache-2.0
// wgmma: operands in shared memory, laid out below as the PTX ISA draws the swizzles (atoms of
// eight lines in which 16-byte units change places), and whole programs of one warpgroup.
#include "tests/unit/evaluator/emulated/machine/device.hpp"
#include "tests/unit/evaluator/emulated/matrix/matrices.hpp"

using namespace kw::emu;
using namespace kw::emu::test;

namespace {

constexpr int k_b_at = 64 * 1024;  ///< where B begins in shared memory
constexpr int k_shared = 192 * 1024;

/// The swizzle of an operand: bytes of a line of its atoms; 16: none.
struct Layout {
    int line = 128;
    bool transposed = false;
    int skip = 0;  ///< units of 16 bytes left out at the beginning of each line (K-major)
};

/// Where unit `unit` of line `line` of an atom comes to lie: the ISA's pictures.
int swapped(const Layout& layout, int line, int unit) {
    switch (layout.line) {
        case 128: return unit ^ (line % 8);
        case 64: return unit ^ (line % 8 / 2);
        case 32: return unit ^ (line % 8 / 4);
        default: return unit;
    }
}

// Distances that leave gaps, so that a wrong one is seen.
constexpr int k_group = 1024;         ///< from eight lines to the next eight
constexpr int k_none_group = 384;     ///< the same without a swizzle
constexpr int k_none_unit = 128;      ///< from unit to unit of 16 bytes, without a swizzle
constexpr int k_column_group = 2048;  ///< transposed: from one atom of rows to the next

/// Byte address of byte `byte` (of 32) of row `row`, from the operand's beginning.
int place(const Layout& layout, int row, int byte) {
    if (!layout.transposed) {
        const int unit = byte / 16;
        if (layout.line == 16) {
            return row / 8 * k_none_group + unit * k_none_unit + row % 8 * 16 + byte % 16;
        }
        return row / 8 * k_group + row % 8 * layout.line +
               swapped(layout, row, layout.skip + unit) * 16 + byte % 16;
    }
    const int k = byte / 2;
    const int unit = row / 8;
    const int inside = row % 8 * 2 + byte % 2;
    if (layout.line == 16) {
        return unit * k_none_group + k / 8 * k_none_unit + k % 8 * 16 + inside;
    }
    const int units = layout.line / 16;
    return unit / units * k_column_group + k / 8 * k_group + k % 8 * layout.line +
           swapped(layout, k, unit % units) * 16 + inside;
}

std::uint64_t descriptor(const Layout& layout, int start) {
    int leading = 16;
    int stride = k_group;
    if (layout.line == 16) {
        leading = k_none_unit;
        stride = k_none_group;
    } else if (layout.transposed) {
        leading = k_column_group;
    }
    const std::uint64_t mode = layout.line == 16    ? 0
                               : layout.line == 128 ? 1
                               : layout.line == 64  ? 2
                                                    : 3;
    const auto field = [](int bytes) {
        return static_cast<std::uint64_t>(bytes >> 4);
    };
    return field(start + layout.skip * 16) | field(leading) << 16 | field(stride) << 32 |
           mode << 62;
}

/// Elements of `matrix`, a row of 32 bytes each, put into shared memory.
void put(
    std::vector<std::uint8_t>& shared,
    const Matrix& matrix,
    int bits,
    const Layout& layout,
    int start) {
    for (int row = 0; row < matrix.rows; ++row) {
        std::vector<std::uint8_t> line(32);
        for (int k = 0; k < matrix.columns; ++k) {
            for (int bit = 0; bit < bits; ++bit) {
                const int at = k * bits + bit;
                std::uint8_t& byte = line[static_cast<std::size_t>(at / 8)];
                byte = static_cast<std::uint8_t>(byte | (matrix.at(row, k) >> bit & 1) << (at % 8));
            }
        }
        for (int byte = 0; byte < 32; ++byte) {
            shared[static_cast<std::size_t>(start + place(layout, row, byte))] =
                line[static_cast<std::size_t>(byte)];
        }
    }
}

struct Form {
    int n;
    std::string a, b, d;
    Layout a_layout, b_layout;
    bool a_registers = false;
    bool scale_d = true;
    int sign_a = 1;
    int sign_b = 1;
    bool saturate = false;
};

int depth_of(const Form& form) {
    return 256 / type_of(form.a).bits;
}

std::string opcode_of(const Form& form) {
    const std::string shape = "m64n" + std::to_string(form.n) + "k" +
                              std::to_string(depth_of(form)) + (form.saturate ? ".satfinite" : "");
    return "wgmma.mma_async.sync.aligned." + shape + "." + form.d + "." + form.a + "." + form.b +
           (form.a == "b1" ? ".and.popc" : "");
}

std::string number(int value) {
    return std::to_string(value);
}

/// Copies the image to shared memory, loads D and A, multiplies, stores D.
std::string program(const Form& form, int sums) {
    const int bits = type_of(form.a).bits;
    std::string text =
        ".version 8.7\n.target sm_90a\n.address_size 64\n"
        ".extern .shared .align 1024 .b8 tiles[];\n"
        ".visible .entry k(.param .u64 image, .param .u64 a, .param .u64 d,\n"
        ".param .u64 da, .param .u64 db, .param .u32 scale)\n{\n"
        ".reg .b64 %rd<16>;\n.reg .b32 %r<16>;\n.reg .pred %p<4>;\n.reg .b32 %a<4>;\n"
        ".reg .b32 %d<128>;\n"
        "ld.param.u64 %rd0, [image];\nld.param.u64 %rd1, [a];\nld.param.u64 %rd2, [d];\n"
        "ld.param.u64 %rd3, [da];\nld.param.u64 %rd4, [db];\nld.param.u32 %r1, [scale];\n"
        "setp.ne.u32 %p0, %r1, 0;\nmov.u32 %r0, %tid.x;\nmov.u32 %r2, tiles;\n"
        "shl.b32 %r3, %r0, 4;\nadd.u32 %r2, %r2, %r3;\ncvt.u64.u32 %rd5, %r3;\n"
        "add.u64 %rd5, %rd0, %rd5;\nmov.u32 %r4, 0;\n"
        "L:\nld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%rd5];\n"
        "st.shared.v4.u32 [%r2], {%r5, %r6, %r7, %r8};\n"
        "add.u32 %r2, %r2, 2048;\nadd.u64 %rd5, %rd5, 2048;\nadd.u32 %r4, %r4, 2048;\n"
        "setp.lt.u32 %p1, %r4, " +
        number(k_shared) +
        ";\n@%p1 bra L;\nbar.sync 0;\n"
        "mul.wide.u32 %rd6, %r0, 16;\nadd.u64 %rd1, %rd1, %rd6;\n"
        "ld.global.v4.u32 {%a0, %a1, %a2, %a3}, [%rd1];\n"
        "mul.wide.u32 %rd7, %r0, " +
        number(4 * sums) + ";\nadd.u64 %rd2, %rd2, %rd7;\n";
    std::string registers;
    for (int i = 0; i < sums; ++i) {
        text += "ld.global.u32 %d" + number(i) + ", [%rd2+" + number(4 * i) + "];\n";
        registers += (i != 0 ? ", %d" : "%d") + number(i);
    }
    text += "wgmma.fence.sync.aligned;\n" + opcode_of(form) + " {" + registers + "}, ";
    text += form.a_registers ? "{%a0, %a1, %a2, %a3}" : "%rd3";
    text += ", %rd4, %p0";
    const bool integers = form.d == "s32";
    if (!integers) {
        text += ", " + number(form.sign_a) + ", " + number(form.sign_b);
    }
    if (bits == 16) {
        text += form.a_registers ? "" : ", " + number(form.a_layout.transposed ? 1 : 0);
        text += ", " + number(form.b_layout.transposed ? 1 : 0);
    }
    text += ";\nwgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n";
    for (int i = 0; i < sums; ++i) {
        text += "st.global.u32 [%rd2+" + number(4 * i) + "], %d" + number(i) + ";\n";
    }
    return text + "ret;\n}\n";
}

/// D: lane and warp of the group own rows and columns as the ISA's figure for wgmma shows.
struct Sums {
    int bits;
    int registers;
    [[nodiscard]] int elements() const { return registers * 32 / bits; }
    [[nodiscard]] static Place place(int i, int thread) {
        const int row = thread / 32 * 16 + thread % 32 / 4 + (i / 2 % 2) * 8;
        return {row, i / 4 * 8 + thread % 4 * 2 + i % 2};
    }
    /// [thread][register].
    [[nodiscard]] std::vector<std::uint32_t> pack(const Matrix& matrix) const {
        std::vector<std::uint32_t> words(static_cast<std::size_t>(128 * registers));
        for (int thread = 0; thread < 128; ++thread) {
            for (int i = 0; i < elements(); ++i) {
                const Place at = place(i, thread);
                words[static_cast<std::size_t>(thread * registers + i * bits / 32)] |=
                    static_cast<std::uint32_t>(matrix.at(at.row, at.column) << (i * bits % 32));
            }
        }
        return words;
    }
    [[nodiscard]] Matrix unpack(const std::vector<std::uint32_t>& words, int n) const {
        Matrix matrix(64, n);
        for (int thread = 0; thread < 128; ++thread) {
            for (int i = 0; i < elements(); ++i) {
                const Place at = place(i, thread);
                const std::uint32_t word =
                    words[static_cast<std::size_t>(thread * registers + i * bits / 32)];
                matrix.at(at.row, at.column) =
                    bits == 32 ? word : word >> (i * bits % 32) & 0xFFFFU;
            }
        }
        return matrix;
    }
};

/// A in registers: four of them hold 32 bytes of rows g and g + 8 in the order of mma.
std::vector<std::uint32_t> pack_a(const Matrix& a, int bits) {
    std::vector<std::uint32_t> words(128 * 4);
    const int each = 32 / bits;
    for (int thread = 0; thread < 128; ++thread) {
        for (int i = 0; i < 4 * each; ++i) {
            const int reg = i / each;
            const int row = thread / 32 * 16 + thread % 32 / 4 + reg % 2 * 8;
            const int k = (reg / 2 * 4 + thread % 4) * each + i % each;
            words[static_cast<std::size_t>(thread * 4 + reg)] |=
                static_cast<std::uint32_t>(a.at(row, k) << (i % each * bits));
        }
    }
    return words;
}

Matrix transposed(const Matrix& matrix) {
    Matrix out(matrix.columns, matrix.rows);
    for (int row = 0; row < matrix.rows; ++row) {
        for (int column = 0; column < matrix.columns; ++column) {
            out.at(column, row) = matrix.at(row, column);
        }
    }
    return out;
}

/// Flips the signs of numbers whose sign bit is the highest.
Matrix negated(Matrix matrix, int bits) {
    for (std::uint64_t& value : matrix.bits) {
        value ^= 1ULL << (bits - 1);
    }
    return matrix;
}

void check(const Form& form, int mode, bool watched = false) {
    const Type& a_type = type_of(form.a);
    const Type& b_type = type_of(form.b);
    const Type& d_type = type_of(form.d);
    Random random{static_cast<std::uint64_t>(form.n + mode)};
    const Matrix a = some_matrix(64, depth_of(form), a_type, random, mode);
    const Matrix b = some_matrix(depth_of(form), form.n, b_type, random, mode);
    const Matrix c = some_matrix(64, form.n, d_type, random, mode);
    std::vector<std::uint8_t> shared(k_shared, 0x5A);
    put(shared, a, a_type.bits, form.a_layout, 0);
    put(shared, transposed(b), b_type.bits, form.b_layout, k_b_at);
    const Sums sums{d_type.bits, form.n / 2 * d_type.bits / 32};
    const std::string text = program(form, sums.registers);
    INFO(
        opcode_of(form) << " lines of " << form.a_layout.line << " and " << form.b_layout.line
                        << (form.a_layout.transposed ? " A transposed" : "")
                        << (form.b_layout.transposed ? " B transposed" : ""));
    Device device(text);
    device.options.checks = watched ? Checks::all() : Checks{};
    Launch launch;
    launch.kernel = "k";
    launch.block = {128, 1, 1};
    launch.dynamic_shared = k_shared;
    const Report report = device.launch(
        launch,
        {device.input("image", shared),
         device.input("a", pack_a(a, a_type.bits)),
         device.in_out("d", sums.pack(c)),
         value(descriptor(form.a_layout, 0)),
         value(descriptor(form.b_layout, k_b_at)),
         value(static_cast<std::uint32_t>(form.scale_d ? 1 : 0))});
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    CHECK(report.findings.empty());
    const Matrix d = sums.unpack(device.read<std::uint32_t>("d"), form.n);
    const Matrix used = form.sign_a * form.sign_b < 0 ? negated(a, a_type.bits) : a;
    CHECK(
        wrong_elements(
            {a_type, b_type, d_type, d_type, form.saturate},
            used,
            b,
            form.scale_d ? c : Matrix(64, form.n),
            d) == 0);
}

constexpr int k_lines[] = {16, 32, 64, 128};

}  // namespace

TEST_CASE("wgmma f16: every swizzle and transposition of A and B") {
    KW_GOLDEN("wgmma_f16");
    KW_GOLDEN("wgmma_fence");
    KW_GOLDEN("wgmma_commit");
    KW_GOLDEN("wgmma_wait");
    for (const int line : k_lines) {
        for (int i = 0; i < 4; ++i) {
            Form form{64, "f16", "f16", "f32", {line, (i & 1) != 0}, {line, (i & 2) != 0}};
            check(form, i % 3);
            form.n = 24;
            form.d = "f16";
            form.b_layout.line = k_lines[i];
            check(form, i % 3, true);
        }
    }
}

TEST_CASE("wgmma bf16: a slice of a longer line begins inside the swizzle") {
    KW_GOLDEN("wgmma_bf16");
    for (const int skip : {2, 4, 6}) {
        Form form{40, "bf16", "bf16", "f32", {128, false, skip}, {128, false, 6 - skip}};
        check(form, 0);
        form.a_registers = true;
        check(form, 1);
    }
    Form narrow{8, "bf16", "bf16", "f32", {64, false, 2}, {64, false, 2}};
    check(narrow, 0);
}

TEST_CASE("wgmma: sums are dropped and operands negated as the immediates say") {
    for (const char* type : {"f16", "bf16", "tf32", "e4m3"}) {
        for (int i = 0; i < 8; ++i) {
            Form form{16, type, type, "f32", {}, {}};
            form.scale_d = (i & 1) != 0;
            form.sign_a = (i & 2) != 0 ? 1 : -1;
            form.sign_b = (i & 4) != 0 ? 1 : -1;
            check(form, 0);
            form.a_registers = true;
            check(form, 0);
        }
    }
}

TEST_CASE("wgmma tf32 and fp8: every swizzle") {
    KW_GOLDEN("wgmma_tf32");
    KW_GOLDEN("wgmma_f8");
    for (const int line : k_lines) {
        check({32, "tf32", "tf32", "f32", {line}, {line}}, 1);
        for (const char* a : {"e4m3", "e5m2"}) {
            for (const char* b : {"e4m3", "e5m2"}) {
                check({48, a, b, "f32", {line}, {line}}, 2);
                check({8, a, b, "f16", {line}, {line}, true}, 0);
            }
        }
    }
}

TEST_CASE("wgmma s8 and b1: every mixture of signs") {
    KW_GOLDEN("wgmma_s8");
    KW_GOLDEN("wgmma_b1");
    for (const int line : k_lines) {
        for (const char* a : {"s8", "u8"}) {
            for (const char* b : {"s8", "u8"}) {
                Form form{48, a, b, "s32", {line}, {line}};
                check(form, 0);
                form.saturate = true;
                form.a_registers = true;
                check(form, 0);
                form.scale_d = false;
                check(form, 0);
            }
        }
        check({32, "b1", "b1", "s32", {line}, {line}}, 0);
        check({8, "b1", "b1", "s32", {line}, {line}, true, false}, 0);
    }
}

TEST_CASE("wgmma: the widest and the narrowest product") {
    for (const int n : {8, 256}) {
        for (const bool transpose : {false, true}) {
            for (const int line : k_lines) {
                check({n, "bf16", "bf16", "f32", {128}, {line, transpose}}, 0);
            }
        }
        check({n, "s8", "s8", "s32", {128}, {128}, true}, 0, true);
    }
}

TEST_CASE("wgmma: a descriptor beyond shared memory is found") {
    Form form{8, "bf16", "bf16", "f32", {}, {}};
    Device device(program(form, 4));
    Launch launch;
    launch.kernel = "k";
    launch.block = {128, 1, 1};
    launch.dynamic_shared = k_shared;
    const std::vector<std::uint8_t> shared(k_shared);
    const Report report = device.launch(
        launch,
        {device.input("image", shared),
         device.input("a", std::vector<int>(512)),
         device.in_out("d", std::vector<int>(512)),
         value(descriptor({}, 0)),
         value(descriptor({}, k_shared)),
         value(std::uint32_t{1})});
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].kind == FindingKind::out_of_bounds);
    CHECK(report.findings[0].space == Space::shared);
}

TEST_CASE("wgmma: half a warpgroup is found") {
    Form form{8, "bf16", "bf16", "f32", {}, {}};
    Device device(program(form, 4));
    Launch launch;
    launch.kernel = "k";
    launch.block = {64, 1, 1};
    launch.dynamic_shared = 2 * k_shared;
    device.options.max_shared = 2 * k_shared;
    const std::vector<std::uint8_t> shared(2 * k_shared);
    const Report report = device.launch(
        launch,
        {device.input("image", shared),
         device.input("a", std::vector<int>(512)),
         device.in_out("d", std::vector<int>(512)),
         value(descriptor({}, 0)),
         value(descriptor({}, k_b_at)),
         value(std::uint32_t{1})});
    REQUIRE_FALSE(report.findings.empty());
    CHECK(report.findings[0].kind == FindingKind::unconverged_warp_op);
}
