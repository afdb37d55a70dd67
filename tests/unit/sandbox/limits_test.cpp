// SPDX-License-Identifier: Apache-2.0
// Programs that want more time, memory, output, files or processes than they may have.
#include "sandbox/group.hpp"
#include "tests/unit/sandbox/box.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

using namespace kw::sandbox;
using namespace kw::sandbox::test;
using namespace std::chrono_literals;

namespace {

/// The number after `word` in what the hostile program said.
long number_after(const std::string& text, const std::string& word) {
    const auto at = text.find(word + " ");
    return at == std::string::npos ? -1 : std::atol(text.c_str() + at + word.size() + 1);
}

bool has_layer(const std::string& name) {
    for (const auto& layer : box().sandbox->profile().layers) {
        if (layer.rfind(name, 0) == 0) {
            return true;
        }
    }
    return false;
}

}  // namespace

TEST_CASE("sandbox: a sleeper past the wall limit is ended and said so") {
    Command command = box().hostile({"hang"});
    command.limits.wall = 150ms;
    const Outcome outcome = box().run(command);
    CHECK(outcome.ended_by == EndedBy::wall_limit);
    CHECK(outcome.signal == SIGKILL);
}

TEST_CASE("sandbox: a spinning program meets the processor limit", "[slow]") {
    Command command = box().hostile({"spin"});
    command.limits.cpu = 1s;
    const Outcome outcome = box().run(command);
    CHECK(outcome.ended_by == EndedBy::cpu_limit);
    CHECK(outcome.signal == SIGXCPU);
    CHECK(outcome.cpu_s >= 0.5);  // the limit counts ticks, this counts time
}

TEST_CASE("sandbox: ignoring SIGXCPU only buys one more second", "[slow]") {
    Command command = box().hostile({"spin", "ignoring"});
    command.limits.cpu = 1s;
    const Outcome outcome = box().run(command);
    CHECK(outcome.ended_by == EndedBy::cpu_limit);
    CHECK(outcome.signal == SIGKILL);
}

TEST_CASE("sandbox: a fork bomb stops at the process limit and leaves nothing") {
    Command command = box().hostile({"fork_bomb"});
    command.limits.processes = 20;
    const Outcome outcome = box().run(command);
    CHECK(outcome.ended_by == EndedBy::exit);
    CHECK(number_after(outcome.out, "forked") == 19);  // the program itself is one
}

TEST_CASE("sandbox: an endless fork bomb is ended at the wall limit") {
    Command command = box().hostile({"endless_fork_bomb"});
    command.limits.processes = 40;
    command.limits.wall = 300ms;
    CHECK(box().run(command).ended_by == EndedBy::wall_limit);
}

TEST_CASE("sandbox: one process may be asked for and then no thread can be made") {
    Command command = box().hostile({"count", "2"});
    const int memory = ::memfd_create("counter", MFD_CLOEXEC);
    REQUIRE(::ftruncate(memory, 4096) == 0);
    command.fds.push_back({memory, 10});
    command.limits.processes = 1;
    CHECK(box().run(command).exit_code == 6);
    ::close(memory);
}

TEST_CASE("sandbox: a memory hog is refused beyond its address space") {
    Command command = box().hostile({"memory_hog"});
    command.limits.memory_bytes = std::int64_t{200} << 20;
    const Outcome outcome = box().run(command);
    if (outcome.ended_by == EndedBy::memory_limit) {
        CHECK(outcome.signal == SIGKILL);  // the control group was there first
    } else {
        CHECK(outcome.exit_code == 9);
        CHECK(number_after(outcome.out, "megabytes") < 200);
    }
    CHECK(outcome.peak_bytes <= std::int64_t{210} << 20);
}

TEST_CASE("sandbox: files in the private tmp count as memory where there is a control group") {
    Command command = box().hostile({"fill_directory", "/tmp"});
    command.limits.memory_bytes = std::int64_t{64} << 20;
    command.limits.file_bytes = std::int64_t{256} << 20;
    const Outcome outcome = box().run(command);
    if (has_layer("cgroup")) {
        CHECK(outcome.ended_by == EndedBy::memory_limit);
    } else {
        CHECK(number_after(outcome.out, "bytes") <= std::int64_t{64} << 20);
    }
}

TEST_CASE("sandbox: the private tmp cannot grow beyond twice the largest file") {
    Command command = box().hostile({"fill_directory", "/tmp"});
    command.limits.file_bytes = std::int64_t{12} << 20;
    const Outcome outcome = box().run(command);
    CHECK(number_after(outcome.out, "bytes") > 0);
    CHECK(number_after(outcome.out, "bytes") <= std::int64_t{24} << 20);
}

TEST_CASE("sandbox: what a driver shares cannot grow without end") {
    Command command = box().hostile({"fill_directory", "/dev/shm"});
    command.filter = Filter::gpu;
    const Outcome outcome = box().run(command);
    CHECK(number_after(outcome.out, "bytes") > 0);
    CHECK(number_after(outcome.out, "bytes") <= std::int64_t{16} << 20);
}

TEST_CASE("sandbox: nothing can be stored outside the private tmp") {
    for (const char* place : {"/dev/shm", "/dev", "/", "/etc", "/usr", "/box", "/proc"}) {
        INFO(place);
        const Outcome outcome = box().run({"fill_directory", place});
        CHECK(outcome.out == "bytes 0\n");
    }
}

TEST_CASE("sandbox: a file stops at its size limit with a signal") {
    Command command = box().hostile({"fill_file", "/tmp/big"});
    command.limits.file_bytes = 1 << 20;
    const Outcome outcome = box().run(command);
    CHECK(outcome.ended_by == EndedBy::signal);
    CHECK(outcome.signal == SIGXFSZ);
}

TEST_CASE("sandbox: no file at all may be asked for while output still arrives") {
    Command command = box().hostile({"fill_file", "/tmp/any"});
    command.limits.file_bytes = 0;
    CHECK(box().run(command).signal == SIGXFSZ);
    command = box().hostile({"flood", "10"});
    command.limits.file_bytes = 0;
    CHECK(box().run(command).out == "xxxxxxxxxx");
    CHECK(box().start(command)->wait(20s).out == "xxxxxxxxxx");
}

TEST_CASE("sandbox: long output is cut at the limit and said") {
    Command command = box().hostile({"flood", "100001"});
    command.limits.output_bytes = 100'000;
    const Outcome outcome = box().run(command);
    CHECK(outcome.ended_by == EndedBy::exit);
    CHECK(outcome.out.size() == 100'000);
    CHECK(outcome.out_cut);
    CHECK_FALSE(outcome.err_cut);
}

TEST_CASE("sandbox: output of exactly the limit is whole") {
    Command command = box().hostile({"flood", "100000"});
    command.limits.output_bytes = 100'000;
    const Outcome outcome = box().run(command);
    CHECK(outcome.out.size() == 100'000);
    CHECK_FALSE(outcome.out_cut);
}

TEST_CASE("sandbox: an endless flood is ended and keeps only the first bytes") {
    Command command = box().hostile({"flood", "0"});
    command.limits.output_bytes = 100'000;
    const Outcome outcome = box().run(command);
    CHECK(outcome.ended_by == EndedBy::output_limit);
    CHECK(outcome.out.size() == 100'000);
    CHECK(outcome.out_cut);
}

TEST_CASE("sandbox: a process in a session of its own is dead when run returns") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    Command command = box().hostile({"orphan"});
    command.fds.push_back({ends[1], 9});
    const Outcome outcome = box().run(command);
    CHECK(outcome.exit_code == 0);
    ::close(ends[1]);
    char byte = 0;
    CHECK(::read(ends[0], &byte, 1) == 0);  // end of file: nobody holds the other end
    ::close(ends[0]);
}

TEST_CASE("sandbox: exit codes and signals are the program's own") {
    struct Case {
        std::vector<std::string> words;
        int exit_code;
        int signal;
    };
    const std::vector<Case> cases{
        {{"end", "exit", "0"}, 0, 0},
        {{"end", "exit", "3"}, 3, 0},
        {{"end", "exit", "139"}, 139, 0},  // not mistaken for 128 + SIGSEGV
        {{"end", "exit", "255"}, 255, 0},
        {{"end", "raise", "15"}, 0, SIGTERM},
        {{"end", "raise", "9"}, 0, SIGKILL},
        {{"end", "abort", "0"}, 0, SIGABRT},
        {{"end", "segv", "0"}, 0, SIGSEGV},
        {{"own_filter"}, 0, SIGSYS}};
    for (const auto& one : cases) {
        INFO(one.words.back());
        const Outcome outcome = box().run(one.words);
        CHECK(outcome.exit_code == one.exit_code);
        CHECK(outcome.signal == one.signal);
        CHECK(outcome.ended_by == (one.signal != 0 ? EndedBy::signal : EndedBy::exit));
    }
}

TEST_CASE("sandbox: an ending is decoded with the nearest cause first") {
    struct Case {
        int wait_status;
        double cpu_s;
        int oom_kills;
        Cause cause;
        EndedBy expected;
    };
    const Limits limits{};  // 60 s of processor time
    const std::vector<Case> cases{
        {0, 1, 0, Cause::itself, EndedBy::exit},
        {0, 70, 0, Cause::itself, EndedBy::exit},            // all done, spread over processes
        {4 << 8, 61, 0, Cause::itself, EndedBy::cpu_limit},  // a driver whose child was ended
        {4 << 8, 1, 0, Cause::itself, EndedBy::exit},
        {SIGXCPU, 1, 0, Cause::itself, EndedBy::cpu_limit},
        {SIGKILL, 61, 0, Cause::itself, EndedBy::cpu_limit},
        {SIGKILL, 1, 1, Cause::itself, EndedBy::memory_limit},
        {0, 1, 1, Cause::itself, EndedBy::exit},  // it lost a process and went on
        {SIGKILL, 1, 0, Cause::wall_limit, EndedBy::wall_limit},
        {SIGKILL, 1, 0, Cause::output_limit, EndedBy::output_limit},
        {SIGKILL, 1, 0, Cause::killed_by_us, EndedBy::killed_by_us},
        {SIGSEGV, 1, 0, Cause::itself, EndedBy::signal}};
    for (const auto& one : cases) {
        Ending ending;
        ending.wait_status = one.wait_status;
        ending.cpu_s = one.cpu_s;
        ending.oom_kills = one.oom_kills;
        INFO(one.wait_status << " " << one.cpu_s << " " << one.oom_kills);
        CHECK(decode(ending, one.cause, limits).ended_by == one.expected);
        ending.never = true;
        CHECK(decode(ending, one.cause, limits).ended_by == EndedBy::never);
    }
}
