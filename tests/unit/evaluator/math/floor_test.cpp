// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/calibration.hpp"
#include "evaluator/device/cpu/rotation.hpp"
#include "tests/support/catch.hpp"

using namespace kw;
using namespace kw::cpu;

namespace {

constexpr std::int64_t k_mib = std::int64_t{1} << 20;

/// Round figures: L1 200, L2 100, L3 50, memory 20 GB/s (reading 10), f32 100, i8 400, bit 2000.
Calibration machine() {
    Calibration c;
    c.levels = {
        {"L1", 32 << 10, 200, 200},
        {"L2", k_mib, 100, 100},
        {"L3", 32 * k_mib, 50, 50},
        {"memory", 0, 20, 10}};
    c.f32_gflops = 100;
    c.i8_gops = 400;
    c.bit_gops = 2000;
    c.llc_bytes = 32 * k_mib;
    return c;
}

Arg make_arg(const char* name, Role role, const char* elements) {
    Arg arg;
    arg.name = std::string(name);
    arg.dtype = DType::u8;
    arg.role = role;
    arg.shape = {DimExpr::parse(elements).value()};
    return arg;
}

/// W bytes of weights, X bytes in, Y bytes out, F operations.
Task make_task(const char* op_class) {
    Task task;
    task.name = std::string("toy");
    task.args = {
        make_arg("w", Role::weight, "W"),
        make_arg("x", Role::in, "X"),
        make_arg("y", Role::out, "Y"),
        make_arg("s", Role::workspace, "1000000000")};
    task.cost.bytes = DimExpr::parse("W + X + Y").value();
    task.cost.flop = DimExpr::parse("F").value();
    task.cost.op_class = std::string(op_class);
    return task;
}

DimMap dims(std::int64_t w, std::int64_t x, std::int64_t y, std::int64_t f) {
    return {{"W", w}, {"X", x}, {"Y", y}, {"F", f}};
}

Floor floor_for(const char* op_class, const DimMap& at, bool cold) {
    auto floor = floor_of(make_task(op_class), at, machine(), cold);
    INFO((floor.ok() ? std::string{} : floor.error().what));
    REQUIRE(floor.ok());
    return *floor;
}

}  // namespace

TEST_CASE("floor: cold weights come from memory with its slack", "[floor]") {
    const Floor floor = floor_for("none", dims(3'000'000, 0, 0, 0), true);
    CHECK(floor.floor_ns == Approx(3e6 / 10 / 1.5));
    CHECK(floor.roof_ns == Approx(3e6 / 10));
}

TEST_CASE("floor: hot bytes are as fast as the levels that hold them", "[floor]") {
    // All in L1.
    CHECK(floor_for("none", dims(16384, 0, 0, 0), false).floor_ns == Approx(16384 / 200.0 / 1.1));
    // Far beyond L2: what L1 and L2 cannot hold comes through L3.
    const double big = 16.0 * k_mib;
    CHECK(
        floor_for("none", dims(16 * k_mib, 0, 0, 0), false).floor_ns ==
        Approx((big - 32768 - k_mib) / 50 / 1.25));
    // Beyond every cache: the rest comes from memory.
    const double huge = 400.0 * k_mib;
    CHECK(
        floor_for("none", dims(400 * k_mib, 0, 0, 0), false).floor_ns ==
        Approx((huge - 32768 - 33 * k_mib) / 20 / 1.5));
}

TEST_CASE("floor: never rises with the caches nor falls with the bytes", "[floor]") {
    double before = 0;
    for (std::int64_t bytes = 1000; bytes < 1'000'000'000; bytes = bytes * 5 / 4) {
        const Floor hot = floor_for("none", dims(bytes, 0, 0, 0), false);
        const Floor cold = floor_for("none", dims(bytes, 0, 0, 0), true);
        REQUIRE(hot.floor_ns >= before);
        REQUIRE(cold.floor_ns >= hot.floor_ns);
        // A kernel as fast as every calibrated figure at once is above the floor.
        REQUIRE(hot.floor_ns <= static_cast<double>(bytes) / 20);
        REQUIRE(cold.floor_ns < static_cast<double>(bytes) / 10);
        before = hot.floor_ns;
    }
}

TEST_CASE("floor: inputs and outputs may stay in the caches although weights are cold", "[floor]") {
    const Floor floor = floor_for("none", dims(2'000'000, 400'000, 400'000, 0), true);
    CHECK(floor.floor_ns == Approx(2e6 / 10 / 1.5));
    // The roof counts everything: reads at the read bandwidth, all bytes at the best one.
    CHECK(floor.roof_ns == Approx(2.4e6 / 10));
    const Floor writes = floor_for("none", dims(0, 1000, 1'000'000, 0), true);
    CHECK(writes.roof_ns == Approx(1'001'000 / 20.0));
}

TEST_CASE("rotation: it passes three caches within its limits of sets and bytes", "[floor]") {
    const Rotation usual = plan_rotation(4 * k_mib, 32 * k_mib);
    CHECK(usual.sets == 24);
    CHECK(usual.caches == Approx(3));
    CHECK(usual.cold == 1);
    CHECK(plan_rotation(0, 32 * k_mib).sets == 1);
    CHECK(plan_rotation(0, 32 * k_mib).cold == 0);
    // The cache of a whole socket: no gigabytes, and no promise that they are cold.
    const Rotation socket = plan_rotation(32 * k_mib, 480 * k_mib);
    CHECK(socket.sets == 16);
    CHECK(socket.cold == Approx(1 - 480.0 / 512));
    CHECK(plan_rotation(400 * k_mib, 32 * k_mib).sets == 3);
    CHECK(plan_rotation(64, 480 * k_mib).sets == 64);
}

TEST_CASE("rotation: larger weights are never less cold", "[floor]") {
    for (const std::int64_t llc : {2 * k_mib, 33 * k_mib, 480 * k_mib}) {
        Rotation before;
        for (std::int64_t bytes = 1000; bytes < 1'000'000'000; bytes = bytes * 9 / 8) {
            const Rotation now = plan_rotation(bytes, llc);
            REQUIRE(now.sets >= 3);
            REQUIRE(now.sets <= 64);
            REQUIRE(now.cold >= before.cold);
            REQUIRE(now.cold <= 1);
            before = now;
        }
    }
}

TEST_CASE(
    "floor: weights too small to leave the caches in 64 sets are not charged to memory",
    "[floor]") {
    const double cache = 32.0 * k_mib;
    // 64 x 0.4 MB stay inside the last level: only what the caches can deliver counts.
    const Floor small = floor_for("none", dims(400'000, 0, 0, 0), true);
    CHECK(small.floor_ns == Approx(floor_for("none", dims(400'000, 0, 0, 0), false).floor_ns));
    CHECK(small.floor_ns < 400'000 / 50.0);
    // 64 x 1 MB pass it twice: at most one cacheful of them was still there.
    CHECK(
        floor_for("none", dims(1'000'000, 0, 0, 0), true).floor_ns ==
        Approx(1e6 * (1 - cache / 64e6) / 10 / 1.5));
}

TEST_CASE("floor: weights that the cost does not count are not charged", "[floor]") {
    Task task = make_task("none");
    task.cost.bytes = DimExpr::parse("W / 10 + X + Y").value();
    const auto floor = floor_of(task, dims(10'000'000, 500'000, 0, 0), machine(), true);
    CHECK(floor.value().floor_ns == Approx(1e6 / 10 / 1.5));
}

TEST_CASE("floor: operations count at the peak of their class", "[floor]") {
    CHECK(floor_for("f32", dims(64, 0, 0, 1'000'000), true).floor_ns == Approx(1e4 / 1.1));
    CHECK(floor_for("i8", dims(64, 0, 0, 1'000'000), true).floor_ns == Approx(2500 / 1.1));
    CHECK(floor_for("bit", dims(64, 0, 0, 1'000'000), true).floor_ns == Approx(500 / 1.1));
    CHECK(floor_for("none", dims(64, 0, 0, 1'000'000), true).floor_ns < 5);
    CHECK(floor_for("i8", dims(64, 0, 0, 1'000'000), true).roof_ns == Approx(2500));
}

TEST_CASE(
    "floor: a faster instruction of another width lowers the floor and not the roof", "[floor]") {
    Calibration c = machine();
    c.bf16_gflops = 250;
    const Floor floor = floor_of(make_task("f32"), dims(64, 0, 0, 1'000'000), c, true).value();
    CHECK(floor.floor_ns == Approx(4000 / 1.1));
    CHECK(floor.roof_ns == Approx(10000));
}

TEST_CASE("floor: what cannot be computed is an error", "[floor]") {
    CHECK(
        floor_of(make_task("f8"), dims(1, 1, 1, 1), machine(), true).error().code == Errc::config);
    CHECK_FALSE(floor_of(make_task("f32"), {{"W", 1}}, machine(), true).ok());
    Calibration no_memory = machine();
    no_memory.levels.pop_back();
    CHECK(
        floor_of(make_task("f32"), dims(1, 1, 1, 1), no_memory, true).error().code ==
        Errc::environment);
    CHECK_FALSE(floor_of(make_task("f32"), dims(1, 1, 1, 1), {}, true).ok());
    Calibration no_rate = machine();
    no_rate.i8_gops = 0;
    CHECK_FALSE(floor_of(make_task("i8"), dims(1, 1, 1, 1), no_rate, true).ok());
    CHECK(floor_of(make_task("f32"), dims(1, 1, 1, 1), no_rate, true).ok());
}
