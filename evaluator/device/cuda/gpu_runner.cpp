// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_runner.hpp"

#include "evaluator/device/cuda/gpu_nodes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace kw::cuda {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* k_inside = "/kw/kw-gpu";
constexpr std::int64_t k_host_bytes = std::int64_t{16}
                                      << 30;  // the driver's own, and pinned memory
constexpr int k_processes = 64;               // threads of the driver
constexpr std::size_t k_last_words = 400;

struct Pipe {
    int read = -1;
    int write = -1;
    ~Pipe() {
        for (const int fd : {read, write}) {
            if (fd >= 0) {
                close(fd);
            }
        }
    }
};

Result<void> make_pipe(Pipe& pipe) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return Error{Errc::environment, std::string("making a pipe: ") + std::strerror(errno), ""};
    }
    pipe.read = ends[0];
    pipe.write = ends[1];
    return {};
}

sandbox::Command command_of(
    const GpuAccess& access, const GpuWrapper& wrapper, std::int64_t transfer_bytes) {
    sandbox::Command command;
    command.argv = wrapper.argv;
    command.argv.emplace_back(k_inside);
    command.argv.push_back(access.driver);
    command.argv.push_back(access.matmul.string());
    command.binds = {{access.program, k_inside, false}};
    for (const auto* folders : {&access.folders, &wrapper.folders}) {
        for (const fs::path& folder : *folders) {
            command.binds.push_back({folder, "", false});
        }
    }
    command.devices = access.nodes;
    if (!wrapper.empty() && !access.nodes.empty()) {
        command.devices.push_back(access.nodes.front().parent_path() / "nvidia-uvm-tools");
    }
    // Everything is loaded before the first call: a kernel that is loaded at its first launch waits
    // for the device, which waits for the judge.
    command.env = {
        {"PATH", "/usr/bin:/bin"},
        {"LC_ALL", "C"},
        {"HOME", "/tmp"},
        {"CUDA_CACHE_DISABLE", "1"},
        {"CUDA_MODULE_LOADING", "EAGER"},
        {"CUDA_DEVICE_ORDER", "PCI_BUS_ID"}};
    command.env.insert(command.env.end(), access.env.begin(), access.env.end());
    command.filter = wrapper.empty() ? sandbox::Filter::gpu : sandbox::Filter::tools;
    command.limits.any_address_space = true;
    command.limits.memory_bytes = k_host_bytes + 2 * transfer_bytes;
    command.limits.cpu = std::chrono::seconds(3600);
    command.limits.processes = k_processes;
    command.limits.file_bytes = std::int64_t{256} << 20;
    return command;
}

}  // namespace

GpuAccess gpu_access(fs::path program, const std::string& driver) {
    GpuAccess access;
    access.program = std::move(program);
    if (!driver.empty()) {
        access.driver = driver;
    }
    const fs::path path(access.driver);
    if (path.is_absolute() && !path.string().starts_with("/usr/")) {
        access.folders.push_back(path.parent_path());
    }
    if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
        access.env.emplace_back("CUDA_VISIBLE_DEVICES", visible);
    }
    access.nodes = gpu_device_nodes();
    return access;
}

Result<std::unique_ptr<GpuRunner>> GpuRunner::start(
    sandbox::Sandbox& sandbox,
    const GpuAccess& access,
    std::int64_t transfer_bytes,
    const GpuWrapper& wrapper) {
    std::unique_ptr<GpuRunner> runner(new GpuRunner());
    KW_TRY_ASSIGN(
        runner->transfer_,
        cpu::SharedMemory::create("kw-gpu", transfer_bytes, cpu::FutureWrites::yes));
    Pipe orders, answers;
    KW_TRY(make_pipe(orders));
    KW_TRY(make_pipe(answers));
    sandbox::Command command = command_of(access, wrapper, transfer_bytes);
    command.fds = {
        {orders.read, harness::k_fd_orders},
        {answers.write, harness::k_fd_answers},
        {runner->transfer_->fd(), harness::k_fd_transfer}};
    KW_TRY_ASSIGN(runner->child_, sandbox.start(command));
    runner->orders_ = std::exchange(orders.write, -1);
    runner->answers_ = std::exchange(answers.read, -1);
    return runner;
}

GpuRunner::~GpuRunner() {
    for (const int fd : {orders_, answers_}) {
        if (fd >= 0) {
            close(fd);
        }
    }
}

GpuAnswer GpuRunner::lost(GpuAnswer::State state) {
    GpuAnswer answer;
    answer.state = state;
    const sandbox::Outcome outcome =
        state == GpuAnswer::State::hung ? child_->kill() : child_->wait(milliseconds(2000));
    if (outcome.ended_by == sandbox::EndedBy::never) {
        answer.state = GpuAnswer::State::lost;
    }
    answer.words = outcome.ended_by == sandbox::EndedBy::signal
                       ? "signal " + std::to_string(outcome.signal)
                       : "exit code " + std::to_string(outcome.exit_code);
    const std::size_t from =
        outcome.err.size() > k_last_words ? outcome.err.size() - k_last_words : 0;
    if (from < outcome.err.size()) {
        answer.words += ": " + outcome.err.substr(from);
    }
    return answer;
}

GpuAnswer GpuRunner::order(const harness::Order& order, milliseconds limit) {
    // A dead reader raises SIGPIPE here; the signal is ignored process-wide by nobody, so it is
    // blocked around the write.
    sigset_t pipe_signal, before;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    const ssize_t written = write(orders_, &order, sizeof(order));
    if (written < 0 && errno == EPIPE) {
        const timespec none{};
        sigtimedwait(&pipe_signal, nullptr, &none);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (written != static_cast<ssize_t>(sizeof(order))) {
        return lost(GpuAnswer::State::died);
    }
    GpuAnswer result;
    const auto until = steady_clock::now() + limit;
    std::size_t got = 0;
    while (got < sizeof(result.answer)) {
        const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
        pollfd entry{answers_, POLLIN, 0};
        const int ready =
            poll(&entry, 1, static_cast<int>(std::clamp<long long>(left.count(), 0, 600'000)));
        if (ready == 0) {
            return lost(GpuAnswer::State::hung);
        }
        if (ready < 0) {
            continue;  // a signal
        }
        const ssize_t bytes = read(
            answers_, reinterpret_cast<char*>(&result.answer) + got, sizeof(result.answer) - got);
        if (bytes == 0 || (bytes < 0 && errno != EINTR)) {
            return lost(GpuAnswer::State::died);
        }
        got += bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
    }
    result.answer.text[sizeof(result.answer.text) - 1] = '\0';
    result.answer.function[sizeof(result.answer.function) - 1] = '\0';
    result.state = result.answer.error == 0 ? GpuAnswer::State::done : GpuAnswer::State::failed;
    return result;
}

sandbox::Outcome GpuRunner::finish(milliseconds limit) {
    close(std::exchange(orders_, -1));  // the end of its orders
    return child_->wait(limit);
}

}  // namespace kw::cuda
