// SPDX-License-Identifier: Apache-2.0
// Whole kernels from nvcc's PTX.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <bit>
#include <cmath>

namespace kw::emu::test {
namespace {

std::vector<float> ramp(std::size_t n, float step) {
    std::vector<float> out(n);
    for (std::size_t i = 0; i < n; ++i) {
        out[i] = static_cast<float>(i % 1000) * step - 3.0F;
    }
    return out;
}

}  // namespace

TEST_CASE("machine: a vector addition from nvcc gives the sum of every element", "[machine]") {
    Device device(fixture("vector_add.ptx"));
    constexpr int k_n = 1000;
    const auto x = ramp(k_n, 0.5F);
    const auto y = ramp(k_n, 0.25F);
    const Argument px = device.input("x", x);
    const Argument py = device.input("y", y);
    const Argument pz = device.output<float>("z", k_n);
    device.options.checks = Checks::all();
    Launch launch;
    launch.kernel = "add_f32";
    launch.grid = {4, 1, 1};
    launch.block = {256, 1, 1};
    const Report report = device.launch(launch, {px, py, pz, value(k_n)});
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    CHECK(report.findings.empty());
    const auto z = device.read<float>("z");
    for (std::size_t i = 0; i < k_n; ++i) {
        REQUIRE(z[i] == x[i] + y[i]);
    }
    CHECK(report.counters.blocks_run == 4);
    CHECK(report.counters.by_work[static_cast<std::size_t>(Work::global)].requests == 3 * 32);
}

TEST_CASE("machine: memory that nobody wrote differs from seed to seed", "[machine]") {
    const std::string places = ".shared .align 8 .b8 tile[1028];\n";
    const std::string body =
        ".local .align 8 .b8 depot[20];\nmov.u32 %r1, tile;\nshl.b32 %r2, %r0, 2;\n"
        "add.u32 %r1, %r1, %r2;\nld.shared.u32 %r3, [%r1+900];\nld.local.u32 %r4, [depot+16];\n"
        "mul.wide.u32 %rd2, %r0, 8;\nadd.u64 %rd2, %rd1, %rd2;\n"
        "st.global.v2.u32 [%rd2], {%r3, %r4};\n";
    const auto left_in = [&](std::uint64_t seed, Checks checks) {
        Device device(kernel(body, places));
        device.options.checks = checks;
        device.options.seed = seed;
        Launch launch;
        launch.kernel = "k";
        launch.block = {32, 1, 1};
        const Report report = device.launch(
            launch, {value(std::uint64_t{0}), device.output<std::uint32_t>("out", 64)});
        INFO(device.text(report));
        REQUIRE(report.ending == Ending::completed);
        CHECK(report.findings.size() == (checks.initialised ? 2 : 0));
        for (const Finding& finding : report.findings) {
            CHECK(finding.kind == FindingKind::uninitialised_read);
            CHECK(finding.severity == Severity::warning);
        }
        return device.read<std::uint32_t>("out");
    };
    const std::vector<std::uint32_t> first = left_in(3, Checks::all());
    CHECK(left_in(3, Checks{}) == first);
    for (const std::uint64_t seed : {5, 7, 9}) {
        const std::vector<std::uint32_t> second = left_in(seed, Checks{});
        for (std::size_t i = 0; i < first.size(); ++i) {
            REQUIRE(first[i] != second[i]);
            // Nothing that a sum would swallow.
            const float v = std::abs(std::bit_cast<float>(second[i]));
            REQUIRE((v > 1e35F && v < 1e37F));
        }
    }
}

}  // namespace kw::emu::test
