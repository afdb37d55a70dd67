// SPDX-License-Identifier: Apache-2.0
// The first process inside the sandbox: sets the limits that must be set after the namespaces
// exist, starts the program, reaps everything, and reports how the program itself ended. It exists
// because bubblewrap alone answers 128+signal, loses the resource usage, and as a program that is
// itself pid 1 would ignore its own SIGABRT and SIGXCPU.
//
// argv: inside CONTROL_FD SELF_FD RW_PATHS_COUNT RW_PATH... PROGRAM ARG...
// Linked statically and embedded into the library, so that it needs no path on the host.
#include "sandbox/inside/landlock.hpp"
#include "sandbox/inside/protocol.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

using kw::sandbox::inside::Kind;
using kw::sandbox::inside::Orders;
using kw::sandbox::inside::Report;

constexpr rlim_t k_stack_bytes = rlim_t{8} << 20;
constexpr rlim_t k_largest_stack_bytes = rlim_t{64} << 20;  // a compiler driver raises its own

int g_control = -1;

void send_report(Report report, const char* detail = "") {
    std::strncpy(report.detail, detail, sizeof(report.detail) - 1);
    while (write(g_control, &report, sizeof(report)) < 0 && errno == EINTR) {
    }
}

bool read_orders(Orders& orders) {
    ssize_t n = 0;
    do {
        n = read(g_control, &orders, sizeof(orders));
    } while (n < 0 && errno == EINTR);
    return n == static_cast<ssize_t>(sizeof(orders));
}

/// Says what could not be ordered, and ends the program's process.
[[noreturn]] void refuse(const char* what) {
    Report report;
    report.kind = Kind::order_refused;
    report.value = errno;
    send_report(report, what);
    _exit(126);
}

void limit(__rlimit_resource which, const char* name, rlim_t soft, rlim_t hard) {
    rlimit now{};
    if (getrlimit(which, &now) == 0 && now.rlim_max != RLIM_INFINITY) {
        soft = soft < now.rlim_max ? soft : now.rlim_max;
        hard = hard < now.rlim_max ? hard : now.rlim_max;
    }
    const rlimit wanted{soft, hard};
    if (setrlimit(which, &wanted) != 0) {
        refuse(name);
    }
}

void set_limits(const Orders& orders) {
    // 1, not 0: a core pattern that is a pipe (systemd-coredump) ignores 0 and honours 1.
    limit(RLIMIT_CORE, "core size", 1, 1);
    // The same everywhere, whatever the judge's own shell says.
    limit(RLIMIT_STACK, "stack", k_stack_bytes, k_largest_stack_bytes);
    limit(RLIMIT_AS, "address space", orders.address_space, orders.address_space);
    limit(RLIMIT_CPU, "cpu time", orders.cpu_s, orders.cpu_s + 1);
    limit(RLIMIT_FSIZE, "file size", orders.file_bytes, orders.file_bytes);
    limit(RLIMIT_NOFILE, "open files", orders.open_files, orders.open_files);
    if (orders.processes != kw::sandbox::inside::k_leave) {
        limit(RLIMIT_NPROC, "processes", orders.processes, orders.processes);
    }
    if (orders.pin_cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(static_cast<unsigned>(orders.pin_cpu), &set);
        if (sched_setaffinity(0, sizeof(set), &set) != 0) {
            refuse("processor");
        }
    }
}

[[noreturn]] void become_program(
    const Orders& orders, char** argv, char** writable, int writable_count, int exec_pipe) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (orders.own_pid_namespace == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    fcntl(g_control, F_SETFD, FD_CLOEXEC);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        refuse("no_new_privs");
    }
    if (orders.landlock != 0 &&
        !kw::sandbox::inside::confine(writable, writable_count, orders.tcp != 0)) {
        refuse("landlock");
    }
    set_limits(orders);
    Report forked;
    forked.kind = Kind::forked;
    send_report(forked);
    execv(argv[0], argv);
    const int error = errno;
    const ssize_t ignored = write(exec_pipe, &error, sizeof(error));
    _exit(ignored < 0 ? 125 : 127);
}

/// Every process but this one dies; returns when all are reaped.
void kill_all(bool own_pid_namespace) {
    for (;;) {
        if (own_pid_namespace) {
            kill(-1, SIGKILL);
        } else {
            // A sub-reaper: whatever the program left behind is a child by now or will be.
            FILE* file = std::fopen("/proc/thread-self/children", "re");
            int pid = 0;
            while (file != nullptr && std::fscanf(file, "%d", &pid) == 1) {
                kill(pid, SIGKILL);
            }
            if (file != nullptr) {
                std::fclose(file);
            }
        }
        if (waitpid(-1, nullptr, 0) < 0 && errno == ECHILD) {
            return;
        }
    }
}

/// Waits for the program's end or for the judge's word (anything on the control socket, its end
/// included) to end it. Returns the wait status.
int supervise(pid_t program, int signals) {
    for (;;) {
        pollfd fds[2] = {{g_control, POLLIN, 0}, {signals, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0) {
            continue;
        }
        if (fds[1].revents != 0) {
            signalfd_siginfo info;
            const ssize_t ignored = read(signals, &info, sizeof(info));
            (void)ignored;
            int status = 0;
            for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
                if (pid == program) {
                    return status;
                }
            }
        }
        if (fds[0].revents != 0) {
            int status = 0;
            kill(program, SIGKILL);
            while (waitpid(program, &status, 0) < 0 && errno == EINTR) {
            }
            return status;
        }
    }
}

/// 0 when exec succeeded, its errno otherwise.
int exec_result(int pipe_end) {
    int error = 0;
    ssize_t n = 0;
    do {
        n = read(pipe_end, &error, sizeof(error));
    } while (n < 0 && errno == EINTR);
    close(pipe_end);
    return n == static_cast<ssize_t>(sizeof(error)) ? error : 0;
}

void report_end(int status) {
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    Report report;
    report.kind = Kind::ended;
    report.value = status;
    report.cpu_ns = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000'000LL +
                    (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1'000LL;
    report.peak_bytes = usage.ru_maxrss * 1024LL;
    send_report(report);
}

int run(char** program, char** writable, int writable_count) {
    Report ready;
    send_report(ready);
    Orders orders;
    if (!read_orders(orders)) {
        return 1;
    }
    if (orders.own_pid_namespace == 0) {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    }
    sigset_t child_signal;
    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_signal, nullptr);
    const int signals = signalfd(-1, &child_signal, SFD_CLOEXEC);
    int exec_pipe[2];
    if (signals < 0 || pipe2(exec_pipe, O_CLOEXEC) != 0) {
        refuse("signalfd");
    }
    const pid_t pid = fork();
    if (pid < 0) {
        refuse("fork");
    }
    if (pid == 0) {
        become_program(orders, program, writable, writable_count, exec_pipe[1]);
    }
    close(exec_pipe[1]);
    Report started;
    started.value = exec_result(exec_pipe[0]);
    started.kind = started.value == 0 ? Kind::running : Kind::exec_failed;
    send_report(started);
    const int status = supervise(pid, signals);
    kill_all(orders.own_pid_namespace != 0);
    report_end(status);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        return 2;
    }
    // The program has the same uid: without this it could write into us through /proc/1/mem and
    // forge the report.
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    g_control = std::atoi(argv[1]);
    close(std::atoi(argv[2]));
    const int writable_count = std::atoi(argv[3]);
    if (writable_count < 0 || argc < 5 + writable_count) {
        return 2;
    }
    return run(argv + 4 + writable_count, argv + 4, writable_count);
}
