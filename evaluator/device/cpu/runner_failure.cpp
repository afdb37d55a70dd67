// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/runner_failure.hpp"

#include <seccomp.h>

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace kw::cpu {
namespace {

std::string hex(std::uint64_t value) {
    char text[32];
    std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

std::string system_call_name(std::uint32_t number) {
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, static_cast<int>(number));
    std::string text = name != nullptr ? name : "number " + std::to_string(number);
    if (text == "rt_sigaction") {
        text += " (a signal handler, or the first step of starting a thread)";
    }
    std::free(name);
    return text;
}

std::string where(std::uint32_t phase) {
    switch (phase) {
        case harness::phase_load: return "while it was loaded (a constructor?)";
        case harness::phase_call: return "during a call";
        default: return "before the first call";
    }
}

RunnerFailure failure(Verdict verdict, std::string summary, std::string detail = {}) {
    return {verdict, std::move(summary), std::move(detail), 0};
}

std::uint64_t region_of(std::uint64_t address) {
    if (address < harness::k_base) {
        return harness::region_count;
    }
    return (address - harness::k_base) / harness::k_region_stride;
}

RunnerFailure explain_fault(const harness::Evidence& evidence, std::uint32_t phase) {
    RunnerFailure result;
    result.address = evidence.address;
    const std::uint64_t region = region_of(evidence.address);
    const bool read_only = region == harness::region_in || region == harness::region_weights ||
                           region == harness::region_packed;
    if (evidence.signal_code == SEGV_ACCERR && read_only) {
        result.verdict = Verdict::input_mutated;
        result.summary = "wrote to a read-only argument " + where(phase);
    } else if (region < harness::region_count) {
        result.verdict = Verdict::out_of_bounds;
        result.summary = "touched memory outside an argument " + where(phase);
    } else if (evidence.out_of_memory != 0) {
        result.verdict = Verdict::memory_limit;
        result.summary = "memory limit: allocations failed and the null was used " + where(phase);
    } else {
        result.verdict = Verdict::runtime_error;
        result.summary =
            "segmentation fault at address " + hex(evidence.address) + " " + where(phase);
        result.detail =
            "The address belongs to no argument. A null or wild pointer, or an aligned vector "
            "access "
            "(movaps) to an unaligned address.";
    }
    return result;
}

RunnerFailure explain_signal(const harness::Evidence& evidence, std::uint32_t phase, int signal) {
    switch (signal) {
        case SIGSEGV:
        case SIGBUS: return explain_fault(evidence, phase);
        case SIGSYS: {
            const bool known = evidence.signal == SIGSYS;
            return failure(
                Verdict::sandbox_violation,
                "sandbox violation: " +
                    (known ? "system call " + system_call_name(evidence.system_call)
                           : "a forbidden system call") +
                    " " + where(phase),
                "A kernel may compute and use plain memory. Threads, processes, files, printing, "
                "sockets and signal "
                "handlers are not allowed.");
        }
        case SIGILL:
            return failure(
                Verdict::runtime_error,
                "illegal instruction " + where(phase),
                "The code uses an instruction that this processor lacks, or fell off the end of a "
                "function.");
        case SIGFPE:
            return failure(
                Verdict::runtime_error, "integer division by zero or overflow " + where(phase));
        case SIGABRT:
            if (evidence.out_of_memory != 0) {
                return failure(
                    Verdict::memory_limit, "memory limit: allocation failed " + where(phase));
            }
            return failure(
                Verdict::runtime_error,
                "aborted (abort, assert or uncaught exception) " + where(phase));
        case SIGXCPU: return failure(Verdict::timeout, "processor time limit " + where(phase));
        default:
            return failure(
                Verdict::runtime_error,
                "killed by signal " + std::to_string(signal) + " " + where(phase));
    }
}

}  // namespace

RunnerFailure explain_failure(
    const RunnerSpec& spec,
    const sandbox::Outcome& outcome,
    const harness::Evidence& evidence,
    std::uint32_t phase,
    bool timed_out) {
    if (phase == harness::phase_start) {
        return failure(
            Verdict::internal, "the runner ended before it loaded anything", outcome.err);
    }
    if (timed_out) {
        return failure(
            Verdict::timeout,
            phase == harness::phase_load ? "did not finish loading: endless constructor?"
                                         : "a call did not return within its time limit",
            "The process was killed. An endless loop, or far slower than the baseline.");
    }
    if (outcome.ended_by == sandbox::EndedBy::memory_limit) {
        return failure(Verdict::memory_limit, "memory limit: killed " + where(phase));
    }
    const bool by_exit = outcome.ended_by == sandbox::EndedBy::exit;
    if (by_exit && outcome.exit_code == harness::k_exit_evidence && evidence.signal != 0) {
        return explain_signal(evidence, phase, static_cast<int>(evidence.signal));
    }
    char message[sizeof(evidence.message)];
    std::memcpy(message, evidence.message, sizeof(message));
    message[sizeof(message) - 1] = '\0';
    if (by_exit && outcome.exit_code == harness::k_exit_setup && phase < harness::phase_ready) {
        return failure(
            Verdict::internal,
            std::string("the runner could not be set up: ") + message,
            outcome.err);
    }
    if (by_exit && outcome.exit_code == harness::k_exit_load && phase == harness::phase_load) {
        return failure(Verdict::runtime_error, std::string("the object did not load: ") + message);
    }
    if (by_exit && outcome.exit_code == harness::k_exit_threads) {
        return failure(Verdict::sandbox_violation, "more than one thread after loading");
    }
    if (outcome.ended_by == sandbox::EndedBy::signal) {
        return explain_signal(evidence, phase, outcome.signal);
    }
    return failure(
        Verdict::runtime_error,
        "exited with status " + std::to_string(outcome.exit_code) + " " + where(phase) +
            " instead of returning",
        spec.mode == harness::mode_candidate
            ? "A kernel returns to its caller; it never ends the process."
            : "");
}

}  // namespace kw::cpu
