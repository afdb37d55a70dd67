// SPDX-License-Identifier: Apache-2.0
#include "sandbox/filter.hpp"

#include "sandbox/fd.hpp"
#include "sandbox/system_error.hpp"

#include <seccomp.h>

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <memory>

namespace kw::sandbox {
namespace {

// Grouped by what they reach. Names this libseccomp does not know are left out only if the call is
// unknown to the machine's headers as well (see add_named).
// sockets of any family: AF_VSOCK and AF_ALG are not held by a network namespace
constexpr const char* k_sockets[] = {
    "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4"};

// CUDA's cuInit binds an abstract AF_UNIX name and listens on it, and fails where it may not. It
// needs nobody who answers.
constexpr const char* k_peers[] = {"socketpair", "connect", "accept", "accept4"};

constexpr const char* k_denied[] = {
    // other processes' memory and descriptors
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "pidfd_getfd",
    "kcmp",
    // mounts and namespaces
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "unshare",
    "setns",
    // kernel subsystems with a history of privilege bugs, none needed by a compiler
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "add_key",
    "request_key",
    "keyctl",
    "modify_ldt",
    "lookup_dcookie",
    "vhangup",
    "uselib",
    "nfsservctl",
    "remap_file_pages",
    // files by handle, file system control
    "open_by_handle_at",
    "name_to_handle_at",
    "fanotify_init",
    "fanotify_mark",
    "quotactl",
    "quotactl_fd",
    "swapon",
    "swapoff",
    "acct",
    "mknod",
    "mknodat",
    // the machine
    "reboot",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "iopl",
    "ioperm",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "sethostname",
    "setdomainname",
    "personality",
    "syslog",
    "memfd_secret"};

constexpr const char* k_denied_in_run[] = {
    // kernel threads or queues that would go on writing after the program is stopped
    "io_setup",
    "io_submit",
    "vmsplice",
    // System V and POSIX queues: not needed, memory outside the address-space limit
    "shmget",
    "shmat",
    "shmctl",
    "msgget",
    "msgsnd",
    "msgrcv",
    "semget",
    "semop",
    "semtimedop",
    "mq_open",
    "mq_unlink",
    // watching files
    "inotify_init",
    "inotify_init1",
    "inotify_add_watch"};

constexpr const char* k_not_there[] = {
    // Its flags lie in memory that a filter cannot read; libc falls back to clone, whose flags can
    "clone3",
    // kernel threads acting for the process past this filter
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register"};

constexpr std::uint64_t k_namespace_flags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                            CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                            CLONE_NEWNET;
constexpr std::uint32_t k_tiocsti = 0x5412;
constexpr std::uint32_t k_tioclinux = 0x541C;
constexpr std::uint64_t k_low_32 = 0xffffffffU;

struct Release {
    void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

int add_named(scmp_filter_ctx context, const char* name, std::uint32_t action) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) {
        return 0;  // an older libseccomp: the call is newer than its tables
    }
    const int rc = seccomp_rule_add(context, action, number, 0);
    return rc == -EDOM ? 0 : rc;  // a call this architecture never had
}

/// Calls refused for some arguments only.
int add_argument_rules(scmp_filter_ctx context) {
    const std::uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
    int rc = 0;
    for (std::uint64_t flag = 1; flag <= k_namespace_flags && rc == 0; flag <<= 1) {
        if ((k_namespace_flags & flag) != 0) {
            rc = seccomp_rule_add(
                context, refuse, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
        }
    }
    // TIOCSTI types into the terminal; the request is compared as 32 bits, as the kernel does.
    for (const std::uint32_t request : {k_tiocsti, k_tioclinux}) {
        if (rc == 0) {
            rc = seccomp_rule_add(
                context,
                refuse,
                SCMP_SYS(ioctl),
                1,
                SCMP_A1(SCMP_CMP_MASKED_EQ, k_low_32, request));
        }
    }
    return rc;
}

/// Sockets of these families alone; a network namespace holds AF_UNIX's abstract names and AF_INET.
int allow_families(scmp_filter_ctx context, std::initializer_list<std::uint64_t> families) {
    int rc = 0;
    for (const int call : {SCMP_SYS(socket), SCMP_SYS(socketpair)}) {
        for (std::uint64_t family = 0; family < AF_MAX && rc == 0; ++family) {
            if (std::ranges::find(families, family) == families.end()) {
                rc = seccomp_rule_add(
                    context, SCMP_ACT_ERRNO(EPERM), call, 1, SCMP_A0(SCMP_CMP_EQ, family));
            }
        }
        rc = rc != 0 ? rc
                     : seccomp_rule_add(
                           context,
                           SCMP_ACT_ERRNO(EPERM),
                           call,
                           1,
                           SCMP_A0(SCMP_CMP_GE, static_cast<std::uint64_t>(AF_MAX)));
    }
    return rc;
}

Result<std::vector<std::byte>> exported(scmp_filter_ctx context) {
    const Fd file(::memfd_create("kwright-filter", MFD_CLOEXEC));
    if (!file) {
        return system_error("making a memory file for the seccomp filter", errno);
    }
    if (const int rc = seccomp_export_bpf(context, file.get()); rc != 0) {
        return system_error("exporting the seccomp filter", -rc);
    }
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) {
        return system_error("reading the seccomp filter", errno);
    }
    std::vector<std::byte> program(static_cast<std::size_t>(info.st_size));
    if (::pread(file.get(), program.data(), program.size(), 0) != info.st_size) {
        return system_error("reading the seccomp filter", errno);
    }
    return program;
}

}  // namespace

std::vector<const char*> denied_calls(Filter kind) {
    std::vector<const char*> names(std::begin(k_denied), std::end(k_denied));
    if (kind == Filter::gpu) {
        names.insert(names.end(), std::begin(k_peers), std::end(k_peers));
    } else if (kind != Filter::tools) {
        names.insert(names.end(), std::begin(k_sockets), std::end(k_sockets));
    }
    if (kind == Filter::run || kind == Filter::gpu) {
        names.insert(names.end(), std::begin(k_denied_in_run), std::end(k_denied_in_run));
    }
    return names;
}

Result<std::vector<std::byte>> build_filter(Filter kind) {
    const Context context(seccomp_init(SCMP_ACT_ALLOW));
    if (!context) {
        return system_error("starting a seccomp filter", ENOMEM);
    }
    // i386 by int 0x80 and x32: their numbers mean other calls, so none may pass.
    int rc = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (const char* name : denied_calls(kind)) {
        rc = rc != 0 ? rc : add_named(context.get(), name, SCMP_ACT_ERRNO(EPERM));
    }
    for (const char* name : k_not_there) {
        rc = rc != 0 ? rc : add_named(context.get(), name, SCMP_ACT_ERRNO(ENOSYS));
    }
    rc = rc != 0 ? rc : add_argument_rules(context.get());
    if (kind == Filter::tools) {
        rc = rc != 0 ? rc : allow_families(context.get(), {AF_UNIX, AF_INET});
    } else if (kind == Filter::gpu) {
        rc = rc != 0 ? rc : allow_families(context.get(), {AF_UNIX});
    }
    if (rc != 0) {
        return system_error("building the seccomp filter", -rc);
    }
    return exported(context.get());
}

}  // namespace kw::sandbox
