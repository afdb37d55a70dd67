// SPDX-License-Identifier: Apache-2.0
// The kernels as they are checked in: no toolkit is needed.
#include "tests/unit/evaluator/emulated/kernels/scenarios.hpp"

using namespace kw::emu;
using namespace kw::emu::test;

TEST_CASE("kernels: what nvcc made gives what the host computes", "[kernels]") {
    for (const Scenario& scenario : all_scenarios()) {
        DYNAMIC_SECTION(scenario.file << ": " << scenario.kernel) {
            Device device(fixture(std::string(scenario.file) + ".ptx"));
            device.options.checks = Checks::all();
            scenario.run(device);
        }
    }
}
