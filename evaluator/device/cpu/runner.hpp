// SPDX-License-Identifier: Apache-2.0
// One child running kw-runner, seen from the judge: start it, call it, time the call from outside,
// keep it frozen in between. The judge owns the clock; the child has no channel on which to report
// anything.
#pragma once

#include "core/result.hpp"
#include "core/verdict.hpp"
#include "evaluator/device/cpu/run_queue.hpp"
#include "evaluator/device/cpu/shared_memory.hpp"
#include "evaluator/harness/control.hpp"
#include "evaluator/layers.hpp"
#include "sandbox/sandbox.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kw::cpu {

/// Processors of a judgement: the judge spins on one, the child being called on the other.
struct Cores {
    int judge = 0;
    int child = 1;
    bool single = false;  ///< one processor only: both yield instead of spinning
};
[[nodiscard]] Cores choose_cores();
/// Pins the calling thread while it lives.
class PinnedThread {
public:
    explicit PinnedThread(int cpu);
    ~PinnedThread();
    PinnedThread(const PinnedThread&) = delete;
    PinnedThread& operator=(const PinnedThread&) = delete;

private:
    std::array<unsigned long, 16> previous_{};
    bool pinned_ = false;
};

/// How a runner ended when it should not have.
struct RunnerFailure {
    Verdict verdict = Verdict::internal;
    std::string summary;
    std::string detail;
    std::uint64_t address = 0;  ///< of the faulting access, 0 = none
};

struct RunnerSpec {
    std::filesystem::path
        program;  ///< kw-runner inside a run directory that the sandbox user can reach
    std::filesystem::path shared_object;  ///< empty in mode_null
    harness::Mode mode = harness::mode_candidate;
    bool prepares = false;  ///< packed is writable, no argument of role in is mapped
    std::shared_ptr<SharedMemory> in, weights, packed, io;
    std::vector<harness::Segment>
        segments;  ///< what is mapped where; those of absent regions are left out
    std::int64_t extra_memory = std::int64_t{512} << 20;  ///< what it may allocate itself
    Cores cores;
    Layers layers;
};

struct CallSpec {
    harness::Function function = harness::function_entry;
    std::vector<std::uint64_t> pointers;  ///< addresses in the runner
    std::vector<std::int64_t> dims;
    std::chrono::nanoseconds limit{std::chrono::seconds(5)};
    /// Between "armed" and "go": the inputs. What arrives can be seen meanwhile
    /// (docs/threat-model.md).
    std::function<void()> at_go;
    std::function<void()>
        at_done;  ///< right after "done", before the freeze: probes of the outputs
};

struct CallOutcome {
    bool ok = false;
    double ns = 0;            ///< from go to done, hand-shake included
    double waited_ns = 0;     ///< of them: the judge or the runner was ready and had no processor
    std::uint64_t value = 0;  ///< function_prepare_size
    RunnerFailure failure;    ///< when not ok
};

class Runner {
public:
    /// A candidate whose loading fails gives a Runner whose start_failure() is set; an Error is our
    /// own failure.
    static Result<std::unique_ptr<Runner>> start(sandbox::Sandbox& sandbox, const RunnerSpec& spec);
    ~Runner();

    [[nodiscard]] const RunnerFailure* start_failure() const {
        return failed_ ? &failure_ : nullptr;
    }
    /// Thaws, calls, freezes. After a failure the runner is dead. Never blocks beyond `limit` plus
    /// the kill.
    CallOutcome call(const CallSpec& spec);

private:
    Runner() = default;
    bool wait_for(
        const std::atomic<std::uint64_t>& word,
        std::uint64_t value,
        std::chrono::steady_clock::time_point deadline);
    bool wait_ready();
    [[nodiscard]] double waited_ns() const;
    void die(bool timed_out);

    std::unique_ptr<sandbox::Child> child_;
    std::shared_ptr<SharedMemory> control_memory_;
    harness::Control* control_ = nullptr;
    RunDelay delay_;
    RunnerSpec spec_;
    std::uint64_t number_ = 0;
    bool failed_ = false;
    RunnerFailure failure_;
};

}  // namespace kw::cpu
