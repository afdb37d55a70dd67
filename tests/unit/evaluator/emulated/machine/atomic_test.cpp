// SPDX-License-Identifier: Apache-2.0
// Golden tests of atom and red: what is left in memory and what every lane gets, in lane order.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/golden.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <algorithm>
#include <functional>

namespace kw::emu::test {
namespace {

using Word = std::uint64_t;
using Step = std::function<Word(Word old, Word b, Word c)>;

struct Form {
    std::string op;    ///< "add"
    std::string type;  ///< "u32"
    Step step;
};

int bytes_of_type(const std::string& type) {
    if (type.find("64") != std::string::npos) {
        return 8;
    }
    return type == "b16" || type == "f16" || type == "bf16" ? 2 : 4;
}

template <class T>
T as(Word w) {
    T out;
    std::memcpy(&out, &w, sizeof(T));
    return out;
}
template <class T>
Word word(T v) {
    Word out = 0;
    std::memcpy(&out, &v, sizeof(T));
    return out;
}

template <class T, class F>
Step typed(F f) {
    return [f](Word old, Word b, Word) {
        return word<T>(f(as<T>(old), as<T>(b)));
    };
}

/// A register of the type in kernel()'s classes; `i` from 8 on.
std::string reg(const std::string& type, int i) {
    const std::string number = std::to_string(i);
    switch (bytes_of_type(type)) {
        case 8: return (type == "f64" ? "%fd" : "%rd") + number;
        case 4: return (type == "f32" ? "%f" : "%r") + number;
        default: return "%h" + number;
    }
}

std::string plain(const std::string& type) {
    return (type[0] == 'f' && type != "f16" && type != "f16x2" ? "." : ".b") +
           (type[0] == 'f' && type != "f16" && type != "f16x2"
                ? type
                : std::to_string(bytes_of_type(type) * 8));
}

/// Every lane applies `form` with its own operand to one of four cells (by lane % 4): the old
/// values and, at the end, the cells, after the host has done the same in lane order.
void check(
    const Form& form,
    const std::string& opcode,
    bool result,
    const std::string& space,
    const std::vector<Word>& cells,
    const std::vector<Word>& operands) {
    const int bytes = bytes_of_type(form.type);
    const auto size = static_cast<std::size_t>(bytes);
    std::vector<std::byte> in(size * (4 + 64));
    for (std::size_t i = 0; i < 4; ++i) {
        std::memcpy(in.data() + i * size, &cells[i], size);
    }
    for (std::size_t i = 0; i < 64; ++i) {
        std::memcpy(in.data() + (4 + i) * size, &operands[i % operands.size()], size);
    }
    const std::string n = std::to_string(bytes);
    const std::string move = plain(form.type);
    // out: four cells, then the old value of every lane.
    std::string body = "mul.wide.u32 %rd4, %r0, " + n +
                       ";\nand.b32 %r1, %r0, 3;\nmul.wide.u32 "
                       "%rd5, %r1, " +
                       n +
                       ";\nadd.u64 %rd6, %rd0, %rd5;\nadd.u64 %rd2, %rd0, %rd4;\n"
                       "add.u64 %rd3, %rd1, %rd4;\nadd.u64 %rd7, %rd1, %rd5;\n";
    const std::string c0 = reg(form.type, 8);
    const std::string b = reg(form.type, 9);
    const std::string c = reg(form.type, 10);
    const std::string d = reg(form.type, 11);
    body += "ld.global" + move + " " + b + ", [%rd2+" + std::to_string(4 * bytes) + "];\n";
    body += "ld.global" + move + " " + c + ", [%rd2+" + std::to_string(36 * bytes) + "];\n";
    body += "ld.global" + move + " " + c0 + ", [%rd6];\n";
    body += "setp.lt.u32 %p1, %r0, 4;\n";
    std::string address = "[%rd7]";
    if (space == "shared") {
        body += "mov.u32 %r2, cells;\nmad.lo.u32 %r2, %r1, " + n + ", %r2;\n@%p1 st.shared" + move +
                " [%r2], " + c0 + ";\nbar.sync 0;\n";
        address = "[%r2]";
    } else {
        body += "@%p1 st.global" + move + " [%rd7], " + c0 + ";\nbar.sync 0;\n";
    }
    body += opcode + " " + (result ? d + ", " : "") + address + ", " + b +
            (form.op == "cas" ? ", " + c : "") + ";\n";
    body += result ? "st.global" + move + " [%rd3+" + std::to_string(4 * bytes) + "], " + d + ";\n"
                   : "";
    if (space == "shared") {
        body += "bar.sync 0;\nld.shared" + move + " " + c0 + ", [%r2];\n@%p1 st.global" + move +
                " [%rd7], " + c0 + ";\n";
    }
    const auto out =
        run_kernel(kernel(body, ".shared .align 8 .b8 cells[64];\n"), in, size * (result ? 36 : 4));
    std::vector<Word> now = cells;
    for (std::size_t lane = 0; lane < 32; ++lane) {
        if (result) {
            Word got = 0;
            std::memcpy(&got, out.data() + (4 + lane) * size, size);
            INFO(opcode << " lane " << lane);
            REQUIRE(got == now[lane % 4]);
        }
        now[lane % 4] = form.step(
            now[lane % 4],
            operands[lane % operands.size()],
            operands[(32 + lane) % operands.size()]);
    }
    for (std::size_t i = 0; i < 4; ++i) {
        Word got = 0;
        std::memcpy(&got, out.data() + i * size, size);
        INFO(opcode << " cell " << i);
        REQUIRE(got == now[i]);
    }
}

void check_all(
    const std::vector<Form>& forms,
    const std::string& suffix,
    bool with_red,
    const std::vector<Word>& cells,
    const std::vector<Word>& operands) {
    for (const Form& form : forms) {
        const std::string tail = "." + form.op + suffix + "." + form.type;
        check(form, "atom.global" + tail, true, "global", cells, operands);
        check(form, "atom.shared" + tail, true, "shared", cells, operands);
        check(form, "atom.acq_rel.gpu" + tail, true, "generic", cells, operands);
        check(
            form,
            "atom." + form.op + ".relaxed.cta" + suffix + "." + form.type,
            true,
            "generic",
            cells,
            operands);
        if (with_red) {
            check(form, "red.global" + tail, false, "global", cells, operands);
            check(form, "red.shared" + tail, false, "shared", cells, operands);
            check(form, "red.release.gpu.global" + tail, false, "global", cells, operands);
        }
    }
}

std::vector<Word> words(std::size_t count, std::uint32_t seed) {
    const auto raw = noise(2 * count, seed);
    std::vector<Word> out(count);
    for (std::size_t i = 0; i < count; ++i) {
        out[i] = raw[2 * i] | (Word{raw[2 * i + 1]} << 32);
    }
    return out;
}

/// Cut to the type's size.
std::vector<Word> cut(std::vector<Word> values, int bytes) {
    for (Word& value : values) {
        value &= bytes == 8 ? ~Word{0} : (Word{1} << (8 * bytes)) - 1;
    }
    return values;
}

template <class T>
std::vector<Form> integer_forms(const std::string& type) {
    return {
        {"add", type, typed<T>([](T a, T b) {
             return static_cast<T>(static_cast<Word>(a) + static_cast<Word>(b));
         })},
        {"min", type, typed<T>([](T a, T b) { return std::min(a, b); })},
        {"max", type, typed<T>([](T a, T b) { return std::max(a, b); })}};
}

template <class T>
std::vector<Form> logic_forms(const std::string& type) {
    return {
        {"and", type, typed<T>([](T a, T b) { return static_cast<T>(a & b); })},
        {"or", type, typed<T>([](T a, T b) { return static_cast<T>(a | b); })},
        {"xor", type, typed<T>([](T a, T b) { return static_cast<T>(a ^ b); })}};
}

/// Small integers as f16 (bf16) bits: sums up to 2048 (256) are exact.
std::uint16_t small_half(int value, bool brain) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
    if (brain) {
        return static_cast<std::uint16_t>(bits >> 16);
    }
    if (value == 0) {
        return 0;
    }
    return static_cast<std::uint16_t>(
        ((bits >> 16) & 0x8000) | ((((bits >> 23) & 0xFF) - 112) << 10) | ((bits >> 13) & 0x3FF));
}
int from_half(std::uint16_t h, bool brain) {
    for (int v = -256; v <= 256; ++v) {
        if (small_half(v, brain) == h) {
            return v;
        }
    }
    return 1 << 20;
}

}  // namespace

TEST_CASE("machine: atomic integer sums and extremes go lane by lane", "[machine]") {
    KW_GOLDEN("atom_add");
    KW_GOLDEN("atom_minmax");
    KW_GOLDEN("red_add");
    KW_GOLDEN("red_minmax");
    check_all(
        integer_forms<std::uint32_t>("u32"), "", true, cut(words(4, 1), 4), cut(words(64, 2), 4));
    check_all(
        integer_forms<std::int32_t>("s32"), "", true, cut(words(4, 3), 4), cut(words(64, 4), 4));
    check_all(integer_forms<std::uint64_t>("u64"), "", true, words(4, 5), words(64, 6));
    check_all(integer_forms<std::int64_t>("s64"), "", true, words(4, 7), words(64, 8));
}

TEST_CASE("machine: atomic logic and exchange and wrapping counters", "[machine]") {
    KW_GOLDEN("atom_logic");
    KW_GOLDEN("atom_wrap");
    KW_GOLDEN("atom_exch");
    KW_GOLDEN("atom_cas");
    KW_GOLDEN("red_logic");
    KW_GOLDEN("red_wrap");
    check_all(
        logic_forms<std::uint32_t>("b32"), "", true, cut(words(4, 1), 4), cut(words(64, 2), 4));
    check_all(logic_forms<std::uint64_t>("b64"), "", true, words(4, 3), words(64, 4));
    const std::vector<Form> wrap = {
        {"inc",
         "u32",
         [](Word old, Word b, Word) {
             return old >= b ? 0 : old + 1;
         }},
        {"dec", "u32", [](Word old, Word b, Word) {
             return old == 0 || old > b ? b : old - 1;
         }}};
    check_all(wrap, "", true, {0, 1, 5, 0xFFFFFFFF}, {3, 7, 0, 1, 0xFFFFFFFF});
    for (const char* type : {"b32", "b64"}) {
        const int bytes = bytes_of_type(type);
        const std::vector<Form> exch = {{"exch", type, [](Word, Word b, Word) {
                                             return b;
                                         }}};
        check_all(exch, "", false, cut(words(4, 9), bytes), cut(words(64, 10), bytes));
    }
    for (const char* type : {"b16", "b32", "b64"}) {
        const std::vector<Form> cas = {{"cas", type, [](Word old, Word b, Word c) {
                                            return old == b ? c : old;
                                        }}};
        check_all(cas, "", false, {0, 1, 2, 3}, {0, 1, 2, 3, 1, 2, 3, 0, 2});
    }
}

TEST_CASE("machine: atomic sums of floats round once each", "[machine]") {
    const auto floats = [](std::size_t count) {
        std::vector<Word> out;
        for (const std::uint32_t bits : noise(count, 11)) {
            out.push_back(word<float>(static_cast<float>(static_cast<std::int32_t>(bits)) * 1e-3F));
        }
        return out;
    };
    const std::vector<Form> f32 = {
        {"add", "f32", typed<float>([](float a, float b) { return a + b; })}};
    check_all(f32, "", true, floats(4), floats(64));
    std::vector<Word> doubles;
    for (const std::uint32_t bits : noise(64, 12)) {
        doubles.push_back(word<double>(static_cast<double>(bits) / 3.0));
    }
    const std::vector<Form> f64 = {
        {"add", "f64", typed<double>([](double a, double b) { return a + b; })}};
    check_all(f64, "", true, {doubles[0], doubles[1], doubles[2], doubles[3]}, doubles);
    for (const bool brain : {false, true}) {
        const auto add = [brain](std::uint16_t a, std::uint16_t b) {
            return small_half(from_half(a, brain) + from_half(b, brain), brain);
        };
        const std::string name = brain ? "bf16" : "f16";
        const std::vector<Form> one = {{"add", name, typed<std::uint16_t>(add)}};
        const std::vector<Form> two = {{"add", name + "x2", [add](Word old, Word b, Word) {
                                            const Word low =
                                                add(static_cast<std::uint16_t>(old),
                                                    static_cast<std::uint16_t>(b));
                                            return low | (Word{add(
                                                              static_cast<std::uint16_t>(old >> 16),
                                                              static_cast<std::uint16_t>(b >> 16))}
                                                          << 16);
                                        }}};
        std::vector<Word> small;
        for (int i = -6; i < 7; ++i) {
            small.push_back(small_half(i, brain));
        }
        check_all(one, ".noftz", true, {small[0], small[3], small[9], small[12]}, small);
        std::vector<Word> pairs;
        for (std::size_t i = 0; i < small.size(); ++i) {
            pairs.push_back(small[i] | (small[small.size() - 1 - i] << 16));
        }
        check_all(two, ".noftz", true, {pairs[0], pairs[3], pairs[9], pairs[12]}, pairs);
    }
}

TEST_CASE("machine: a vector of floats is added element by element", "[machine]") {
    KW_GOLDEN("atom_add_vector");
    KW_GOLDEN("red_add_vector");
    // Two lanes a place of four floats: the first gets what was there, the second the sum.
    const std::string body =
        "shr.u32 %r1, %r0, 1;\nmul.wide.u32 %rd4, %r1, 16;\nadd.u64 %rd2, %rd1, %rd4;\n"
        "setp.eq.u32 %p1, %r0, 0;\nadd.u64 %rd5, %rd1, 256;\nmul.wide.u32 %rd6, %r0, 16;\n"
        "add.u64 %rd5, %rd5, %rd6;\ncvt.rn.f32.u32 %f1, %r0;\nmov.f32 %f0, 0f00000000;\n"
        "and.b32 %r2, %r0, 1;\nsetp.eq.u32 %p1, %r2, 0;\n"
        "@%p1 st.global.v4.f32 [%rd2], {%f1, %f0, %f0, %f1};\nbar.sync 0;\n"
        "atom.global.add.v4.f32 {%f8,%f9,%f10,%f11}, [%rd2], {%f1, %f1, 0f3F800000, %f0};\n"
        "red.global.add.v2.f32 [%rd2+8], {0f40000000, 0f3F800000};\n"
        "st.global.v4.f32 [%rd5], {%f8,%f9,%f10,%f11};\n";
    const auto out = run_values<float>(kernel(body), noise(1), 64 + 128);
    for (std::size_t pair = 0; pair < 16; ++pair) {
        const auto even = static_cast<float>(2 * pair);
        const float odd = even + 1;
        CHECK(out[4 * pair] == even + even + odd);
        CHECK(out[4 * pair + 1] == even + odd);
        CHECK(out[4 * pair + 2] == 2 + 4);
        CHECK(out[4 * pair + 3] == even + 2);
        CHECK(out[64 + 8 * pair] == even);
        CHECK(out[64 + 8 * pair + 4] == even + even);
        CHECK(out[64 + 8 * pair + 6] == 1);
    }
    const std::string halves =
        "setp.eq.u32 %p1, %r0, 0;\n@!%p1 bra DONE;\nst.global.v4.b32 [%rd1], {0, 0, 0, 0};\n"
        "mov.b16 %h1, 0x3C00;\nmov.b32 %r1, 0x40003C00;\n"
        "red.global.add.noftz.v8.f16 [%rd1], {%h1,%h1,%h1,%h1,%h1,%h1,%h1,%h1};\n"
        "atom.global.add.noftz.v4.f16x2 {%r2,%r3,%r4,%r5}, [%rd1], {%r1,%r1,%r1,%r1};\nDONE:\n";
    const auto sums = run_values<std::uint16_t>(kernel(halves), noise(1), 8);
    CHECK(
        sums ==
        std::vector<std::uint16_t>{0x4000, 0x4200, 0x4000, 0x4200, 0x4000, 0x4200, 0x4000, 0x4200});
}

TEST_CASE("machine: atomics of several workers lose nothing", "[machine]") {
    Device device(kernel("atom.global.add.u32 %r1, [%rd1], 1;\nred.global.add.u64 [%rd1+8], 3;\n"));
    device.options.threads = 4;
    const Argument in = device.input("in", noise(1));
    const Argument out = device.in_out("out", std::vector<std::uint64_t>{0, 0});
    Launch launch;
    launch.kernel = "k";
    launch.grid = {64, 1, 1};
    launch.block = {96, 1, 1};
    const Report report = device.launch(launch, {in, out});
    CHECK(report.ending == Ending::completed);
    CHECK(device.read<std::uint64_t>("out") == std::vector<std::uint64_t>{64 * 96, 3 * 64 * 96});
    CHECK(report.counters.atomics == 2 * 64 * 96);
}

}  // namespace kw::emu::test
