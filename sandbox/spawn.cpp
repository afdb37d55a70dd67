// SPDX-License-Identifier: Apache-2.0
#include "sandbox/spawn.hpp"

#include "sandbox/system_error.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace kw::sandbox {
namespace {

enum class Stage : int { descriptors, identity, reach, cwd, exec };

struct Failure {
    Stage stage;
    int number;
    int index;
};

/// Everything the child needs, laid out before fork: between fork and exec of a threaded process
/// only async-signal-safe calls are allowed.
struct Prepared {
    std::vector<char*> argv;
    std::vector<char*> env;
    std::vector<const char*> reach;
    std::vector<int> high;  // scratch for the descriptors, one each
    int above_all = 3;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (const auto& text : texts) {
        list.push_back(const_cast<char*>(text.c_str()));
    }
    list.push_back(nullptr);
    return list;
}

[[noreturn]] void fail(int pipe_end, Stage stage, int index) {
    const Failure failure{stage, errno, index};
    const ssize_t ignored = ::write(pipe_end, &failure, sizeof(failure));
    ::_exit(ignored < 0 ? 126 : 127);
}

void close_on_exec_from(unsigned first) {
    constexpr unsigned k_cloexec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
    if (::syscall(SYS_close_range, first, ~0U, k_cloexec) == 0) {
        return;
    }
    for (int fd = static_cast<int>(first); fd < 65536; ++fd) {
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

/// First all sources up above every target, then down to their places: a source may lie at the
/// number that another one is meant for. Returns where the error pipe is afterwards.
int place_descriptors(const SpawnPlan& plan, Prepared& prepared, int pipe_end) {
    close_on_exec_from(0);
    const int pipe_high = ::fcntl(pipe_end, F_DUPFD_CLOEXEC, prepared.above_all);
    if (pipe_high < 0) {
        fail(pipe_end, Stage::descriptors, -1);
    }
    for (std::size_t i = 0; i < plan.fds.size(); ++i) {
        prepared.high[i] = ::fcntl(plan.fds[i].first, F_DUPFD_CLOEXEC, prepared.above_all);
        if (prepared.high[i] < 0) {
            fail(pipe_high, Stage::descriptors, plan.fds[i].second);
        }
    }
    for (std::size_t i = 0; i < plan.fds.size(); ++i) {
        if (::dup2(prepared.high[i], plan.fds[i].second) < 0) {
            fail(pipe_high, Stage::descriptors, plan.fds[i].second);
        }
    }
    return pipe_high;
}

/// Raw calls: libc's would try to tell the threads of a process that is no longer there.
void become(const Identity& identity, int pipe_end) {
    if (!identity.drop) {
        return;
    }
    if (::syscall(SYS_setgroups, 0, nullptr) != 0 ||
        ::syscall(SYS_setresgid, identity.gid, identity.gid, identity.gid) != 0 ||
        ::syscall(SYS_setresuid, identity.uid, identity.uid, identity.uid) != 0) {
        fail(pipe_end, Stage::identity, 0);
    }
}

void default_signals() {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal < 65; ++signal) {
        ::sigaction(signal, &action, nullptr);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// If memory runs out, the children go first. Raising one's own score needs no privilege.
void offer_to_oom_killer() {
    const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        const ssize_t ignored = ::write(fd, "1000", 4);
        (void)ignored;
        ::close(fd);
    }
}

[[noreturn]] void run_child(const SpawnPlan& plan, Prepared& prepared, int pipe_end) {
    ::setsid();  // the terminal's Ctrl-C is for kwright, which ends its children itself
    default_signals();
    offer_to_oom_killer();
    pipe_end = place_descriptors(plan, prepared, pipe_end);
    become(plan.identity, pipe_end);
    ::umask(022);
    for (std::size_t i = 0; i < prepared.reach.size(); ++i) {
        if (::access(prepared.reach[i], F_OK) != 0) {
            fail(pipe_end, Stage::reach, static_cast<int>(i));
        }
    }
    if (::chdir(plan.cwd.c_str()) != 0) {
        fail(pipe_end, Stage::cwd, 0);
    }
    ::execve(prepared.argv[0], prepared.argv.data(), prepared.env.data());
    fail(pipe_end, Stage::exec, 0);
}

Error describe(const SpawnPlan& plan, const Failure& failure) {
    const std::string user = "user " + std::to_string(plan.identity.uid);
    switch (failure.stage) {
        case Stage::descriptors:
            return system_error(
                "placing descriptor " + std::to_string(failure.index) + " of a child",
                failure.number);
        case Stage::identity:
            return system_error(
                "becoming the ordinary " + user + " before the sandbox starts",
                failure.number,
                "run kwright as an ordinary user, or give the container CAP_SETUID and CAP_SETGID");
        case Stage::reach:
            return system_error(
                "showing " + plan.must_reach.at(static_cast<std::size_t>(failure.index)).string() +
                    " to a sandboxed child as " + user,
                failure.number,
                "the path must be readable by an ordinary user: copy it into a run directory");
        case Stage::cwd:
            return system_error("entering " + plan.cwd.string() + " as " + user, failure.number);
        case Stage::exec: return system_error("starting " + plan.argv.at(0), failure.number);
    }
    return system_error("starting " + plan.argv.at(0), failure.number);
}

}  // namespace

Result<Spawned> spawn(const SpawnPlan& plan) {
    Prepared prepared;
    prepared.argv = pointers(plan.argv);
    prepared.env = pointers(plan.env);
    for (const auto& path : plan.must_reach) {
        prepared.reach.push_back(path.c_str());
    }
    prepared.high.resize(plan.fds.size());
    for (const auto& [ours, theirs] : plan.fds) {
        prepared.above_all = std::max(prepared.above_all, theirs + 1);
    }
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return system_error("making a pipe for a child", errno);
    }
    const Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0) {
        return system_error("forking a child", errno);
    }
    if (pid == 0) {
        run_child(plan, prepared, write_end.get());
    }
    write_end.reset();
    Spawned spawned;
    spawned.pid = pid;
    spawned.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const int pidfd_error = errno;
    Failure failure{};
    ssize_t n = 0;
    do {
        n = ::read(read_end.get(), &failure, sizeof(failure));
    } while (n < 0 && errno == EINTR);
    if (n == 0 && spawned.pidfd) {
        return spawned;
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    if (n == 0) {
        return system_error("opening a pidfd", pidfd_error, "Linux 5.3 or newer is needed");
    }
    return describe(plan, failure);
}

Spawner::Spawner()
    : thread_([this] { work(); }) {}

Spawner::~Spawner() {
    {
        const std::lock_guard guard(mutex_);
        stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Spawner::work() {
    std::unique_lock guard(mutex_);
    for (;;) {
        wake_.wait(guard, [this] { return stop_ || !queue_.empty(); });
        if (queue_.empty()) {
            return;
        }
        auto task = std::move(queue_.front());
        queue_.pop_front();
        guard.unlock();
        task();
        guard.lock();
    }
}

Result<Spawned> Spawner::spawn(const SpawnPlan& plan) {
    std::packaged_task<Result<Spawned>()> task([&plan] { return sandbox::spawn(plan); });
    auto result = task.get_future();
    {
        const std::lock_guard guard(mutex_);
        queue_.push_back(std::move(task));
    }
    wake_.notify_one();
    return result.get();
}

}  // namespace kw::sandbox
