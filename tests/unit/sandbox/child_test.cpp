// SPDX-License-Identifier: Apache-2.0
// Children that stay up: freeze, thaw, kill.
#include "tests/unit/sandbox/box.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <thread>

using namespace kw::sandbox;
using namespace kw::sandbox::test;
using namespace std::chrono_literals;

namespace {

constexpr int k_threads = 4;

/// Counters that the hostile program's threads write, one a cache line.
class Counters {
public:
    Counters() {
        fd_ = ::memfd_create("counters", MFD_CLOEXEC);
        REQUIRE(::ftruncate(fd_, 4096) == 0);
        map_ = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd_, 0);
        REQUIRE(map_ != MAP_FAILED);
    }
    ~Counters() {
        ::munmap(map_, 4096);
        ::close(fd_);
    }
    Counters(const Counters&) = delete;
    Counters& operator=(const Counters&) = delete;

    [[nodiscard]] std::array<std::uint64_t, k_threads> read() const {
        std::array<std::uint64_t, k_threads> values{};
        for (int i = 0; i < k_threads; ++i) {
            values[static_cast<std::size_t>(i)] =
                static_cast<const volatile std::uint64_t*>(map_)[8 * i];
        }
        return values;
    }
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_ = -1;
    void* map_ = nullptr;
};

Command counting(const Counters& counters, std::vector<std::string> extra = {}) {
    std::vector<std::string> words{"count", std::to_string(k_threads)};
    words.insert(words.end(), extra.begin(), extra.end());
    Command command = box().hostile(words);
    command.fds = {{counters.fd(), 10}};
    return command;
}

/// Waits until every counter from `first` on has moved past `before`; false after a long time.
bool all_move(
    const Counters& counters, const std::array<std::uint64_t, k_threads>& before, int first = 0) {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    for (;;) {
        const auto now = counters.read();
        bool moved = true;
        for (std::size_t i = static_cast<std::size_t>(first); i < now.size(); ++i) {
            moved = moved && now[i] > before[i];
        }
        if (moved || std::chrono::steady_clock::now() > give_up) {
            return moved;
        }
        std::this_thread::yield();
    }
}

}  // namespace

TEST_CASE("sandbox: a frozen child with four threads does not move until it is thawed") {
    const Counters counters;
    const auto child = box().start(counting(counters));
    REQUIRE(all_move(counters, {}));
    CHECK(child->tasks() == k_threads);
    for (int round = 0; round < 20; ++round) {
        REQUIRE(child->freeze());
        const auto frozen = counters.read();
        for (int look = 0; look < 200; ++look) {
            REQUIRE(counters.read() == frozen);
            std::this_thread::yield();
        }
        child->thaw();
        REQUIRE(all_move(counters, frozen));
    }
}

TEST_CASE("sandbox: freezing twice and thawing twice is harmless") {
    const Counters counters;
    const auto child = box().start(counting(counters));
    REQUIRE(all_move(counters, {}));
    REQUIRE(child->freeze());
    REQUIRE(child->freeze());
    const auto frozen = counters.read();
    child->thaw();
    child->thaw();
    CHECK(all_move(counters, frozen));
}

TEST_CASE("sandbox: a child whose main thread has ended can still be frozen") {
    const Counters counters;
    const auto child = box().start(counting(counters, {"leave"}));
    REQUIRE(all_move(counters, {}, 1));
    REQUIRE(child->freeze());
    const auto frozen = counters.read();
    for (int look = 0; look < 200; ++look) {
        REQUIRE(counters.read() == frozen);
        std::this_thread::yield();
    }
    child->thaw();
    CHECK(all_move(counters, frozen, 1));
    CHECK(child->running());
}

TEST_CASE("sandbox: a frozen child can be killed") {
    const Counters counters;
    const auto child = box().start(counting(counters));
    REQUIRE(child->freeze());
    const Outcome outcome = child->kill();
    CHECK(outcome.ended_by == EndedBy::killed_by_us);
    CHECK(outcome.signal == SIGKILL);
    CHECK_FALSE(child->running());
    CHECK_FALSE(child->freeze());
    CHECK(child->tasks() == 0);
    CHECK(child->memory().virtual_bytes == 0);
    CHECK(child->kill().ended_by == EndedBy::killed_by_us);  // the same answer again
}

TEST_CASE("sandbox: a child that ends by itself is gone for freeze and keeps its ending") {
    const auto child = box().start(box().hostile({"end", "exit", "6"}));
    const Outcome outcome = child->wait(20s);
    CHECK(outcome.ended_by == EndedBy::exit);
    CHECK(outcome.exit_code == 6);
    CHECK_FALSE(child->freeze());
    CHECK(child->kill().ended_by == EndedBy::exit);
}

TEST_CASE("sandbox: a child that aborts says SIGABRT") {
    const auto child = box().start(box().hostile({"end", "abort", "0"}));
    const Outcome outcome = child->wait(20s);
    CHECK(outcome.ended_by == EndedBy::signal);
    CHECK(outcome.signal == SIGABRT);
}

TEST_CASE("sandbox: waiting for a child that hangs ends it at the limit") {
    const auto child = box().start(box().hostile({"hang"}));
    CHECK(child->running());
    const Outcome outcome = child->wait(100ms);
    CHECK(outcome.ended_by == EndedBy::wall_limit);
    CHECK_FALSE(child->running());
}

TEST_CASE("sandbox: a child nobody reads from can print without being stopped") {
    Command command = box().hostile({"flood", "30000000"});
    command.limits.output_bytes = 5000;
    const auto child = box().start(command);
    const Outcome outcome = child->wait(20s);
    CHECK(outcome.exit_code == 4);  // a write failed: the program was told
    CHECK(outcome.out == std::string(5000, 'x'));
    CHECK(outcome.out_cut);
}

TEST_CASE("sandbox: the pid is the program's on the host") {
    const auto child = box().start(box().hostile({"hang"}));
    char name[64] = {};
    const int fd =
        ::open(("/proc/" + std::to_string(child->pid()) + "/comm").c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(::read(fd, name, sizeof(name) - 1) > 0);
    ::close(fd);
    CHECK(std::string(name) == "hostile\n");
    CHECK(child->memory().virtual_bytes > child->memory().resident_bytes);
    CHECK(child->memory().resident_bytes > 0);
}

TEST_CASE("sandbox: children die with a judge that is killed") {
    int ends[2];
    int ready[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    Command command;
    command.argv = {"/bin/sh", "-c", "setsid sleep 1000 & sleep 1000"};
    command.env = {{"PATH", "/usr/bin:/bin"}};
    command.fds = {{ends[1], 9}};
    const pid_t judge = ::fork();
    REQUIRE(judge >= 0);
    if (judge == 0) {
        auto sandbox = open_sandbox("auto");
        auto child = (*sandbox)->start(command);
        const ssize_t ignored = ::write(ready[1], child.ok() ? "y" : "n", 1);
        ::pause();
        ::_exit(ignored < 0 ? 1 : 0);
    }
    char answer = 0;
    REQUIRE(::read(ready[0], &answer, 1) == 1);
    CHECK(answer == 'y');
    ::close(ends[1]);
    ::kill(judge, SIGKILL);
    ::waitpid(judge, nullptr, 0);
    pollfd entry{ends[0], POLLIN, 0};
    REQUIRE(::poll(&entry, 1, 20'000) == 1);
    CHECK(::read(ends[0], &answer, 1) == 0);  // end of file: all holders are dead
    for (const int fd : {ends[0], ready[0], ready[1]}) {
        ::close(fd);
    }
}

TEST_CASE("sandbox: a child outlives the thread that started it") {
    std::unique_ptr<Child> child;
    auto& shared = box();
    std::thread([&] { child = shared.start(shared.hostile({"hang"})); }).join();
    // What the thread's end would set off reaches the helper before this call comes to its end.
    CHECK(child->wait(200ms).ended_by == EndedBy::wall_limit);
}

TEST_CASE("sandbox: many threads may run commands at once") {
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    auto& shared = box();
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&shared, &right, t] {
            for (int i = 0; i < 5; ++i) {
                const int code = 10 * t + i;
                const auto outcome =
                    shared.sandbox->run(shared.hostile({"end", "exit", std::to_string(code)}));
                right += outcome.ok() && outcome->exit_code == code ? 1 : 0;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(right == 20);
}
