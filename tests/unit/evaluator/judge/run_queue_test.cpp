// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/run_queue.hpp"

#include "evaluator/device/cpu/runner.hpp"
#include "tests/support/catch.hpp"

#include <unistd.h>

#include <atomic>
#include <thread>
#include <time.h>
#include <utility>

using namespace kw::cpu;

namespace {

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Uses the processor until this thread has had it for `seconds`.
void compute(double seconds) {
    for (const double begin = cpu_seconds(); cpu_seconds() - begin < seconds;) {
    }
}

}  // namespace

TEST_CASE("run queue: a thread that shares its processor has waited for it", "[judge]") {
    const int core = choose_cores().child;
    const PinnedThread pinned(core);
    std::atomic<bool> stop = false;
    std::thread rival([&] {
        const PinnedThread same(core);
        while (!stop) {
        }
    });
    const RunQueueWatch watch;
    compute(0.05);
    const auto waited = watch.waited();
    stop = true;
    rival.join();
    if (!waited) {
        WARN("this kernel counts no waiting times");
        return;
    }
    // Half of the time, but for what a scheduler may owe to either at the start.
    CHECK(*waited > 0.1);
    CHECK(*waited <= 1);
}

TEST_CASE("run delay: the counter of a thread never falls and moves along", "[judge]") {
    RunDelay mine = RunDelay::of_this_thread();
    CHECK(mine.ns().has_value() == RunDelay::of(getpid()).ns().has_value());
    double before = 0;
    for (int i = 0; i < 100; ++i) {
        const double now = mine.ns().value_or(0);
        REQUIRE(now >= before);
        before = now;
    }
    const RunDelay moved = std::move(mine);
    CHECK(moved.ns().value_or(0) >= before);
}

TEST_CASE("run delay: a process that is not there has no counter", "[judge]") {
    CHECK_FALSE(RunDelay::of(0).ns().has_value());
    CHECK_FALSE(RunDelay{}.ns().has_value());
}
