// SPDX-License-Identifier: Apache-2.0
#include "sandbox/child.hpp"

#include "sandbox/system_error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

namespace kw::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

/// Reading one stat file costs about a microsecond; after this many the stopping task may need our
/// processor.
constexpr int k_spins_before_yield = 500;
/// A task that will not stop for this long sits in an uninterruptible wait: the child is given up.
constexpr auto k_freeze_limit = std::chrono::seconds(5);

/// The two fields of /proc/PID/stat that freezing needs.
struct Stat {
    char state = 'X';
    int threads = 0;
};

/// State and thread count; nothing when the task is gone. The name in parentheses may hold any
/// bytes, so fields are counted from the last parenthesis.
std::optional<Stat> read_stat(int fd) {
    std::array<char, 512> buffer;
    const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0) {
        return std::nullopt;
    }
    const std::string_view text(buffer.data(), static_cast<std::size_t>(n));
    const auto close = text.rfind(')');
    if (close == std::string_view::npos || close + 2 >= text.size()) {
        return std::nullopt;
    }
    Stat stat;
    stat.state = text[close + 2];
    std::size_t at = close + 2;  // field 3
    for (int field = 3; field < 20 && at != std::string_view::npos; ++field) {
        at = text.find(' ', at + 1);
    }
    if (at != std::string_view::npos) {
        std::from_chars(text.data() + at + 1, text.data() + text.size(), stat.threads);
    }
    return stat;
}

bool is_stopped(char state) {
    return state == 'T';
}

/// A main thread that called pthread_exit stays as a zombie while others run.
bool is_over(char state) {
    return state == 'Z' || state == 'X' || state == 'x';
}

class RunningChild final : public Child {
public:
    RunningChild(std::unique_ptr<Group> group, FileOutput out, FileOutput err, Limits limits)
        : group_(std::move(group))
        , out_(std::move(out))
        , err_(std::move(err))
        , limits_(limits) {}

    Result<void> open_proc() {
        const std::string base = "/proc/" + std::to_string(pid());
        stat_ = Fd(::open((base + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
        statm_ = Fd(::open((base + "/statm").c_str(), O_RDONLY | O_CLOEXEC));
        task_ = Fd(::open((base + "/task").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        // A child that is gone already is not an error of ours; anything else is.
        if ((!stat_ || !statm_ || !task_) && running()) {
            return system_error("opening " + base, errno);
        }
        return {};
    }

    [[nodiscard]] int pid() const override { return group_->program_pid; }

    bool freeze() override {
        if (!signal(SIGSTOP)) {
            return false;
        }
        const auto give_up = Clock::now() + k_freeze_limit;
        for (int spin = 0;; ++spin) {
            switch (look()) {
                case Look::stopped: return true;
                case Look::gone: return false;
                case Look::moving: break;
            }
            if (spin >= k_spins_before_yield) {
                ::sched_yield();
                if (Clock::now() > give_up) {
                    signal(SIGKILL);
                    return false;
                }
            }
        }
    }

    void thaw() override { signal(SIGCONT); }

    [[nodiscard]] bool running() override {
        pollfd entry{group_->program_pidfd.get(), POLLIN, 0};
        return !outcome_ && group_->program_pidfd && ::poll(&entry, 1, 0) == 0;
    }

    [[nodiscard]] int tasks() override {
        const auto stat = read_stat(stat_.get());
        return stat && !(is_over(stat->state) && stat->threads <= 1) ? stat->threads : 0;
    }

    [[nodiscard]] Memory memory() override {
        std::array<char, 128> buffer;
        const ssize_t n = ::pread(statm_.get(), buffer.data(), buffer.size(), 0);
        Memory memory;
        if (n <= 0) {
            return memory;
        }
        const char* end = buffer.data() + n;
        const auto first = std::from_chars(buffer.data(), end, memory.virtual_bytes);
        if (first.ec == std::errc{} && first.ptr < end) {
            std::from_chars(first.ptr + 1, end, memory.resident_bytes);
        }
        static const std::int64_t page = ::sysconf(_SC_PAGESIZE);
        memory.virtual_bytes *= page;
        memory.resident_bytes *= page;
        return memory;
    }

    Outcome wait(std::chrono::milliseconds at_most) override {
        const auto until = Clock::now() + at_most;
        while (!group_->ended()) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
            if (left.count() <= 0) {
                return conclude(Cause::wall_limit);
            }
            pollfd entry{group_->poll_fd(), POLLIN, 0};
            ::poll(&entry, 1, static_cast<int>(std::min<long long>(left.count(), 60'000)));
        }
        return conclude(Cause::itself);
    }

    Outcome kill() override {
        return conclude(group_->ended() ? Cause::itself : Cause::killed_by_us);
    }

private:
    enum class Look { stopped, moving, gone };

    bool signal(int number) {
        return group_->program_pidfd &&
               ::syscall(SYS_pidfd_send_signal, group_->program_pidfd.get(), number, nullptr, 0) ==
                   0;
    }

    /// One look at every task. All stopped counts only if no task was made meanwhile: a stopped
    /// task makes none, so the count after the look must equal the number looked at.
    Look look() {
        const auto main = read_stat(stat_.get());
        if (!main || (is_over(main->state) && main->threads <= 1)) {
            return Look::gone;
        }
        if (!is_stopped(main->state) && !is_over(main->state)) {
            return Look::moving;
        }
        if (main->threads == 1) {
            return Look::stopped;
        }
        const int seen = look_at_threads();
        if (seen < 0) {
            return Look::moving;
        }
        const auto again = read_stat(stat_.get());
        return again && again->threads == seen ? Look::stopped : Look::moving;
    }

    /// How many tasks there are when each is stopped or over; -1 when one is not.
    int look_at_threads() {
        std::array<char, 32768> buffer;
        ::lseek(task_.get(), 0, SEEK_SET);
        int seen = 0;
        for (;;) {
            const long n = ::syscall(SYS_getdents64, task_.get(), buffer.data(), buffer.size());
            if (n <= 0) {
                return n == 0 ? seen : -1;
            }
            for (long at = 0; at < n;) {
                // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name
                std::uint16_t length = 0;
                std::memcpy(&length, buffer.data() + at + 16, sizeof(length));
                const char* name = buffer.data() + at + 19;
                at += length;
                if (name[0] == '.') {
                    continue;
                }
                if (!thread_stopped(name)) {
                    return -1;
                }
                ++seen;
            }
        }
    }

    bool thread_stopped(const char* name) {
        std::array<char, 32> path;
        const std::size_t size = std::strlen(name);
        if (size + sizeof("/stat") > path.size()) {
            return false;
        }
        std::memcpy(path.data(), name, size);
        std::memcpy(path.data() + size, "/stat", sizeof("/stat"));
        const Fd fd(::openat(task_.get(), path.data(), O_RDONLY | O_CLOEXEC));
        const auto stat = fd ? read_stat(fd.get()) : std::nullopt;
        return stat && (is_stopped(stat->state) || is_over(stat->state));
    }

    Outcome conclude(Cause cause) {
        if (!outcome_) {
            const Ending& ending = group_->finish();
            outcome_ = decode(ending, cause, limits_);
            outcome_->out = out_.read();
            outcome_->err = err_.read();
            outcome_->out_cut = out_.cut();
            outcome_->err_cut = err_.cut();
        }
        return *outcome_;
    }

    std::unique_ptr<Group> group_;
    FileOutput out_;
    FileOutput err_;
    Limits limits_;
    Fd stat_;
    Fd statm_;
    Fd task_;
    std::optional<Outcome> outcome_;
};

}  // namespace

Result<std::unique_ptr<Child>> make_child(
    std::unique_ptr<Group> group, FileOutput out, FileOutput err, const Limits& limits) {
    auto child =
        std::make_unique<RunningChild>(std::move(group), std::move(out), std::move(err), limits);
    KW_TRY(child->open_proc());
    return std::unique_ptr<Child>(std::move(child));
}

}  // namespace kw::sandbox
