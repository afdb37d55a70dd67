// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/evaluator/emulated/kernels/scenarios.hpp"

#include "evaluator/scalar.hpp"

#include <algorithm>

namespace kw::emu::test {

std::vector<Scenario> all_scenarios() {
    std::vector<Scenario> all = plain_scenarios();
    for (const auto& more : {cub_scenarios(), number_scenarios(), tile_scenarios()}) {
        all.insert(all.end(), more.begin(), more.end());
    }
    return all;
}

Launch shape(std::uint32_t grid, std::uint32_t block, std::uint32_t shared) {
    Launch launch;
    launch.grid = {grid, 1, 1};
    launch.block = {block, 1, 1};
    launch.dynamic_shared = shared;
    return launch;
}

void must(
    Device& device, const char* kernel, Launch shape, const std::vector<Argument>& arguments) {
    shape.kernel = kernel;
    const Report report = device.launch(shape, arguments);
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    REQUIRE(report.findings.empty());
}

void must_with(
    FindingKind warning,
    Device& device,
    const char* kernel,
    Launch shape,
    const std::vector<Argument>& arguments) {
    shape.kernel = kernel;
    const Report report = device.launch(shape, arguments);
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    REQUIRE(!report.findings.empty());
    for (const Finding& finding : report.findings) {
        REQUIRE(finding.kind == warning);
        REQUIRE(finding.severity == Severity::warning);
    }
}

void near(const std::vector<double>& got, const std::vector<double>& want, double tolerance) {
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
        INFO("element " << i << ": " << got[i] << ", want " << want[i]);
        const bool same = got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]));
        const double room = tolerance * std::max(1.0, std::abs(want[i]));
        REQUIRE((same || std::abs(got[i] - want[i]) <= room));
    }
}

std::vector<std::int32_t> ints(std::size_t count, int low, int high, std::uint32_t seed) {
    std::vector<std::int32_t> out;
    for (const std::uint32_t word : noise(count, seed)) {
        out.push_back(low + static_cast<int>(word % static_cast<std::uint32_t>(high - low + 1)));
    }
    return out;
}

std::vector<float> eighths(std::size_t count, std::uint32_t seed) {
    std::vector<float> out;
    for (const int value : ints(count, -64, 64, seed)) {
        out.push_back(static_cast<float>(value) / 8);
    }
    return out;
}

std::vector<std::uint16_t> halves(const std::vector<float>& values) {
    std::vector<std::uint16_t> out(values.size());
    std::ranges::transform(values, out.begin(), [](float v) { return to_f16(v); });
    return out;
}

std::vector<std::uint16_t> brains(const std::vector<float>& values) {
    std::vector<std::uint16_t> out(values.size());
    std::ranges::transform(values, out.begin(), [](float v) { return to_bf16(v); });
    return out;
}

std::vector<double> from_halves(const std::vector<std::uint16_t>& bits) {
    std::vector<double> out(bits.size());
    std::ranges::transform(bits, out.begin(), [](std::uint16_t v) { return from_f16(v); });
    return out;
}

}  // namespace kw::emu::test
