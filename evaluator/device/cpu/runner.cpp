// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/runner.hpp"

#include "evaluator/device/cpu/runner_failure.hpp"

#include <fcntl.h>
#include <immintrin.h>
#include <sched.h>
#include <unistd.h>

#include <cstring>
#include <thread>

namespace kw::cpu {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

Cores choose_cores() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    Cores cores;
    std::vector<int> available;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (CPU_ISSET(cpu, &allowed)) {
                available.push_back(cpu);
            }
        }
    }
    // The last processors: the first one serves most interrupts.
    if (available.size() >= 2) {
        cores.child = available[available.size() - 1];
        cores.judge = available[available.size() - 2];
    } else {
        cores.judge = cores.child = available.empty() ? 0 : available.front();
        cores.single = true;
    }
    return cores;
}

PinnedThread::PinnedThread(int cpu) {
    static_assert(sizeof(previous_) >= sizeof(cpu_set_t));
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0) {
        return;
    }
    std::memcpy(previous_.data(), &set, sizeof(set));
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    pinned_ = sched_setaffinity(0, sizeof(set), &set) == 0;
}

PinnedThread::~PinnedThread() {
    if (pinned_) {
        cpu_set_t set;
        std::memcpy(&set, previous_.data(), sizeof(set));
        sched_setaffinity(0, sizeof(set), &set);
    }
}

namespace {

/// Descriptors opened for the start of one child only.
class TemporaryFds {
public:
    ~TemporaryFds() {
        for (const int fd : fds_) {
            close(fd);
        }
    }
    int keep(int fd) {
        fds_.push_back(fd);
        return fd;
    }

private:
    std::vector<int> fds_;
};

Result<void> pass_region(
    sandbox::Command& command,
    TemporaryFds& temporary,
    std::uint32_t region,
    const std::shared_ptr<SharedMemory>& memory,
    bool writable) {
    if (!memory || memory->fd() < 0) {
        return {};
    }
    int fd = memory->fd();
    if (!writable) {
        KW_TRY_ASSIGN(const int read_only, memory->open_read_only());
        fd = temporary.keep(read_only);
    }
    command.fds.push_back({fd, harness::k_fd_regions + static_cast<int>(region) - 1});
    command.limits.memory_bytes += static_cast<std::int64_t>(memory->bytes().size());
    return {};
}

void fill_segments(const RunnerSpec& spec, harness::Control& control) {
    for (const harness::Segment& segment : spec.segments) {
        const bool hidden = (spec.prepares && segment.region == harness::region_in) ||
                            (segment.region == harness::region_packed && !spec.packed);
        if (!hidden) {
            KW_CHECK(control.segment_count < harness::k_max_segments);
            control.segments[control.segment_count++] = segment;
        }
    }
}

sandbox::Command runner_command(const RunnerSpec& spec) {
    sandbox::Command command;
    command.argv = {"/kw/kw-runner", spec.prepares ? "prepare" : "serve"};
    for (const Layer layer : all_layers()) {
        if (!spec.layers.has(layer)) {
            command.argv.push_back("--without=" + std::string(name(layer)));
        }
    }
    command.binds = {{spec.program, "/kw/kw-runner", false}};
    // One thread for every peer library, and no search for other libraries.
    command.env = {
        {"PATH", "/usr/bin"},
        {"OMP_NUM_THREADS", "1"},
        {"OPENBLAS_NUM_THREADS", "1"},
        {"DNNL_VERBOSE", "0"},
        {"LC_ALL", "C"}};
    command.filter = sandbox::Filter::run;
    command.pin_cpu = spec.cores.child;
    command.limits.wall = 3600s;
    command.limits.cpu = std::chrono::seconds(3600);
    command.limits.memory_bytes = spec.extra_memory + (std::int64_t{64} << 20);
    command.limits.processes = spec.mode == harness::mode_peer ? 16 : 4;
    command.limits.file_bytes = 0;
    command.limits.output_bytes = 4096;
    return command;
}

}  // namespace

Result<std::unique_ptr<Runner>> Runner::start(sandbox::Sandbox& sandbox, const RunnerSpec& spec) {
    std::unique_ptr<Runner> runner(new Runner());
    runner->spec_ = spec;
    KW_TRY_ASSIGN(
        runner->control_memory_, SharedMemory::create("kw-control", 4096, FutureWrites::yes));
    runner->control_ = new (runner->control_memory_->bytes().data()) harness::Control{};
    harness::Control& control = *runner->control_;
    control.mode = spec.mode;
    control.yield = spec.cores.single ? 1 : 0;

    sandbox::Command command = runner_command(spec);
    TemporaryFds temporary;
    command.fds.push_back({runner->control_memory_->fd(), harness::k_fd_control});
    if (!spec.shared_object.empty()) {
        const bool held = spec.layers.has(Layer::load_filter);
        KW_TRY_ASSIGN(
            const int fd,
            sealed_object(spec.shared_object, held ? LoadTimeCode::held : LoadTimeCode::at_large));
        command.fds.push_back({temporary.keep(fd), harness::k_fd_object});
    }
    fill_segments(spec, control);
    const bool writable = !spec.layers.has(Layer::read_only_inputs);
    if (!spec.prepares) {
        KW_TRY(pass_region(command, temporary, harness::region_in, spec.in, writable));
    }
    KW_TRY(pass_region(command, temporary, harness::region_weights, spec.weights, writable));
    KW_TRY(pass_region(
        command, temporary, harness::region_packed, spec.packed, writable || spec.prepares));
    KW_TRY(pass_region(command, temporary, harness::region_io, spec.io, true));

    KW_TRY_ASSIGN(runner->child_, sandbox.start(command));
    if (!runner->wait_ready()) {
        return runner;
    }
    runner->child_->freeze();
    runner->delay_ = RunDelay::of(runner->child_->pid());
    return runner;
}

Runner::~Runner() {
    if (child_ && child_->running()) {
        child_->kill();
    }
}

bool Runner::wait_ready() {
    const auto deadline = steady_clock::now() + 20s;
    auto pause = 50us;
    while (steady_clock::now() < deadline) {
        if (*static_cast<volatile std::uint32_t*>(&control_->phase) >= harness::phase_ready) {
            return true;
        }
        if (!child_->running()) {
            die(false);
            return false;
        }
        std::this_thread::sleep_for(pause);
    }
    die(true);
    return false;
}

bool Runner::wait_for(
    const std::atomic<std::uint64_t>& word,
    std::uint64_t value,
    steady_clock::time_point deadline) {
    auto next_look = steady_clock::now() + 2ms;
    for (std::uint32_t spin = 1;; ++spin) {
        if (word.load(std::memory_order_acquire) == value) {
            return true;
        }
        if (spec_.cores.single) {
            sched_yield();
        } else {
            _mm_pause();
        }
        if (spin % 256 != 0) {
            continue;
        }
        const auto now = steady_clock::now();
        if (now > deadline) {
            die(true);
            return false;
        }
        if (now > next_look) {
            if (!child_->running()) {
                die(false);
                return false;
            }
            next_look = now + 1ms;
        }
    }
}

namespace {

double judge_waited_ns() {
    thread_local const RunDelay mine = RunDelay::of_this_thread();
    return mine.ns().value_or(0);
}

}  // namespace

// Both are looked at: a judge without a processor sees "done" too late.
double Runner::waited_ns() const {
    if (spec_.cores.single) {
        return 0;  // they share the processor: each waits for the other
    }
    return judge_waited_ns() + delay_.ns().value_or(0);
}

void Runner::die(bool timed_out) {
    harness::Evidence evidence;
    const std::uint32_t phase = control_->phase;
    const sandbox::Outcome outcome = timed_out ? child_->kill() : child_->wait(2000ms);
    std::memcpy(&evidence, &control_->evidence, sizeof(evidence));
    failed_ = true;
    failure_ = explain_failure(spec_, outcome, evidence, phase, timed_out);
}

CallOutcome Runner::call(const CallSpec& spec) {
    CallOutcome outcome;
    if (failed_) {
        outcome.failure = failure_;
        return outcome;
    }
    KW_CHECK(spec.pointers.size() < harness::k_max_pointers && spec.dims.size() <= 16);
    harness::Control& control = *control_;
    control.function = spec.function;
    control.pointer_count = static_cast<std::uint32_t>(spec.pointers.size());
    std::copy(spec.dims.begin(), spec.dims.end(), control.dims);
    const auto give_pointers = [&] {
        std::copy(spec.pointers.begin(), spec.pointers.end(), control.pointers);
    };
    const bool late = spec_.layers.has(Layer::late_inputs);
    if (!late) {
        give_pointers();
    }
    const std::uint64_t number = ++number_;
    control.arm.store(number, std::memory_order_release);
    child_->thaw();
    if (!wait_for(control.armed, number, steady_clock::now() + 2s)) {
        outcome.failure = failure_;
        return outcome;
    }
    const double waited = waited_ns();
    if (spec.at_go) {
        spec.at_go();
    }
    if (late) {
        give_pointers();
    }
    const auto start = steady_clock::now();
    control.go.store(number, std::memory_order_release);
    if (!wait_for(control.done, number, start + spec.limit)) {
        outcome.failure = failure_;
        return outcome;
    }
    const auto end = steady_clock::now();
    if (spec.at_done) {
        spec.at_done();
    }
    outcome.waited_ns = waited_ns() - waited;
    if (spec_.layers.has(Layer::freeze) && !child_->freeze()) {
        die(false);
        outcome.failure = failure_;
        return outcome;
    }
    outcome.ok = true;
    outcome.ns = std::chrono::duration<double, std::nano>(end - start).count();
    outcome.value = control.value;
    return outcome;
}

}  // namespace kw::cpu
