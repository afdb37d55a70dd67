// SPDX-License-Identifier: Apache-2.0
#include "agent/proposers/proposers.hpp"
#include "agent/replies/reply_parser.hpp"
#include "agent/text.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <spawn.h>

namespace kw::agent {

namespace {

constexpr std::size_t k_max_output = 4 * k_max_reply_bytes;

class Fd {
public:
    explicit Fd(int fd = -1)
        : fd_(fd) {}
    ~Fd() { reset(); }
    Fd(Fd&& other) noexcept
        : fd_(other.fd_) {
        other.fd_ = -1;
    }
    Fd& operator=(Fd&&) = delete;
    [[nodiscard]] int get() const { return fd_; }
    void reset() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = -1;
    }

private:
    int fd_;
};

Error os_error(const std::string& doing) {
    return {Errc::environment, doing + ": " + std::strerror(errno), ""};
}

/// Appends what can be read now; false at the end of the stream.
bool drain(int fd, std::string& out) {
    std::array<char, 65536> buffer{};
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count > 0) {
        const auto bytes = static_cast<std::size_t>(count);
        out.append(
            buffer.data(), std::min(bytes, k_max_output - std::min(k_max_output, out.size())));
        return true;
    }
    return count < 0 && (errno == EINTR || errno == EAGAIN);
}

struct Running {
    pid_t pid = -1;
    int out = -1;
    int err = -1;
};

class CommandProposer final : public Proposer {
public:
    CommandProposer(std::string command, double timeout_s, Clock& clock)
        : command_(std::move(command))
        , timeout_s_(timeout_s)
        , clock_(clock) {}

    [[nodiscard]] std::string label() const override { return "command"; }
    [[nodiscard]] double worst_case_usd(const ProposeRequest&) const override { return 0; }

    Result<Reply> propose(
        const ProposeRequest& request, const std::atomic<int>& cancelled) override {
        // A file in memory as stdin: no pipe to fill, no SIGPIPE when the command does not read.
        Fd input(::memfd_create("kw-prompt", MFD_CLOEXEC));
        const std::string prompt = whole_prompt(request);
        if (input.get() < 0 ||
            ::write(input.get(), prompt.data(), prompt.size()) !=
                static_cast<ssize_t>(prompt.size()) ||
            ::lseek(input.get(), 0, SEEK_SET) != 0) {
            return os_error("preparing the prompt for the command");
        }
        std::array<int, 2> out{};
        std::array<int, 2> err{};
        if (::pipe2(out.data(), O_CLOEXEC) != 0) {
            return os_error("making a pipe for the command");
        }
        Fd out_read(out[0]);
        Fd out_write(out[1]);
        if (::pipe2(err.data(), O_CLOEXEC) != 0) {
            return os_error("making a pipe for the command");
        }
        Fd err_read(err[0]);
        Fd err_write(err[1]);
        KW_TRY_ASSIGN(
            const pid_t pid, spawn(request, input.get(), out_write.get(), err_write.get()));
        out_write.reset();
        err_write.reset();
        return collect({pid, out_read.get(), err_read.get()}, cancelled);
    }

private:
    Result<pid_t> spawn(const ProposeRequest& request, int in, int out, int err) {
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, in, 0);
        ::posix_spawn_file_actions_adddup2(&actions, out, 1);
        ::posix_spawn_file_actions_adddup2(&actions, err, 2);
        posix_spawnattr_t attributes;
        ::posix_spawnattr_init(&attributes);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        std::vector<std::string> environment;
        for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
            environment.emplace_back(*entry);
        }
        environment.push_back("KWRIGHT_CAMPAIGN=" + request.campaign);
        environment.push_back("KWRIGHT_STEP=" + std::to_string(request.step));
        environment.push_back("KWRIGHT_SLOT=" + std::to_string(request.slot));
        std::vector<char*> envp;
        for (std::string& entry : environment) {
            envp.push_back(entry.data());
        }
        envp.push_back(nullptr);
        std::string shell = "sh";
        std::string flag = "-c";
        std::array<char*, 4> argv = {shell.data(), flag.data(), command_.data(), nullptr};
        pid_t pid = -1;
        const int failure =
            ::posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv.data(), envp.data());
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
        if (failure != 0) {
            errno = failure;
            return os_error("starting /bin/sh for the proposer command");
        }
        return pid;
    }

    Result<Reply> collect(const Running& child, const std::atomic<int>& cancelled) {
        std::string out;
        std::string err;
        std::string stopped;
        bool out_open = true;
        bool err_open = true;
        const std::chrono::nanoseconds begin = clock_.steady();
        while (out_open && stopped.empty()) {
            std::array<pollfd, 2> fds = {
                {{child.out, POLLIN, 0}, {err_open ? child.err : -1, POLLIN, 0}}};
            ::poll(fds.data(), fds.size(), 100);
            if (fds[0].revents != 0) {
                out_open = drain(child.out, out);
            }
            if (fds[1].revents != 0) {
                err_open = drain(child.err, err);
            }
            if (cancelled.load() > 0) {
                stopped = "stopped";
            } else if (
                std::chrono::duration<double>(clock_.steady() - begin).count() > timeout_s_) {
                stopped = "no answer after " + figure(timeout_s_, 0) + " s";
            } else if (out.size() >= k_max_output) {
                stopped = "more than 4 MiB of output";
            }
        }
        if (!stopped.empty()) {
            ::kill(-child.pid, SIGKILL);
        }
        int status = 0;
        while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
        }
        ::kill(-child.pid, SIGKILL);  // whatever it left behind in its group
        if (stopped.empty() && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
            stopped = WIFEXITED(status) ? "exit status " + std::to_string(WEXITSTATUS(status))
                                        : "signal " + std::to_string(WTERMSIG(status));
            stopped += err.empty() ? "" : ": " + one_line(err, 300);
        }
        if (!stopped.empty()) {
            const bool ours = cancelled.load() > 0;
            return Error{
                ours ? Errc::interrupted : Errc::model,
                "running the proposer command '" + one_line(command_, 80) + "': " + stopped,
                ours ? ""
                     : "try it by hand with a prompt on stdin; the answer must come on stdout"};
        }
        Reply reply;
        reply.text = std::move(out);
        reply.model = label();
        return reply;
    }

    std::string command_;
    double timeout_s_;
    Clock& clock_;
};

}  // namespace

std::unique_ptr<Proposer> make_command_proposer(
    const std::string& command, double timeout_s, Clock& clock) {
    return std::make_unique<CommandProposer>(command, timeout_s, clock);
}

}  // namespace kw::agent
