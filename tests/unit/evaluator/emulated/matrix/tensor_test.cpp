// SPDX-License-Identifier: Apache-2.0
// Tensor copies against a model that goes element by element: a tensor of noise, boxes that stick
// out of it on every side, the swizzles as the PTX ISA draws them (atoms of eight lines in which
// 16-byte units change places).
#include "evaluator/device/emulated/engine/tensor_map.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"
#include "tests/unit/evaluator/emulated/matrix/matrices.hpp"

using namespace kw::emu;
using namespace kw::emu::test;

namespace {

constexpr std::uint32_t k_tile = 8192;  ///< bytes that the kernel stores
constexpr std::uint8_t k_paint = 0xEE;

struct Tensor {
    TensorMap map;
    std::vector<std::uint8_t> bytes;

    std::size_t element() const { return element_bytes(map.type); }
    std::uint32_t extent(std::size_t dim) const { return map.last[dim] + 1; }
    /// Where an element lies; no value: outside.
    std::optional<std::size_t> offset(const std::vector<int>& x) const {
        std::size_t at = static_cast<std::size_t>(x[0]) * element();
        for (std::size_t i = 0; i < x.size(); ++i) {
            if (x[i] < 0 || x[i] >= static_cast<int>(extent(i))) {
                return std::nullopt;
            }
            at += i == 0 ? 0 : static_cast<std::size_t>(x[i]) * map.strides[i - 1];
        }
        return at;
    }
};

Tensor some_tensor(int rank, TensorType type, int swizzle, Random& random) {
    Tensor tensor;
    TensorMap& map = tensor.map;
    map.rank = static_cast<std::uint8_t>(rank);
    map.type = type;
    map.swizzle = static_cast<std::uint8_t>(swizzle);
    const int widest = swizzle == 0 ? 4 : 1 << swizzle;  // units of 16 bytes
    std::uint64_t stride = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rank); ++i) {
        if (i == 0) {
            const int units = random.below(3) == 0 ? 1 + random.below(widest) : widest;
            map.box[0] =
                static_cast<std::uint16_t>(16 * units / static_cast<int>(tensor.element()));
            map.last[0] = static_cast<std::uint32_t>(map.box[0] + random.below(map.box[0]));
            stride = (tensor.extent(0) * tensor.element() + 15) / 16 * 16 + 16;
            map.step[0] = 1;
            continue;
        }
        map.box[i] = static_cast<std::uint16_t>(
            1 + random.below(
                    rank == 2   ? 20
                    : rank == 5 ? 2
                                : 4));
        map.last[i] = static_cast<std::uint32_t>(random.below(rank == 2 ? 30 : 5));
        map.step[i] = static_cast<std::uint8_t>(random.below(4) == 0 ? 2 : 1);
        map.strides[i - 1] = stride;
        stride *= tensor.extent(i);
    }
    tensor.bytes.resize(rank == 1 ? tensor.extent(0) * tensor.element() : stride);
    for (std::uint8_t& byte : tensor.bytes) {
        byte = static_cast<std::uint8_t>(random.next());
    }
    return tensor;
}

/// Calls f(coordinates, row, byte of the row) for every element of the box.
template <class F>
void each_element(const Tensor& tensor, const std::vector<int>& at, F f) {
    std::vector<int> counts;
    int elements = 1;
    for (std::size_t i = 0; i < at.size(); ++i) {
        const int step = i == 0 ? 1 : tensor.map.step[i];
        counts.push_back((tensor.map.box[i] + step - 1) / step);
        elements *= counts.back();
    }
    for (int n = 0; n < elements; ++n) {
        std::vector<int> x = at;
        int rest = n;
        for (std::size_t i = 0; i < at.size(); ++i) {
            x[i] += rest % counts[i] * (i == 0 ? 1 : tensor.map.step[i]);
            rest /= counts[i];
        }
        f(x, n / counts[0], n % counts[0] * static_cast<int>(tensor.element()));
    }
}

int pitch_of(const TensorMap& map) {
    return map.swizzle == 0 ? static_cast<int>(map.box[0] * element_bytes(map.type))
                            : 16 << map.swizzle;
}

int rows_of(const Tensor& tensor, const std::vector<int>& at) {
    int rows = 0;
    each_element(tensor, at, [&](const auto&, int row, int) { rows = row + 1; });
    return rows;
}

/// Place of a byte in a tile that begins at a multiple of 1024: the ISA's pictures.
std::size_t place(const TensorMap& map, int row, int byte) {
    const int pitch = pitch_of(map);
    const int unit = byte / 16;
    int swapped = unit;
    switch (map.swizzle) {
        case 1: swapped = unit ^ (row / 4 % 2); break;
        case 2: swapped = unit ^ (row / 2 % 4); break;
        case 3: swapped = unit ^ (row % 8); break;
        default: break;
    }
    return static_cast<std::size_t>(row * pitch + swapped * 16 + byte % 16);
}

std::string list_of(int rank) {
    std::string list = "{";
    for (int i = 0; i < rank; ++i) {
        list += (i == 0 ? "%r1" : ", %r1") + std::to_string(i);
    }
    return list + "}";
}

/// One thread: paints the tile, does `body`; `loads`: waits and stores the tile to `out`.
std::string program(const std::string& body, bool loads, std::uint32_t bytes) {
    std::string text =
        ".version 8.7\n.target sm_90a\n.address_size 64\n"
        ".visible .entry k(.param .align 64 .b8 map[128], .param .u64 data, .param .u64 out,\n"
        ".param .align 4 .b8 at[20])\n{\n"
        ".shared .align 1024 .b8 tile[8192];\n.shared .align 8 .b64 bar;\n"
        ".reg .b32 %r<32>;\n.reg .b64 %rd<16>;\n.reg .pred %p<4>;\n.reg .b16 %h<4>;\n"
        "mov.u32 %r1, bar;\nmov.u32 %r2, tile;\nmov.b64 %rd0, map;\ncvta.param.u64 %rd0, %rd0;\n"
        "ld.param.u64 %rd1, [out];\nld.param.u64 %rd2, [data];\nmov.u32 %r4, 0;\n";
    for (int i = 0; i < 5; ++i) {
        text += "ld.param.u32 %r1" + std::to_string(i) + ", [at+" + std::to_string(4 * i) + "];\n";
    }
    const std::string from = loads ? "mov.u32 %r5, 0xEEEEEEEE;\n"
                                   : "ld.global.u32 %r5, [%rd2];\nadd.u64 %rd2, %rd2, 4;\n";
    text += "FILL:\n" + from +
            "add.u32 %r6, %r2, %r4;\nst.shared.u32 [%r6], %r5;\nadd.u32 %r4, %r4, 4;\n"
            "setp.lt.u32 %p0, %r4, 8192;\n@%p0 bra FILL;\n"
            "mbarrier.init.shared::cta.b64 [%r1], 1;\nfence.proxy.async.shared::cta;\n";
    if (!loads) {
        return text + body + "cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\nret;\n}\n";
    }
    return text + "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r1], " + std::to_string(bytes) +
           ";\n" + body +
           "WAIT:\nmbarrier.try_wait.parity.shared::cta.b64 %p1, [%r1], 0;\n@!%p1 bra WAIT;\n"
           "mov.u32 %r4, 0;\nOUT:\nadd.u32 %r6, %r2, %r4;\nld.shared.u32 %r5, [%r6];\n"
           "st.global.u32 [%rd1], %r5;\nadd.u64 %rd1, %rd1, 4;\nadd.u32 %r4, %r4, 4;\n"
           "setp.lt.u32 %p0, %r4, 8192;\n@%p0 bra OUT;\nret;\n}\n";
}

struct Ran {
    Report report;
    std::vector<std::uint8_t> tensor;
    std::vector<std::uint8_t> out;
    std::string text;
};

/// Launches on the tensor; `forge` may change the map's bytes behind the launch's back.
Ran run_program(
    const std::string& text,
    const Tensor& tensor,
    const std::vector<int>& at,
    const std::vector<std::uint8_t>& tile = {}) {
    Device device(text);
    device.options.checks = Checks::all();
    device.options.instruction_budget = 2'000'000;
    const Argument data = device.in_out("tensor", tensor.bytes);
    TensorMap map = tensor.map;
    std::memcpy(&map.base, data.data(), sizeof(map.base));
    std::array<std::int32_t, 5> coordinates{};
    std::copy(at.begin(), at.end(), coordinates.begin());
    Launch launch;
    launch.kernel = "k";
    Ran ran;
    ran.report = device.launch(
        launch,
        {value(encode(map)),
         tile.empty() ? data : device.input("tile", tile),
         device.in_out("out", std::vector<std::uint8_t>(k_tile)),
         value(coordinates)});
    ran.tensor = device.read<std::uint8_t>("tensor");
    ran.out = device.read<std::uint8_t>("out");
    ran.text = device.text(ran.report);
    return ran;
}

std::vector<int> some_place(const Tensor& tensor, Random& random) {
    std::vector<int> at;
    for (std::size_t i = 0; i < tensor.map.rank; ++i) {
        const int box = tensor.map.box[i];
        at.push_back(random.below(static_cast<int>(tensor.extent(i)) + box) - box / 2);
    }
    return at;
}

std::string load_opcode(int rank, const std::string& rest = "") {
    return "cp.async.bulk.tensor." + std::to_string(rank) +
           "d.shared::cluster.global.mbarrier::complete_tx::bytes" + rest;
}

std::uint32_t counted(const Tensor& tensor, const std::vector<int>& at) {
    return static_cast<std::uint32_t>(rows_of(tensor, at)) * tensor.map.box[0] *
           element_bytes(tensor.map.type);
}

constexpr TensorType k_plain[] = {
    TensorType::u8, TensorType::u16, TensorType::bf16, TensorType::f32, TensorType::f64};

}  // namespace

TEST_CASE("tensor copies: boxes of any rank, type and swizzle come as a model has them") {
    KW_GOLDEN("cp_tensor_to_shared");
    KW_GOLDEN("cp_tensor_prefetch");
    Random random{3};
    for (int round = 0; round < 48; ++round) {
        const int rank = 1 + round % 5;
        Tensor tensor = some_tensor(rank, k_plain[round % 5], round / 5 % 4, random);
        const bool nan = tensor.map.type >= TensorType::f16 && random.below(2) == 0;
        tensor.map.fill = nan ? TensorFill::nan : TensorFill::zero;
        const std::vector<int> at = some_place(tensor, random);
        std::vector<std::uint8_t> wanted(k_tile, k_paint);
        std::vector<std::uint8_t> outside(8, nan ? 0xFF : 0);
        outside[tensor.element() - 1] = nan ? 0x7F : 0;
        each_element(tensor, at, [&](const std::vector<int>& x, int row, int byte) {
            const auto from = tensor.offset(x);
            for (std::size_t i = 0; i < tensor.element(); ++i) {
                wanted[place(tensor.map, row, byte + static_cast<int>(i))] =
                    from ? tensor.bytes[*from + i] : outside[i];
            }
        });
        const std::string list = list_of(rank);
        const bool hint = random.below(2) == 0;
        const std::string body =
            "cp.async.bulk.prefetch.tensor." + std::to_string(rank) + "d.L2.global.tile [%rd0, " +
            list + "];\nmov.b64 %rd5, 0;\n" + load_opcode(rank, hint ? ".L2::cache_hint" : "") +
            " [%r2], [%rd0, " + list + "], [%r1]" + (hint ? ", %rd5" : "") + ";\n";
        const Ran ran = run_program(program(body, true, counted(tensor, at)), tensor, at);
        INFO("round " << round << "\n" << ran.text);
        REQUIRE(ran.report.ending == Ending::completed);
        CHECK(ran.report.findings.empty());
        REQUIRE(ran.out == wanted);
    }
}

TEST_CASE("tensor copies: boxes go back to the tensor and nothing beyond it is touched") {
    KW_GOLDEN("cp_tensor_to_global");
    Random random{4};
    for (int round = 0; round < 30; ++round) {
        const int rank = 1 + round % 5;
        const Tensor tensor = some_tensor(rank, k_plain[round % 5], round / 5 % 4, random);
        const std::vector<int> at = some_place(tensor, random);
        std::vector<std::uint8_t> tile(k_tile);
        for (std::uint8_t& byte : tile) {
            byte = static_cast<std::uint8_t>(random.next());
        }
        std::vector<std::uint8_t> wanted = tensor.bytes;
        each_element(tensor, at, [&](const std::vector<int>& x, int row, int byte) {
            const auto to = tensor.offset(x);
            for (std::size_t i = 0; to && i < tensor.element(); ++i) {
                wanted[*to + i] = tile[place(tensor.map, row, byte + static_cast<int>(i))];
            }
        });
        const std::string body = "cp.async.bulk.tensor." + std::to_string(rank) +
                                 "d.global.shared::cta.tile.bulk_group [%rd0, " + list_of(rank) +
                                 "], [%r2];\n";
        const Ran ran = run_program(program(body, false, 0), tensor, at, tile);
        INFO("round " << round << "\n" << ran.text);
        REQUIRE(ran.report.ending == Ending::completed);
        CHECK(ran.report.findings.empty());
        REQUIRE(ran.tensor == wanted);
    }
}

TEST_CASE("tensor copies: their bytes count as instructions in the budgets") {
    Random random{6};
    Tensor tensor = some_tensor(2, TensorType::f32, 3, random);
    tensor.map.box[1] = 60;  // with the swizzle 7680 bytes
    const std::vector<int> at = {0, 0};
    for (const bool loads : {true, false}) {
        const std::string copy =
            loads ? load_opcode(2) + " [%r2], [%rd0, {%r10, %r11}], [%r1];\n"
                  : "cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%rd0, {%r10, "
                    "%r11}], [%r2];\n";
        std::string body;
        for (int i = 0; i < 8000; ++i) {
            body += copy;
        }
        const std::vector<std::uint8_t> tile(loads ? 0 : k_tile);
        const Ran ran = run_program(program(body, loads, 0), tensor, at, tile);
        INFO(ran.text.substr(0, 2000));
        CHECK(ran.report.ending == Ending::hang);
        CHECK(ran.report.hang.find("instruction budget") != std::string::npos);
        const auto copies = static_cast<std::size_t>(Work::copy_async);
        CHECK(ran.report.counters.by_work[copies].warps < 4000);
    }
}

TEST_CASE("tensor copies: reductions combine every element inside with what is there") {
    KW_GOLDEN("cp_reduce_tensor");
    Random random{5};
    using Words = std::vector<std::uint32_t>;
    const auto words_of = [](const std::vector<std::uint8_t>& bytes) {
        Words words(bytes.size() / 4);
        std::memcpy(words.data(), bytes.data(), 4 * words.size());
        return words;
    };
    const std::vector<
        std::pair<std::string, std::function<std::uint32_t(std::uint32_t, std::uint32_t)>>>
        ops = {
            {"add",
             [](auto a, auto b) {
                 return a + b;
             }},
            {"min",
             [](auto a, auto b) {
                 return a < b ? a : b;
             }},
            {"max",
             [](auto a, auto b) {
                 return a > b ? a : b;
             }},
            {"inc",
             [](auto a, auto b) {
                 return a >= b ? 0 : a + 1;
             }},
            {"dec",
             [](auto a, auto b) {
                 return a == 0 || a > b ? b : a - 1;
             }},
            {"and",
             [](auto a, auto b) {
                 return a & b;
             }},
            {"or",
             [](auto a, auto b) {
                 return a | b;
             }},
            {"xor", [](auto a, auto b) {
                 return a ^ b;
             }}};
    for (const auto& [name, op] : ops) {
        const Tensor tensor = some_tensor(2, TensorType::u32, 2, random);
        const std::vector<int> at = some_place(tensor, random);
        std::vector<std::uint8_t> tile(k_tile);
        for (std::uint8_t& byte : tile) {
            byte = static_cast<std::uint8_t>(random.next());
        }
        const Words from = words_of(tile);
        Words wanted = words_of(tensor.bytes);
        each_element(tensor, at, [&](const std::vector<int>& x, int row, int byte) {
            if (const auto to = tensor.offset(x)) {
                wanted[*to / 4] = op(wanted[*to / 4], from[place(tensor.map, row, byte) / 4]);
            }
        });
        const Ran ran = run_program(
            program(
                "cp.reduce.async.bulk.tensor.2d.global.shared::cta." + name +
                    ".tile.bulk_group [%rd0, {%r10, %r11}], [%r2];\n",
                false,
                0),
            tensor,
            at,
            tile);
        INFO(name << "\n" << ran.text);
        CHECK(ran.report.findings.empty());
        CHECK(words_of(ran.tensor) == wanted);
    }
}

TEST_CASE("bulk reductions: numbers of every type are combined, in global and shared memory") {
    KW_GOLDEN("cp_reduce_bulk");
    const auto run = [](const std::string& opcode, bool shared, auto a, auto b) {
        const std::string to = shared ? "[%r3], [%r2], 16, [%r1]" : "[%rd1], [%r2], 16";
        const std::string body =
            "mov.u32 %r1, bar;\nmov.u32 %r2, tile;\nadd.u32 %r3, %r2, 16;\n"
            "mbarrier.init.shared::cta.b64 [%r1], 1;\n"
            "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r1], 16;\n"
            "ld.global.v4.b32 {%r4, %r5, %r6, %r7}, [%rd0];\n"
            "st.shared.v4.b32 [%r2], {%r4, %r5, %r6, %r7};\n"
            "ld.global.v4.b32 {%r4, %r5, %r6, %r7}, [%rd1];\n"
            "st.shared.v4.b32 [%r3], {%r4, %r5, %r6, %r7};\n" +
            opcode + " " + to + ";\n" +
            (shared ? "W:\nmbarrier.try_wait.parity.shared::cta.b64 %p1, [%r1], 0;\n@!%p1 bra W;\n"
                      "ld.shared.v4.b32 {%r4, %r5, %r6, %r7}, [%r3];\n"
                      "st.global.v4.b32 [%rd1], {%r4, %r5, %r6, %r7};\n"
                    : "cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\n");
        Device device(
            kernel(body, ".shared .align 8 .b64 bar;\n.shared .align 128 .b8 tile[1024];\n"));
        device.options.checks = Checks::all();
        Launch launch;
        launch.kernel = "k";
        const Report report =
            device.launch(launch, {device.input("in", b), device.in_out("out", a)});
        INFO(opcode << "\n" << device.text(report));
        REQUIRE(report.ending == Ending::completed);
        CHECK(report.findings.empty());
        return device.read<typename decltype(a)::value_type>("out");
    };
    const std::string global = "cp.reduce.async.bulk.global.shared::cta.bulk_group";
    const std::string shared =
        "cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes";
    using F = std::vector<float>;
    using D = std::vector<double>;
    using H = std::vector<std::uint16_t>;
    using I = std::vector<std::int32_t>;
    using U = std::vector<std::uint64_t>;
    CHECK(run(global + ".add.f32", false, F{1, 2, 3, 4}, F{10, 20, 30, 0.5}) == F{11, 22, 33, 4.5});
    CHECK(run(global + ".add.f64", false, D{1, 2}, D{0.25, -2}) == D{1.25, 0});
    CHECK(run(global + ".min.s32", false, I{1, -2, 3, -4}, I{-1, 2, -3, 4}) == I{-1, -2, -3, -4});
    CHECK(run(shared + ".max.s32", true, I{1, -2, 3, -4}, I{-1, 2, -3, 4}) == I{1, 2, 3, 4});
    CHECK(run(shared + ".add.u64", true, U{~0ULL, 5}, U{2, 6}) == U{1, 11});
    CHECK(run(global + ".xor.b64", false, U{0xF0, 5}, U{0xFF, 5}) == U{0x0F, 0});
    // 1.5 + 2.5, and the smaller of 1.5 and 2.5, in f16 and bf16.
    CHECK(run(global + ".add.noftz.f16", false, H(8, 0x3E00), H(8, 0x4100)) == H(8, 0x4400));
    CHECK(run(global + ".add.noftz.bf16", false, H(8, 0x3FC0), H(8, 0x4020)) == H(8, 0x4080));
    CHECK(run(global + ".min.f16", false, H(8, 0x4100), H(8, 0x3E00)) == H(8, 0x3E00));
    CHECK(run(global + ".max.bf16", false, H(8, 0x3FC0), H(8, 0x4020)) == H(8, 0x4020));
}

TEST_CASE("tensor copies: f32 types flush and round on the way to shared memory") {
    Tensor tensor;
    tensor.map.rank = 1;
    tensor.map.box[0] = 4;
    tensor.map.step[0] = 1;
    tensor.map.last[0] = 3;
    const std::vector<std::uint32_t> words = {0x80000001, 0x3F801FFF, 0x3F801000, 0x3F803000};
    tensor.bytes.resize(16);
    std::memcpy(tensor.bytes.data(), words.data(), 16);
    const auto run = [&](TensorType type) {
        tensor.map.type = type;
        const std::string body = load_opcode(1) + " [%r2], [%rd0, {%r10}], [%r1];\n";
        const Ran ran = run_program(program(body, true, 16), tensor, {0});
        std::vector<std::uint32_t> out(4);
        std::memcpy(out.data(), ran.out.data(), 16);
        return out;
    };
    using Words = std::vector<std::uint32_t>;
    CHECK(run(TensorType::f32) == words);
    CHECK(run(TensorType::f32_ftz) == Words{0x80000000, 0x3F801FFF, 0x3F801000, 0x3F803000});
    CHECK(run(TensorType::tf32) == Words{0x80000000, 0x3F802000, 0x3F800000, 0x3F804000});
}

TEST_CASE("tensor copies: sectors and lines are counted") {
    Tensor tensor;
    tensor.map.rank = 2;
    tensor.map.type = TensorType::u8;
    tensor.map.box = {128, 16};
    tensor.map.step = {1, 1};
    tensor.map.last = {255, 63};
    tensor.map.strides[0] = 256;
    tensor.map.swizzle = 3;
    tensor.bytes.resize(256 * 64);
    const std::string body = load_opcode(2) + " [%r2], [%rd0, {%r10, %r11}], [%r1];\n";
    // Half of the rows are outside, and of the others half.
    const Ran ran = run_program(program(body, true, 2048), tensor, {192, 56});
    INFO(ran.text);
    for (const InsnReport& insn : ran.report.counters.instructions) {
        if (insn.opcode.starts_with("cp.async.bulk.tensor")) {
            CHECK(insn.counts.requests == 1);
            CHECK(insn.counts.sectors >= 16);  // 8 rows of 64 bytes
            CHECK(insn.counts.sectors <= 24);  // the buffer may begin anywhere in a sector
            CHECK(insn.counts.lines >= 8);
            CHECK(insn.counts.lines <= 16);
            return;
        }
    }
    FAIL("the copy was not counted");
}

TEST_CASE("tensor copies: coordinates far outside give the fill value and store nothing") {
    Random random{6};
    const Tensor tensor = some_tensor(3, TensorType::u16, 1, random);
    for (const int far : {-2147483647 - 1, 2147483647, 1 << 20, -100000}) {
        const std::vector<int> at = {far, far, far};
        const std::string load = load_opcode(3) + " [%r2], [%rd0, {%r10, %r11, %r12}], [%r1];\n";
        const Ran loaded = run_program(program(load, true, counted(tensor, {0, 0, 0})), tensor, at);
        INFO(loaded.text);
        CHECK(loaded.report.findings.empty());
        CHECK(loaded.out[0] == 0);
        const std::string store =
            "cp.async.bulk.tensor.3d.global.shared::cta.bulk_group [%rd0, {%r10, %r11, %r12}], "
            "[%r2];\n";
        const Ran stored =
            run_program(program(store, false, 0), tensor, at, std::vector<std::uint8_t>(k_tile, 7));
        CHECK(stored.report.findings.empty());
        CHECK(stored.tensor == tensor.bytes);
    }
}

TEST_CASE("tensor copies: wrong places and maps that the launch was not given are found") {
    Random random{7};
    const Tensor tensor = some_tensor(2, TensorType::f32, 3, random);
    const auto kind = [&](const std::string& body) {
        const Ran ran = run_program(program(body, true, 0), tensor, {0, 0});
        INFO(body << "\n" << ran.text);
        REQUIRE(!ran.report.findings.empty());
        CHECK(ran.report.ending != Ending::completed);
        CHECK(ran.tensor == tensor.bytes);
        return ran.report.findings[0].kind;
    };
    const std::string copy = load_opcode(2);
    const std::string at = "{%r10, %r11}], [%r1];\n";
    CHECK(kind(copy + " [%r2+64], [%rd0, " + at) == FindingKind::misaligned);
    CHECK(kind(copy + " [%r2+8192], [%rd0, " + at) == FindingKind::out_of_bounds);
    CHECK(kind(copy + " [%r2+50331648], [%rd0, " + at) == FindingKind::out_of_bounds);  // block 2
    CHECK(kind(copy + " [%r2], [%rd2, " + at) == FindingKind::bad_address);  // plain data
    CHECK(kind(copy + " [%r2], [%rd0+64, " + at) != FindingKind::count);     // half a map
    CHECK(kind(copy + " [%r2], [%rd0+32, " + at) != FindingKind::count);
    CHECK(
        kind("mov.b64 %rd7, 64;\n" + copy + " [%r2], [%rd7, " + at) == FindingKind::out_of_bounds);
    CHECK(
        kind(
            "cvta.shared.u64 %rd7, %rd7;\ncvt.u64.u32 %rd7, %r2;\ncvta.shared.u64 %rd7, %rd7;\n" +
            copy + " [%r2], [%rd7, " + at) == FindingKind::bad_address);
    CHECK(
        kind(load_opcode(3) + " [%r2], [%rd0, {%r10, %r11, %r12}], [%r1];\n") ==
        FindingKind::bad_address);
    CHECK(
        kind(copy + ".multicast::cluster [%r2], [%rd0, {%r10, %r11}], [%r1], 6;\n") ==
        FindingKind::bad_address);
    // A map that the kernel has changed: its base moved by 16 bytes.
    std::string forged = "mov.u64 %rd6, %rd1;\n";
    for (int i = 0; i < 16; ++i) {
        const std::string offset = std::to_string(8 * i);
        forged += "ld.param.u64 %rd7, [map+" + offset + "];\n" +
                  (i == 1 ? "add.u64 %rd7, %rd7, 16;\n" : "") + "st.global.u64 [%rd6+" + offset +
                  "], %rd7;\n";
    }
    CHECK(kind(forged + copy + " [%r2], [%rd6, " + at) == FindingKind::bad_address);
}

TEST_CASE("tensor copies: a map reaches no byte beyond its buffer, whatever it says") {
    Random random{8};
    for (int round = 0; round < 60; ++round) {
        Tensor tensor = some_tensor(1 + round % 5, k_plain[round % 5], round % 4, random);
        TensorMap& map = tensor.map;
        switch (round % 6) {
            case 0: map.last[0] = 0xFFFFFFFF; break;
            case 1: map.strides.fill((std::uint64_t{1} << 40) - 16); break;
            case 2: map.box[0] = static_cast<std::uint16_t>(random.next()); break;
            case 3: map.rank = static_cast<std::uint8_t>(random.next()); break;
            case 4: map.step.fill(0); break;
            default: map.box.fill(256); break;
        }
        const std::vector<int> at(
            static_cast<std::size_t>(1 + round % 5), 1 + random.below(300000));
        const std::string body =
            load_opcode(1 + round % 5) + " [%r2], [%rd0, " + list_of(1 + round % 5) + "], [%r1];\n";
        const Ran ran = run_program(program(body, true, 0), tensor, at);
        INFO("round " << round << "\n" << ran.text);
        CHECK(ran.tensor == tensor.bytes);
        CHECK(ran.report.ending != Ending::unsupported);
    }
}

TEST_CASE("tensor copies: im2col is refused with its line and what there is instead") {
    const Report report = [] {
        Device device(program(
            "cp.async.bulk.tensor.3d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes "
            "[%r2], [%rd0, {%r10, %r11, %r12}], [%r1], {%h1};\n",
            true,
            0));
        Launch launch;
        launch.kernel = "k";
        return device.launch(
            launch,
            {value(TensorMapBytes{}),
             value(std::uint64_t{0}),
             value(std::uint64_t{0}),
             value(std::array<std::int32_t, 5>{})});
    }();
    CHECK(report.ending == Ending::unsupported);
    CHECK(report.error.line > 0);
    CHECK(report.error.message.find("im2col") != std::string::npos);
    CHECK(report.error.message.find(".tile mode only") != std::string::npos);
}
