// SPDX-License-Identifier: Apache-2.0
// Kernels that nvcc made, run whole and compared with a plain product.
#include "tests/unit/evaluator/emulated/machine/device.hpp"
#include "tests/unit/evaluator/emulated/matrix/matrices.hpp"

using namespace kw::emu;
using namespace kw::emu::test;

TEST_CASE("mma kernels: s8 fragments loaded by hand") {
    Device device(fixture("mma_s8.ptx"));
    device.options.checks = Checks::all();
    Random random{1};
    std::vector<std::int8_t> a(16 * 32);
    std::vector<std::int8_t> b(32 * 8);  // column by column
    for (std::int8_t& x : a) {
        x = static_cast<std::int8_t>(random.next());
    }
    for (std::int8_t& x : b) {
        x = static_cast<std::int8_t>(random.next());
    }
    Launch launch;
    launch.kernel = "mma_s8";
    launch.block = {32, 1, 1};
    const Report report = device.launch(
        launch, {device.input("a", a), device.input("b", b), device.output<int>("d", 16 * 8)});
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    CHECK(report.findings.empty());
    CHECK(report.counters.mma == 1);
    const std::vector<int> d = device.read<int>("d");
    for (std::size_t m = 0; m < 16; ++m) {
        for (std::size_t n = 0; n < 8; ++n) {
            int sum = 0;
            for (std::size_t k = 0; k < 32; ++k) {
                sum += a[m * 32 + k] * b[n * 32 + k];
            }
            CHECK(d[m * 8 + n] == sum);
        }
    }
}

TEST_CASE("mma kernels: bf16 fragments from ldmatrix") {
    Device device(fixture("mma_bf16_ldmatrix.ptx"));
    device.options.checks = Checks::all();
    Random random{2};
    std::vector<std::uint16_t> a(16 * 16);
    std::vector<std::uint16_t> b(16 * 8);
    const auto fill = [&random](std::vector<std::uint16_t>& to) {
        for (std::uint16_t& x : to) {  // small integers: exact in bf16, and so are the sums
            x = static_cast<std::uint16_t>(f32_bits(random.below(65) - 32) >> 16);
        }
    };
    fill(a);
    fill(b);
    Launch launch;
    launch.kernel = "mma_bf16";
    launch.block = {32, 1, 1};
    const Report report = device.launch(
        launch, {device.input("a", a), device.input("b", b), device.output<float>("d", 16 * 8)});
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    CHECK(report.findings.empty());
    const std::vector<float> d = device.read<float>("d");
    const Type& type = type_of("bf16");
    for (std::size_t m = 0; m < 16; ++m) {
        for (std::size_t n = 0; n < 8; ++n) {
            double sum = 0;
            for (std::size_t k = 0; k < 16; ++k) {
                sum += type.value(a[m * 16 + k]) * type.value(b[k * 8 + n]);
            }
            CHECK(d[m * 8 + n] == static_cast<float>(sum));
        }
    }
}

TEST_CASE("mma kernels: a warp that does not come together is found") {
    const std::string body =
        "setp.lt.u32 %p0, %r0, 16;\n"
        "@%p0 mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%r1, %r2}, {%r3}, {%r4}, "
        "{%r5, %r6};\n";
    Device device(kernel(body));
    Launch launch;
    launch.kernel = "k";
    launch.block = {32, 1, 1};
    const Report report = device.launch(launch, {value(std::uint64_t{0}), value(std::uint64_t{0})});
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].kind == FindingKind::unconverged_warp_op);
}
