// SPDX-License-Identifier: Apache-2.0
// Kernels of tests/golden/ptx run whole, each with its launch and with what the host computes: a
// line a kernel. The PTX is given by the caller: as it is checked in, or as nvcc makes it now.
#pragma once

#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace kw::emu::test {

struct Scenario {
    const char* file;      ///< tests/golden/ptx/FILE.cu
    const char* kernel;    ///< the last one when it launches several
    void (*run)(Device&);  ///< fails the running test
};

/// scenarios_plain.cpp, scenarios_cub.cpp, scenarios_numbers.cpp, scenarios_tiles.cpp
[[nodiscard]] std::vector<Scenario> plain_scenarios();
[[nodiscard]] std::vector<Scenario> cub_scenarios();
[[nodiscard]] std::vector<Scenario> number_scenarios();
[[nodiscard]] std::vector<Scenario> tile_scenarios();
[[nodiscard]] std::vector<Scenario> all_scenarios();

[[nodiscard]] Launch shape(std::uint32_t grid, std::uint32_t block, std::uint32_t shared = 0);
/// It must complete, without findings.
void must(Device& device, const char* kernel, Launch shape, const std::vector<Argument>& arguments);
/// It must complete, with warnings of this kind and nothing else.
void must_with(
    FindingKind warning,
    Device& device,
    const char* kernel,
    Launch shape,
    const std::vector<Argument>& arguments);

template <class T>
void equal(const Device& device, const std::string& buffer, const std::vector<T>& want) {
    const std::vector<T> got = device.read<T>(buffer);
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
        INFO(buffer << "[" << i << "]");
        REQUIRE(got[i] == want[i]);
    }
}

/// |got - want| <= tolerance * max(1, |want|), infinities and NaN alike.
void near(const std::vector<double>& got, const std::vector<double>& want, double tolerance);

template <class T>
std::vector<double> doubles(const std::vector<T>& values) {
    return {values.begin(), values.end()};
}

/// Integers from `low` to `high`, the same for the same seed.
[[nodiscard]] std::vector<std::int32_t> ints(
    std::size_t count, int low, int high, std::uint32_t seed = 1);
/// Multiples of 1/8 from -8 to 8: exact in f16 and bf16.
[[nodiscard]] std::vector<float> eighths(std::size_t count, std::uint32_t seed = 2);
[[nodiscard]] std::vector<std::uint16_t> halves(const std::vector<float>& values);
[[nodiscard]] std::vector<std::uint16_t> brains(const std::vector<float>& values);
[[nodiscard]] std::vector<double> from_halves(const std::vector<std::uint16_t>& bits);

}  // namespace kw::emu::test
