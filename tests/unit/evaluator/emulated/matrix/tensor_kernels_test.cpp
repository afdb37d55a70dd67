// SPDX-License-Identifier: Apache-2.0
// Kernels with tensor maps that nvcc made: products by wgmma of what tensor copies brought, a
// pipeline over two blocks of a cluster with multicast, and seeded bugs beside their correct twins.
#include "evaluator/device/emulated/engine/tensor_map.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"
#include "tests/unit/evaluator/emulated/matrix/matrices.hpp"

#include <sstream>

using namespace kw::emu;
using namespace kw::emu::test;

namespace {

/// A map over rows of a buffer.
Argument rows_map(
    const Argument& buffer,
    TensorType type,
    std::uint32_t columns,
    std::uint32_t rows,
    std::uint16_t box_columns,
    std::uint16_t box_rows,
    std::uint8_t swizzle) {
    TensorMap map;
    std::memcpy(&map.base, buffer.data(), sizeof(map.base));
    map.rank = 2;
    map.type = type;
    map.last = {columns - 1, rows - 1};
    map.strides[0] = std::uint64_t{columns} * element_bytes(type);
    map.box = {box_columns, box_rows};
    map.step = {1, 1};
    map.swizzle = swizzle;
    return value(encode(map));
}

/// Small integers: exact in bf16, and so are sums of their products in f32.
std::vector<std::uint16_t> some_bf16(std::size_t count, Random& random) {
    std::vector<std::uint16_t> out(count);
    for (std::uint16_t& x : out) {
        x = static_cast<std::uint16_t>(f32_bits(random.below(17) - 8) >> 16);
    }
    return out;
}

float product(
    const std::vector<std::uint16_t>& a,
    const std::vector<std::uint16_t>& b,
    std::size_t row,
    std::size_t column,
    std::size_t depth) {
    const Type& type = type_of("bf16");
    double sum = 0;
    for (std::size_t k = 0; k < depth; ++k) {
        sum += type.value(a[row * depth + k]) * type.value(b[column * depth + k]);
    }
    return static_cast<float>(sum);
}

std::uint64_t wavefronts(const Report& report, std::string_view opcode) {
    std::uint64_t sum = 0;
    for (const InsnReport& insn : report.counters.instructions) {
        sum += insn.opcode.starts_with(opcode) ? insn.counts.wavefronts : 0;
    }
    return sum;
}

Report run_gemm(Device& device, std::size_t m, std::size_t n, std::size_t k, std::uint64_t seed) {
    Random random{11};
    const std::vector<std::uint16_t> a = some_bf16(m * k, random);
    const std::vector<std::uint16_t> b = some_bf16(n * k, random);
    device.options.seed = seed;
    device.options.checks = Checks::all();
    const Argument a_map = rows_map(
        device.input("a", a),
        TensorType::bf16,
        static_cast<std::uint32_t>(k),
        static_cast<std::uint32_t>(m),
        64,
        32,
        3);
    const Argument b_map = rows_map(
        device.input("b", b),
        TensorType::bf16,
        static_cast<std::uint32_t>(k),
        static_cast<std::uint32_t>(n),
        64,
        64,
        3);
    Launch launch;
    launch.kernel = "tensor_gemm";
    launch.grid = {static_cast<std::uint32_t>(n / 64), static_cast<std::uint32_t>(m / 64), 1};
    launch.block = {256, 1, 1};
    launch.cluster = {2, 1, 1};
    launch.dynamic_shared = 4 * 8192 + 1024;
    const Report report = device.launch(
        launch,
        {a_map,
         b_map,
         device.output<float>("d", m * n),
         value(static_cast<int>(n)),
         value(static_cast<int>(k))});
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    CHECK(report.findings.empty());
    const std::vector<float> d = device.read<float>("d");
    for (std::size_t row = 0; row < m; ++row) {
        for (std::size_t column = 0; column < n; ++column) {
            REQUIRE(d[row * n + column] == product(a, b, row, column, k));
        }
    }
    return report;
}

int bug_line(const std::string& kernel) {
    std::istringstream lines(fixture("tensor_copy.cu"));
    std::string line;
    bool inside = false;
    for (int number = 1; std::getline(lines, line); ++number) {
        inside = inside || line.find(" " + kernel + "(") != std::string::npos;
        if (inside && line.find("// BUG") != std::string::npos) {
            return number;
        }
    }
    return 0;
}

Report run_copy(Device& device, const std::string& kernel, std::uint64_t seed) {
    std::vector<float> x(16 * 16);
    for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = static_cast<float>(i);
    }
    device.options.checks = Checks::all();
    device.options.seed = seed;
    device.options.instruction_budget = 1'000'000;
    Launch launch;
    launch.kernel = kernel;
    launch.block = {128, 1, 1};
    const Argument map = rows_map(device.input("x", x), TensorType::f32, 16, 16, 16, 8, 0);
    return device.launch(launch, {map, device.output<float>("out", 128)});
}

}  // namespace

TEST_CASE("tensor kernels: wgmma multiplies what tensor copies brought") {
    Device device(fixture("hopper_tensor.ptx"));
    device.options.checks = Checks::all();
    Random random{10};
    const std::vector<std::uint16_t> a = some_bf16(128 * 64, random);
    const std::vector<std::uint16_t> b = some_bf16(8 * 64, random);
    Launch launch;
    launch.kernel = "tensor_wgmma";
    launch.grid = {2, 1, 1};
    launch.block = {128, 1, 1};
    launch.dynamic_shared = 9216;
    const Report report = device.launch(
        launch,
        {rows_map(device.input("a", a), TensorType::bf16, 64, 128, 64, 64, 3),
         rows_map(device.input("b", b), TensorType::bf16, 64, 8, 64, 8, 3),
         device.output<float>("d", 2 * 128 * 4)});
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    CHECK(report.findings.empty());
    const std::vector<float> d = device.read<float>("d");
    for (std::size_t i = 0; i < d.size(); ++i) {
        const std::size_t thread = i / 4 % 128;
        const std::size_t row = i / 512 * 64 + thread / 32 * 16 + thread % 32 / 4 + i % 4 / 2 * 8;
        REQUIRE(d[i] == product(a, b, row, thread % 4 * 2 + i % 2, 64));
    }
    // Two blocks, four products each of 64 rows of A and 8 of B, 32 bytes a row, 128 bytes a pass.
    CHECK(wavefronts(report, "wgmma.mma_async") == 2 * 4 * (64 + 8) * 32 / 128);
}

TEST_CASE("tensor kernels: a pipeline with multicast over a cluster multiplies right") {
    for (const std::uint64_t seed : {0, 9}) {
        Device device(fixture("tensor_gemm.ptx"));
        (void)run_gemm(device, 64, 128, 200, seed);
    }
}

TEST_CASE("tensor kernels: seeded bugs are found at their line and their twins are clean") {
    struct Bug {
        const char* name;
        FindingKind kind;
    };
    for (const Bug& bug :
         {Bug{"no_wait", FindingKind::async_copy_not_waited},
          Bug{"overwritten", FindingKind::shared_race},
          Bug{"small_box", FindingKind::uninitialised_read}}) {
        for (const std::uint64_t seed : {0, 5}) {
            Device device(fixture("tensor_copy.ptx"));
            const std::string kernel = std::string(bug.name) + "_bug";
            const Report report = run_copy(device, kernel, seed);
            INFO(kernel << "\n" << device.text(report));
            CHECK(report.ending != Ending::unsupported);
            bool found = false;
            const int line = bug_line(kernel);
            REQUIRE(line != 0);
            for (const Finding& finding : report.findings) {
                found = found || (finding.kind == bug.kind &&
                                  (finding.at.line == line || finding.other.line == line));
            }
            CHECK(found);
        }
    }
    for (const std::string name :
         {"no_wait", "stale_tile", "overwritten", "small_box", "wrong_bytes"}) {
        Device device(fixture("tensor_copy.ptx"));
        const Report report = run_copy(device, name + "_fixed", 5);
        INFO(name << "\n" << device.text(report));
        CHECK(report.ending == Ending::completed);
        CHECK(report.findings.empty());
    }
}

TEST_CASE(
    "tensor kernels: a wait for bytes that never come, or for a phase that is over, is a hang") {
    for (const char* kernel : {"wrong_bytes_bug", "stale_tile_bug"}) {
        Device device(fixture("tensor_copy.ptx"));
        CHECK(run_copy(device, kernel, 0).ending == Ending::hang);
    }
}
