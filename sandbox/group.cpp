// SPDX-License-Identifier: Apache-2.0
#include "sandbox/group.hpp"

#include "sandbox/system_error.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

namespace kw::sandbox {
namespace {

using Clock = std::chrono::steady_clock;
using inside::Kind;
using inside::Report;

constexpr auto k_handshake_limit = std::chrono::seconds(30);
constexpr auto k_death_limit = std::chrono::seconds(30);
constexpr auto k_farewell_limit = std::chrono::milliseconds(500);

int milliseconds_until(Clock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    return left < 0 ? 0 : static_cast<int>(std::min<long long>(left, 1 << 30));
}

/// Waits for `fd` to be readable; false when the time is over.
bool wait_readable(int fd, Clock::time_point until) {
    pollfd entry{fd, POLLIN, 0};
    for (;;) {
        const int rc = ::poll(&entry, 1, milliseconds_until(until));
        if (rc != 0 && !(rc < 0 && errno == EINTR)) {
            return rc > 0;
        }
        if (rc == 0) {
            return false;
        }
    }
}

Fd open_pidfd(pid_t pid) {
    return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

void send_signal(const Fd& pidfd, int signal) {
    if (pidfd) {
        ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0);
    }
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

Group::~Group() {
    if (outer.pid > 0) {
        finish();
    }
}

std::optional<Group::Heard> Group::hear(Clock::time_point until) {
    Heard heard;
    iovec data{&heard.report, sizeof(heard.report)};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(ucred))];
    for (;;) {
        if (!wait_readable(control.get(), until)) {
            return std::nullopt;
        }
        msghdr message{};
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = space;
        message.msg_controllen = sizeof(space);
        const ssize_t n = ::recvmsg(control.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (n != static_cast<ssize_t>(sizeof(heard.report))) {
            return std::nullopt;
        }
        heard.report.detail[sizeof(heard.report.detail) - 1] = '\0';
        for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
             part = CMSG_NXTHDR(&message, part)) {
            if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS) {
                ucred sender{};
                std::memcpy(&sender, CMSG_DATA(part), sizeof(sender));
                heard.from = sender.pid;
            }
        }
        return heard;
    }
}

Result<void> Group::begin(const inside::Orders& orders, const std::string& program) {
    const auto until = Clock::now() + k_handshake_limit;
    const auto ready = hear(until);
    if (!ready || ready->report.kind != Kind::ready || ready->from <= 0) {
        return Error{
            Errc::environment, "starting the sandbox: its first process did not come up", {}};
    }
    helper_pid = ready->from;
    helper_pidfd = open_pidfd(helper_pid);
    if (!helper_pidfd) {
        return system_error("opening a pidfd of the sandbox", errno);
    }
    if (memory && !memory->add(helper_pid)) {
        return system_error("moving the sandbox into its memory control group", errno);
    }
    started_ = Clock::now();
    if (::send(control.get(), &orders, sizeof(orders), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(sizeof(orders))) {
        return system_error("sending orders into the sandbox", errno);
    }
    for (;;) {
        const auto heard = hear(until);
        if (!heard) {
            return Error{
                Errc::environment, "starting " + program + " in the sandbox: no answer", {}};
        }
        switch (heard->report.kind) {
            case Kind::forked:
                program_pid = heard->from;
                program_pidfd = open_pidfd(program_pid);
                break;
            case Kind::order_refused:
                return system_error(
                    "setting a limit in the sandbox (" + std::string(heard->report.detail) + ")",
                    heard->report.value);
            case Kind::exec_failed:
                return system_error(
                    "starting " + program + " in the sandbox",
                    heard->report.value,
                    "is the file bound into the sandbox, and readable by an ordinary user?");
            case Kind::running: return {};
            case Kind::ended: last_ = heard->report; return {};
            case Kind::ready: break;
        }
    }
}

bool Group::ended() {
    if (ending_ || last_) {
        return true;
    }
    pollfd entries[2] = {{control.get(), POLLIN, 0}, {outer.pidfd.get(), POLLIN, 0}};
    if (::poll(entries, 2, 0) <= 0) {
        return false;
    }
    const auto heard = hear(Clock::now());
    if (heard && heard->report.kind == Kind::ended) {
        last_ = heard->report;
    }
    return last_.has_value() || entries[1].revents != 0 || !heard;
}

/// A task in an uninterruptible wait takes SIGKILL only when its driver lets go of it, and a GPU
/// that fell off its bus never answers: nobody may wait for that without a limit.
bool Group::seen_dead() {
    const auto until = Clock::now() + k_death_limit;
    bool dead = true;
    for (const Fd* one : {&outer.pidfd, &helper_pidfd, &program_pidfd}) {
        dead = dead && (!*one || wait_readable(one->get(), until));
        if (one == &outer.pidfd && helper_pidfd) {
            // bubblewrap waits for the helper; where it was killed first, the helper came to our
            // init.
            send_signal(helper_pidfd, SIGKILL);
            send_signal(program_pidfd, SIGKILL);
        }
    }
    return dead;
}

void Group::reap() {
    Ending& ending = ending_.emplace();
    rusage usage{};
    int status = 0;
    ending.never = !seen_dead();
    const int patience = ending.never ? WNOHANG : 0;
    while (::wait4(outer.pid, &status, patience, &usage) < 0 && errno == EINTR) {
    }
    outer.pid = -1;
    if (helper_pidfd) {
        ::waitpid(helper_pid, nullptr, WNOHANG);
    }
    ending.wall_s = std::chrono::duration<double>(Clock::now() - started_).count();
    if (last_) {
        ending.wait_status = last_->value;
        ending.cpu_s = static_cast<double>(last_->cpu_ns) * 1e-9;
        ending.peak_bytes = last_->peak_bytes;
    } else {
        ending.wait_status = SIGKILL;  // nothing else ends the helper without a report
        ending.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    }
    if (memory) {
        ending.oom_kills = memory->oom_kills();
        ending.peak_bytes = std::max(ending.peak_bytes, memory->peak_bytes());
        memory.reset();
    }
}

const Ending& Group::finish() {
    if (ending_) {
        return *ending_;
    }
    if (!last_ && helper_pidfd) {
        // Anything on the socket is the word to end; the helper then reports the usage.
        const inside::Orders word;
        ::send(control.get(), &word, sizeof(word), MSG_NOSIGNAL | MSG_DONTWAIT);
        const auto until = Clock::now() + k_farewell_limit;
        while (const auto heard = hear(until)) {
            if (heard->report.kind == Kind::ended) {
                last_ = heard->report;
                break;
            }
        }
    }
    if (!last_) {
        send_signal(helper_pidfd, SIGKILL);
        send_signal(outer.pidfd, SIGKILL);
    }
    reap();
    return *ending_;
}

Outcome decode(const Ending& ending, Cause cause, const Limits& limits) {
    Outcome outcome;
    outcome.wall_s = ending.wall_s;
    outcome.cpu_s = ending.cpu_s;
    outcome.peak_bytes = ending.peak_bytes;
    if (WIFSIGNALED(ending.wait_status)) {
        outcome.signal = WTERMSIG(ending.wait_status);
        outcome.ended_by = EndedBy::signal;
    } else {
        outcome.exit_code = WEXITSTATUS(ending.wait_status);
    }
    const bool failed = outcome.signal != 0 || outcome.exit_code != 0;
    // RLIMIT_CPU counts each process alone: SIGXCPU first, SIGKILL a second later if ignored. A
    // compiler driver turns its child's signal into an exit code.
    const bool cpu_used_up = ending.cpu_s >= static_cast<double>(limits.cpu.count());
    if (ending.never) {
        outcome.ended_by = EndedBy::never;
    } else if (cause == Cause::wall_limit) {
        outcome.ended_by = EndedBy::wall_limit;
    } else if (cause == Cause::output_limit) {
        outcome.ended_by = EndedBy::output_limit;
    } else if (failed && ending.oom_kills > 0) {
        outcome.ended_by = EndedBy::memory_limit;
    } else if (outcome.signal == SIGXCPU || (cause == Cause::itself && failed && cpu_used_up)) {
        outcome.ended_by = EndedBy::cpu_limit;
    } else if (cause == Cause::killed_by_us) {
        outcome.ended_by = EndedBy::killed_by_us;
    }
    return outcome;
}

}  // namespace kw::sandbox
