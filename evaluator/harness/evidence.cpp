// SPDX-License-Identifier: Apache-2.0
#include "evaluator/harness/evidence.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

namespace kw::harness {
namespace {

Control* g_control = nullptr;

// When less than this is left at a crash, memory is the likely cause: a kernel that eats memory
// dies on the null that malloc gave it, not in malloc.
constexpr std::size_t k_probe_bytes = std::size_t{128} << 20;

void on_signal(int signal, siginfo_t* info, void*) {
    Evidence& evidence = g_control->evidence;
    if (evidence.signal == 0) {
        evidence.signal = static_cast<std::uint32_t>(signal);
        evidence.signal_code = info->si_code;
        evidence.phase = g_control->phase;
        if (signal == SIGSYS) {
            evidence.system_call = static_cast<std::uint32_t>(info->si_syscall);
        } else {
            evidence.address = reinterpret_cast<std::uint64_t>(info->si_addr);
        }
        if (signal == SIGSEGV || signal == SIGABRT || signal == SIGBUS) {
            void* probe = mmap(
                nullptr, k_probe_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            evidence.out_of_memory = probe == MAP_FAILED ? 1 : 0;
        }
    }
    _exit(k_exit_evidence);
}

}  // namespace

bool install_evidence_handlers(Control& control) {
    g_control = &control;
    constexpr std::size_t stack_bytes = 64 << 10;
    stack_t stack{};
    stack.ss_sp =
        mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack.ss_size = stack_bytes;
    if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, nullptr) != 0) {
        return false;
    }
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGXCPU}) {
        if (sigaction(signal, &action, nullptr) != 0) {
            return false;
        }
    }
    return true;
}

}  // namespace kw::harness
