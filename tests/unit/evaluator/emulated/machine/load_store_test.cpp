// SPDX-License-Identifier: Apache-2.0
// Golden tests of ld and st: every type and vector length of every window moves the right bytes.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/golden.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

namespace kw::emu::test {
namespace {

struct Type {
    const char* name;
    int bytes;
    const char* reg;  ///< a register class of kernel()
};

constexpr Type k_types[] = {
    {"b8", 1, "%r"},
    {"u8", 1, "%h"},
    {"s8", 1, "%r"},
    {"b16", 2, "%h"},
    {"u16", 2, "%h"},
    {"s16", 2, "%r"},
    {"f16", 2, "%h"},
    {"bf16", 2, "%h"},
    {"b32", 4, "%r"},
    {"u32", 4, "%r"},
    {"s32", 4, "%r"},
    {"f16x2", 4, "%r"},
    {"f32", 4, "%f"},
    {"b64", 8, "%rd"},
    {"u64", 8, "%rd"},
    {"s64", 8, "%rd"},
    {"bf16x2", 4, "%r"},
    {"f64", 8, "%fd"},
};

/// {%r8, %r9, ...} or %r8.
std::string registers(const Type& type, int vector) {
    std::string out;
    for (int i = 0; i < vector; ++i) {
        out += (i == 0 ? "" : ", ") + std::string(type.reg) + std::to_string(8 + i);
    }
    return vector == 1 ? out : "{" + out + "}";
}

std::string vector_suffix(int vector) {
    return vector == 1 ? "" : ".v" + std::to_string(vector);
}

/// %rd2, %rd3: this thread's place in `in` and `out`, `bytes` apart.
std::string places(int bytes) {
    const std::string size = std::to_string(bytes);
    return "mul.wide.u32 %rd4, %r0, " + size + ";\nadd.u64 %rd2, %rd0, %rd4;\n" +
           "add.u64 %rd3, %rd1, %rd4;\n";
}

/// Copies noise through a body that moves `bytes` bytes a thread from [%rd2] to [%rd3].
void check_copy(const std::string& body, int bytes, const std::string& globals = "") {
    const auto words = noise(static_cast<std::size_t>(bytes) * 32 / 4);
    const auto out =
        run_values<std::uint32_t>(kernel(places(bytes) + body, globals), words, words.size());
    REQUIRE(out == words);
}

template <class F>
void for_all(F f) {
    for (const Type& type : k_types) {
        for (const int vector : {1, 2, 4}) {
            f(type,
              vector,
              registers(type, vector),
              vector_suffix(vector) + "." + std::string(type.name));
        }
    }
}

}  // namespace

TEST_CASE("machine: ld and st move every type and vector through global memory", "[machine]") {
    KW_GOLDEN("ld_global");
    KW_GOLDEN("st_global");
    for_all([](const Type& type, int vector, const std::string& regs, const std::string& suffix) {
        const int bytes = type.bytes * vector;
        check_copy(
            "ld.global" + suffix + " " + regs + ", [%rd2];\n" + "st.global" + suffix + " [%rd3], " +
                regs + ";\n",
            bytes);
    });
    // Hints, strengths and offsets change nothing.
    for (const char* form :
         {"ld.volatile.global.u32",
          "ld.relaxed.gpu.global.u32",
          "ld.acquire.sys.global.u32",
          "ld.global.nc.L1::no_allocate.L2::128B.u32",
          "ld.global.ca.u32",
          "ld.weak.global.u32",
          "ld.global.cs.nc.u32"}) {
        check_copy(std::string(form) + " %r8, [%rd2];\nst.global.wb.u32 [%rd3], %r8;\n", 4);
    }
    for (const char* form :
         {"st.volatile.global.u32",
          "st.release.gpu.global.u32",
          "st.relaxed.cta.global.u32",
          "st.global.L1::no_allocate.u32"}) {
        check_copy(
            "add.u64 %rd2, %rd2, 400;\nadd.u64 %rd3, %rd3, -16;\nld.global.u32 %r8, "
            "[%rd2+-400];\n" +
                std::string(form) + " [%rd3+16], %r8;\n",
            4);
    }
    check_copy(
        "ld.global.v8.b32 {%r8,%r9,%r10,%r11,%r12,%r13,%r14,%r15}, [%rd2];\n"
        "st.global.v8.b32 [%rd3], {%r8,%r9,%r10,%r11,%r12,%r13,%r14,%r15};\n",
        32);
    check_copy(".reg .b128 %q;\nld.global.b128 %q, [%rd2];\nst.global.b128 [%rd3], %q;\n", 16);
    check_copy(
        ".reg .b64 %pol;\nmov.b64 %pol, 0;\nld.global.L2::cache_hint.v2.f32 {%f8,%f9}, "
        "[%rd2], %pol;\nst.global.L2::cache_hint.v2.f32 [%rd3], {%f8,%f9}, %pol;\n",
        8);
}

TEST_CASE("machine: ld and st move every type and vector through shared memory", "[machine]") {
    KW_GOLDEN("ld_shared");
    KW_GOLDEN("st_shared");
    const std::string variable = ".shared .align 16 .b8 tile[1024];\n";
    for_all([&](const Type& type, int vector, const std::string& regs, const std::string& suffix) {
        const int bytes = type.bytes * vector;
        // Through a 32-bit address and, back, through a 64-bit one.
        check_copy(
            "mov.u32 %r1, tile;\nmad.lo.u32 %r1, %r0, " + std::to_string(bytes) +
                ", %r1;\nmov.u64 %rd5, tile;\nadd.u64 %rd5, %rd5, %rd4;\nld.global" + suffix + " " +
                regs + ", [%rd2];\nst.shared" + suffix + " [%r1], " + regs + ";\nld.shared::cta" +
                suffix + " " + regs + ", [%rd5];\nst.global" + suffix + " [%rd3], " + regs + ";\n",
            bytes,
            variable);
    });
    check_copy(
        "ld.global.u32 %r8, [%rd2];\nmov.u32 %r1, tile;\nmad.lo.u32 %r1, %r0, 4, %r1;\n"
        "st.volatile.shared.u32 [%r1], %r8;\nld.volatile.shared.u32 %r9, [%r1];\n"
        "st.global.u32 [%rd3], %r9;\n",
        4,
        variable);
}

TEST_CASE("machine: ld and st move every type and vector through local memory", "[machine]") {
    KW_GOLDEN("ld_local");
    KW_GOLDEN("st_local");
    KW_GOLDEN("ld_generic");
    KW_GOLDEN("st_generic");
    for_all([](const Type& type, int vector, const std::string& regs, const std::string& suffix) {
        const int bytes = type.bytes * vector;
        // Written as local, read as generic, and the other way round.
        const std::string depot =
            ".local .align 16 .b8 depot[64];\nmov.u64 %rd5, depot;\n"
            "cvta.local.u64 %rd6, %rd5;\n";
        check_copy(
            depot + "ld" + suffix + " " + regs + ", [%rd2];\nst.local" + suffix + " [%rd5+32], " +
                regs + ";\nld" + suffix + " " + regs + ", [%rd6+32];\nst" + suffix + " [%rd6], " +
                regs + ";\nld.local" + suffix + " " + regs + ", [%rd5];\nst" + suffix +
                " [%rd3], " + regs + ";\n",
            bytes);
    });
}

TEST_CASE("machine: a narrow load is extended by its type to the register", "[machine]") {
    const std::vector<std::uint32_t> in = noise(32);
    const auto words = run_values<std::uint64_t>(
        kernel(
            places(4) + "mul.wide.u32 %rd5, %r0, 32;\nadd.u64 %rd5, %rd1, %rd5;\n"
                        "ld.global.s8 %r8, [%rd2];\nld.global.u8 %r9, [%rd2];\n"
                        "ld.global.s16 %r10, [%rd2];\nld.global.u16 %r11, [%rd2];\n"
                        "ld.global.s8 %rd8, [%rd2];\nld.global.s32 %rd9, [%rd2];\n"
                        "st.global.v4.u32 [%rd5], {%r8,%r9,%r10,%r11};\n"
                        "st.global.v2.u64 [%rd5+16], {%rd8,%rd9};\n"),
        in,
        4 * 32);
    for (std::size_t i = 0; i < 32; ++i) {
        const auto s8 = static_cast<std::int8_t>(in[i]);
        const auto s16 = static_cast<std::int16_t>(in[i]);
        const auto low = [&](std::int64_t v) {
            return static_cast<std::uint64_t>(v) & 0xFFFFFFFFu;
        };
        CHECK(words[4 * i] == (low(s8) | (std::uint64_t{in[i] & 0xFF} << 32)));
        CHECK(words[4 * i + 1] == (low(s16) | (std::uint64_t{in[i] & 0xFFFF} << 32)));
        CHECK(words[4 * i + 2] == static_cast<std::uint64_t>(std::int64_t{s8}));
        CHECK(
            words[4 * i + 3] ==
            static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(in[i])}));
    }
}

TEST_CASE("machine: constants and parameters are read with every type", "[machine]") {
    KW_GOLDEN("ld_const");
    KW_GOLDEN("ld_param");
    KW_GOLDEN("st_param");
    KW_GOLDEN("ldu");
    const auto words = noise(64);
    std::string table = ".const .align 16 .b32 table[64] = {";
    for (std::size_t i = 0; i < words.size(); ++i) {
        table += (i == 0 ? "" : ",") + std::to_string(words[i]);
    }
    table +=
        "};\n.func (.param .align 16 .b8 r[32]) same(.param .align 16 .b8 a[32])\n{\n"
        ".reg .b64 %x<4>;\nld.param.v2.b64 {%x0,%x1}, [a];\nld.param.v2.b64 {%x2,%x3}, "
        "[a+16];\nst.param.v2.b64 [r], {%x0,%x1};\nst.param.v2.b64 [r+16], {%x2,%x3};\nret;\n"
        "}\n";
    for_all([&](const Type& type, int vector, const std::string& regs, const std::string& suffix) {
        const int bytes = type.bytes * vector;
        std::string call = "{\n.param .align 16 .b8 p[32];\n.param .align 16 .b8 q[32];\n";
        for (const int at : {0, 8, 16, 24}) {
            call += "st.param.b64 [p+" + std::to_string(at) + "], 0;\n";
        }
        call += "st.param" + suffix + " [p], " + regs + ";\ncall (q), same, (p);\nld.param" +
                suffix + " " + regs + ", [q];\n}\n";
        std::vector<std::byte> expected = bytes_of(words);
        expected.resize(static_cast<std::size_t>(bytes) * 8);
        const auto out = run_kernel(
            kernel(
                places(bytes) + "mov.u64 %rd5, table;\nadd.u64 %rd5, %rd5, %rd4;\nld.const" +
                    suffix + " " + regs + ", [%rd5];\n" + call + "st.global" + suffix +
                    " [%rd3], " + regs + ";\n",
                table),
            {std::byte{0}},
            expected.size(),
            8);
        REQUIRE(out == expected);
    });
    check_copy("ldu.global.u32 %r8, [%rd2];\nst.global.u32 [%rd3], %r8;\n", 4);
    check_copy("ldu.v2.f32 {%f8,%f9}, [%rd2];\nst.global.v2.f32 [%rd3], {%f8,%f9};\n", 8);
}

TEST_CASE("machine: a store writes immediates of its own type", "[machine]") {
    const auto out = run_values<std::uint32_t>(
        kernel(
            places(16) + "st.global.v2.u32 [%rd3], {7, -1};\nst.global.f32 [%rd3+8], "
                         "0f3F800000;\nst.global.u16 [%rd3+12], 4660;\nst.global.u8 [%rd3+14], "
                         "86;\nst.global.u8 [%rd3+15], 120;\n"),
        noise(1),
        4 * 32);
    for (std::size_t i = 0; i < 32; ++i) {
        CHECK(out[4 * i] == 7);
        CHECK(out[4 * i + 1] == 0xFFFFFFFFu);
        CHECK(out[4 * i + 2] == 0x3F800000u);
        CHECK(out[4 * i + 3] == 0x78561234u);
    }
}

TEST_CASE(
    "machine: a store by lanes of one warp to one place leaves the highest lane", "[machine]") {
    Device device(kernel("st.global.u32 [%rd1], %r0;\n"));
    const Argument in = device.input("in", noise(1));
    const Argument out = device.output<std::uint32_t>("out", 1);
    Launch launch;
    launch.kernel = "k";
    launch.block = {32, 1, 1};
    const Report report = device.launch(launch, {in, out});
    CHECK(report.ending == Ending::completed);
    CHECK(device.read<std::uint32_t>("out")[0] == 31);
}

}  // namespace kw::emu::test
