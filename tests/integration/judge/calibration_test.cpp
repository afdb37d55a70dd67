// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/calibration.hpp"

#include "tests/support/catch.hpp"

using namespace kw;

TEST_CASE("calibration: the real probe's figures of this machine are in order", "[judge]") {
    const auto sandbox = sandbox::open_sandbox("auto");
    REQUIRE(sandbox.ok());
    const std::filesystem::path build(KW_BINARY_DIR);
    const auto calibration = cpu::calibrate(**sandbox, build / "bin", build / "test-cache");
    INFO((calibration ? cpu::to_json(*calibration) : calibration.error().what));
    REQUIRE(calibration.ok());
    REQUIRE(calibration->levels.size() >= 3);
    for (const cpu::LevelBandwidth& level : calibration->levels) {
        CHECK(level.read_gb_per_s > 0);
        CHECK(level.gb_per_s >= level.read_gb_per_s);
    }
    CHECK(calibration->f32_gflops > 0);
    CHECK(calibration->i8_gops > 0);
}
