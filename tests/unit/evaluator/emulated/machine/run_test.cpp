// SPDX-License-Identifier: Apache-2.0
// Whole kernels from nvcc's PTX.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

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

}  // namespace kw::emu::test
