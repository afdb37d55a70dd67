// SPDX-License-Identifier: Apache-2.0
// What the judge and the first process inside the sandbox say to each other: fixed-size records
// over one SOCK_SEQPACKET socket pair. The kernel stamps every record with the sender's pid,
// already translated to the receiver's namespace, which is how the judge learns host pids. Included
// by both sides; both are always of the same build.
#pragma once

#include <cstdint>

namespace kw::sandbox::inside {

inline constexpr std::uint64_t k_leave = ~std::uint64_t{0};  ///< do not set this limit

/// Judge to helper, once, after `ready`: what the program shall be limited to.
struct Orders {
    std::uint64_t address_space = 0;  ///< bytes
    std::uint64_t cpu_s = 0;          ///< of one process; SIGXCPU there, SIGKILL a second later
    std::uint64_t file_bytes = 0;
    std::uint64_t processes = k_leave;  ///< tasks of this uid in this user namespace, with ours
    std::uint64_t open_files = 0;
    std::int32_t pin_cpu = -1;
    std::uint32_t own_pid_namespace = 0;  ///< 1: the helper is pid 1 of its own namespace
    std::uint32_t landlock = 0;           ///< 1: confine by Landlock, fail when that cannot be
    std::uint32_t tcp = 0;                ///< 1: Landlock leaves TCP to the network namespace
};

enum class Kind : std::uint32_t {
    ready,          ///< the helper runs; its pid is in the credentials
    forked,         ///< sent by the program's process just before exec; its pid in the credentials
    running,        ///< exec succeeded
    exec_failed,    ///< value = errno
    order_refused,  ///< a limit or layer could not be set; value = errno, detail says which
    ended,          ///< value = wait status; all other processes are dead and reaped
};

struct Report {
    Kind kind = Kind::ready;
    std::int32_t value = 0;
    std::int64_t cpu_ns = 0;      ///< user + system of everything that ran inside
    std::int64_t peak_bytes = 0;  ///< largest resident set of one process
    char detail[32] = {};
};

}  // namespace kw::sandbox::inside
