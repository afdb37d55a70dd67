// SPDX-License-Identifier: Apache-2.0
#include "sandbox/inside/landlock.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace kw::sandbox::inside {
namespace {

// Debian 12's <linux/landlock.h> stops at ABI 2; the rest is from the kernel's
// Documentation/userspace-api/landlock.rst.
struct RulesetAttr {
    std::uint64_t handled_access_fs = 0;
    std::uint64_t handled_access_net = 0;  // ABI 4
    std::uint64_t scoped = 0;              // ABI 6
};
constexpr std::uint64_t k_execute = 1U << 0;
constexpr std::uint64_t k_write_file = 1U << 1;
constexpr std::uint64_t k_read_file = 1U << 2;
constexpr std::uint64_t k_read_dir = 1U << 3;
constexpr std::uint64_t k_all_abi1 = (1U << 13) - 1;
constexpr std::uint64_t k_refer = 1U << 13;      // ABI 2
constexpr std::uint64_t k_truncate = 1U << 14;   // ABI 3
constexpr std::uint64_t k_ioctl_dev = 1U << 15;  // ABI 5
constexpr std::uint64_t k_tcp_bind_and_connect = 3;
constexpr std::uint64_t k_scope_abstract_socket_and_signal = 3;
constexpr std::uint64_t k_file_rights =
    k_execute | k_write_file | k_read_file | k_truncate | k_ioctl_dev;

std::uint64_t handled_rights(int abi) {
    std::uint64_t rights = k_all_abi1;
    rights |= abi >= 2 ? k_refer : 0;
    rights |= abi >= 3 ? k_truncate : 0;
    rights |= abi >= 5 ? k_ioctl_dev : 0;
    return rights;
}

bool allow(int ruleset, const char* path, std::uint64_t rights) {
    const int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    struct stat info {};
    if (fstat(fd, &info) != 0) {
        close(fd);
        return false;
    }
    if (!S_ISDIR(info.st_mode)) {
        rights &= k_file_rights;
    }
    landlock_path_beneath_attr rule{};
    rule.allowed_access = rights;
    rule.parent_fd = fd;
    const long rc = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    const int error = errno;
    close(fd);
    errno = error;
    return rc == 0;
}

}  // namespace

int landlock_abi() {
    const long abi =
        syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi > 0 ? static_cast<int>(abi) : 0;
}

bool confine(char** writable, int count, bool tcp) {
    const int abi = landlock_abi();
    if (abi < 1) {
        return false;
    }
    RulesetAttr attr;
    const std::uint64_t all = handled_rights(abi);
    attr.handled_access_fs = all;
    std::size_t size = sizeof(attr.handled_access_fs);
    if (abi >= 4) {
        attr.handled_access_net = tcp ? 0 : k_tcp_bind_and_connect;
        size = offsetof(RulesetAttr, scoped);
    }
    if (abi >= 6) {
        attr.scoped = k_scope_abstract_socket_and_signal;
        size = sizeof(attr);
    }
    const int ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &attr, size, 0));
    if (ruleset < 0) {
        return false;
    }
    bool fine = allow(ruleset, "/", k_execute | k_read_file | k_read_dir);
    // Writing to devices and to /proc/self: a library that names its threads does the latter.
    fine = fine && allow(ruleset, "/dev", (k_write_file | k_truncate | k_ioctl_dev) & all);
    fine = fine && allow(ruleset, "/proc", k_write_file);
    fine = fine && allow(ruleset, "/tmp", all);
    for (int i = 0; i < count && fine; ++i) {
        fine = allow(ruleset, writable[i], all);
    }
    fine = fine && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    const int error = errno;
    close(ruleset);
    errno = error;
    return fine;
}

}  // namespace kw::sandbox::inside
