// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <spawn.h>

namespace kw::server {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t k_most_out = std::size_t{8} << 20;
constexpr std::size_t k_most_err = std::size_t{64} << 10;

class OwnedFd {
public:
    explicit OwnedFd(int fd = -1)
        : fd_(fd) {}
    ~OwnedFd() { reset(); }
    OwnedFd(const OwnedFd&) = delete;
    OwnedFd& operator=(const OwnedFd&) = delete;
    [[nodiscard]] int get() const { return fd_; }
    void reset(int fd = -1) {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = fd;
    }

private:
    int fd_;
};

struct Pipe {
    OwnedFd read;
    OwnedFd write;
    [[nodiscard]] bool open() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            return false;
        }
        read.reset(ends[0]);
        write.reset(ends[1]);
        return true;
    }
};

Error failure(const std::string& program, const std::string& what) {
    return {Errc::environment, "running " + program + ": " + what, ""};
}

/// What can be read now, up to `most`; the rest is read and forgotten. False at the end.
bool take(int fd, std::string& text, std::size_t most) {
    std::array<char, 16384> buffer{};
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count > 0) {
        text.append(buffer.data(), std::min(static_cast<std::size_t>(count), most - text.size()));
        return true;
    }
    return count < 0 && errno == EINTR;
}

Result<pid_t> start(const std::vector<std::string>& argv, int in, int out, int err) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in, 0);
    ::posix_spawn_file_actions_adddup2(&actions, out, 1);
    ::posix_spawn_file_actions_adddup2(&actions, err, 2);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    // A group of its own: Ctrl-C at our terminal is ours to handle.
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::vector<std::string> words = argv;
    std::vector<char*> pointers;
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    pid_t pid = -1;
    const int failed =
        ::posix_spawnp(&pid, pointers[0], &actions, &attributes, pointers.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (failed != 0) {
        return failure(argv.front(), std::strerror(failed));
    }
    return pid;
}

/// Reads both streams until they end; false: not in time.
bool listen(int out, int err, Steady::time_point until, ProgramEnd& end) {
    bool out_open = true;
    bool err_open = true;
    while (out_open || err_open) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now()).count();
        if (left <= 0) {
            return false;
        }
        std::array<pollfd, 2> fds = {
            {{out_open ? out : -1, POLLIN, 0}, {err_open ? err : -1, POLLIN, 0}}};
        ::poll(fds.data(), fds.size(), static_cast<int>(std::min<long>(left, 60'000)));
        if (fds[0].revents != 0) {
            out_open = take(out, end.out, k_most_out);
        }
        if (fds[1].revents != 0) {
            err_open = take(err, end.err, k_most_err);
        }
    }
    return true;
}

}  // namespace

Result<ProgramEnd> run_program(
    const std::vector<std::string>& argv,
    const std::string& input,
    std::chrono::milliseconds at_most) {
    KW_CHECK(!argv.empty());
    const Steady::time_point until = Steady::now() + at_most;
    // A file in memory as stdin: no pipe to fill, no SIGPIPE when the program does not read it.
    const OwnedFd in(::memfd_create("kw-input", MFD_CLOEXEC));
    Pipe out;
    Pipe err;
    if (in.get() < 0 ||
        ::write(in.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size()) ||
        ::lseek(in.get(), 0, SEEK_SET) != 0 || !out.open() || !err.open()) {
        return failure(argv.front(), std::strerror(errno));
    }
    KW_TRY_ASSIGN(const pid_t pid, start(argv, in.get(), out.write.get(), err.write.get()));
    out.write.reset();
    err.write.reset();
    ProgramEnd end;
    const bool in_time = listen(out.read.get(), err.read.get(), until, end);
    if (!in_time) {
        ::kill(-pid, SIGKILL);
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!in_time) {
        return failure(argv.front(), "no end after " + std::to_string(at_most.count()) + " ms");
    }
    end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return end;
}

}  // namespace kw::server
