// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_clocks.hpp"
#include "tests/support/catch.hpp"

#include <vector>

using namespace kw;
using namespace kw::cuda;

namespace {

GpuCallResult call_of(double event_ns, double host_ns, std::vector<double> call_ns = {}) {
    GpuCallResult call;
    call.event_ns = event_ns;
    call.host_ns = host_ns;
    call.call_ns = std::move(call_ns);
    return call;
}

GpuClocks after(const GpuCallResult& baseline, const GpuCallResult& candidate) {
    GpuClocks clocks;
    for (int i = 0; i < 9; ++i) {
        keep_times(baseline, candidate, 100, clocks);
    }
    return clocks;
}

GpuReading reading(double sm_mhz, std::uint64_t slowed_by = 0) {
    GpuReading now;
    now.sm_mhz = sm_mhz;
    now.slowed_by = slowed_by;
    return now;
}

}  // namespace

TEST_CASE("gpu clocks: events that the host's clock contradicts are not believed", "[gpu]") {
    const GpuCallResult usual = call_of(200'000, 220'000);
    CHECK(!disbelieve_clock(GpuClocks{}));
    CHECK(!disbelieve_clock(after(usual, call_of(100'000, 130'000))));
    const auto forged = disbelieve_clock(after(usual, call_of(50'000, 220'000)));
    REQUIRE(forged);
    CHECK(forged->verdict == Verdict::too_fast);
    CHECK(forged->summary.find("50.00 us, the host's clock 220.00 us") != std::string::npos);
    // A few microseconds of waking up are many times a short event, and say nothing.
    CHECK(!disbelieve_clock(after(call_of(3000, 9000), call_of(1000, 12'000))));
}

TEST_CASE("gpu clocks: a graph's calls do equal work and none is below the floor", "[gpu]") {
    const GpuCallResult even = call_of(8000, 9000, {1100, 1000, 1050, 1000});
    CHECK(!disbelieve_calls(GpuClocks{}, 4, 500));
    CHECK(!disbelieve_calls(after(even, even), 4, 500));
    CHECK(disbelieve_calls(after(even, call_of(8000, 9000, {4000, 900, 900, 900})), 4, 500));
    CHECK(disbelieve_calls(after(even, even), 4, 950));  // 1000 less an empty call's 100
    CHECK(counted_ns(even, 100) == 1000);
    CHECK(counted_ns(call_of(8000, 9000), 100) == 7900);
    CHECK(counted_ns(call_of(50, 9000), 100) == 1);
}

TEST_CASE("gpu clocks: a lowered clock or a power cap disturbs a pair", "[gpu]") {
    GpuClocks clocks;
    for (int i = 0; i < 5; ++i) {
        CHECK(!keep_reading(reading(1980), clocks));
    }
    CHECK(!keep_reading(reading(1800), clocks));
    CHECK(keep_reading(reading(1700), clocks));
    CHECK(keep_reading(reading(1980, 4), clocks));
    CHECK(clocks.slowed_by == 4);
    CHECK(!keep_reading(GpuReading{}, clocks));  // nothing known is nothing wrong
    CHECK(clocks.sm_mhz.size() == 8);
}
