// SPDX-License-Identifier: Apache-2.0
#include "sandbox/bwrap.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace kw::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t k_least_tmp_bytes = std::int64_t{16} << 20;
constexpr std::int64_t k_shared_bytes = std::int64_t{16} << 20;  // a driver's, in /dev/shm

using Args = std::vector<std::string>;

void append(Args& args, std::initializer_list<std::string> more) {
    args.insert(args.end(), more);
}

/// /usr read-only, and the old top-level names as the host has them.
void add_system(Args& args) {
    append(args, {"--ro-bind", "/usr", "/usr"});
    for (const char* name : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
        std::error_code error;
        const auto status = fs::symlink_status(name, error);
        if (fs::is_symlink(status)) {
            append(args, {"--symlink", fs::read_symlink(name, error).string(), name});
        } else if (fs::is_directory(status)) {
            append(args, {"--ro-bind", name, name});
        }
    }
    // What the loader and the compiler driver's symbolic links need; nothing about the machine's
    // people or network.
    append(args, {"--dir", "/etc"});
    append(args, {"--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"});
    append(args, {"--ro-bind-try", "/etc/alternatives", "/etc/alternatives"});
}

void add_private_parts(Args& args, const Limits& limits, Filter filter) {
    append(args, {"--proc", "/proc", "--dev", "/dev"});
    const std::int64_t tmp_bytes = std::clamp(
        limits.file_bytes * 2, k_least_tmp_bytes, std::max(limits.memory_bytes, k_least_tmp_bytes));
    append(args, {"--size", std::to_string(tmp_bytes), "--tmpfs", "/tmp"});
    if (has_shared_folder(filter)) {
        append(args, {"--size", std::to_string(k_shared_bytes), "--tmpfs", "/dev/shm"});
    }
}

void add_binds(Args& args, const std::vector<Bind>& binds) {
    for (const auto& bind : binds) {
        const std::string inside = bind.inside.empty() ? bind.host : bind.inside;
        append(args, {bind.writable ? "--bind" : "--ro-bind", bind.host.string(), inside});
    }
}

}  // namespace

Result<fs::path> find_bwrap() {
    const char* path = std::getenv("PATH");
    std::string rest = path != nullptr ? path : "/usr/bin:/bin";
    while (!rest.empty()) {
        const auto colon = rest.find(':');
        const fs::path candidate = fs::path(rest.substr(0, colon)) / "bwrap";
        struct stat info {};
        if (candidate.is_absolute() && ::stat(candidate.c_str(), &info) == 0 &&
            S_ISREG(info.st_mode) && ::access(candidate.c_str(), X_OK) == 0) {
            return candidate;
        }
        rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
    }
    return Error{
        Errc::environment,
        "looking for bubblewrap: no program bwrap on PATH",
        "apt-get install bubblewrap; or set KWRIGHT_SANDBOX=none to run candidates without a "
        "sandbox, which is recorded with every result"};
}

std::vector<std::string> bwrap_arguments(
    const fs::path& bwrap, const Command& command, int seccomp_fd) {
    Args args{bwrap.string()};
    append(args, {"--unshare-all", "--unshare-user", "--disable-userns"});
    append(args, {"--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"});
    append(args, {"--new-session", "--die-with-parent", "--as-pid-1", "--hostname", "kwright"});
    append(args, {"--seccomp", std::to_string(seccomp_fd)});
    add_system(args);
    add_private_parts(args, command.limits, command.filter);
    for (const auto& device : command.devices) {
        append(args, {"--dev-bind-try", device.string(), device.string()});
    }
    if (!command.devices.empty()) {
        append(args, {"--ro-bind-try", "/sys", "/sys"});  // where a driver looks up its bus
    }
    add_binds(args, command.binds);
    // bubblewrap's root and /dev (with its /dev/shm) are tmpfs without a size limit: not writable.
    // A /dev/shm of our own is a mount by itself, and stays as it is.
    append(args, {"--remount-ro", "/dev", "--remount-ro", "/"});
    append(args, {"--chdir", command.cwd.string(), "--clearenv"});
    for (const auto& [name, value] : command.env) {
        append(args, {"--setenv", name, value});
    }
    args.emplace_back("--");
    return args;
}

std::string bwrap_advice(const std::string& text) {
    const auto says = [&](const char* part) {
        return text.find(part) != std::string::npos;
    };
    std::ifstream clone_file("/proc/sys/kernel/unprivileged_userns_clone");
    int clone_allowed = 1;
    clone_file >> clone_allowed;
    std::ifstream max_file("/proc/sys/user/max_user_namespaces");
    long max_namespaces = 1;
    max_file >> max_namespaces;
    const std::string by_name =
        "; or set KWRIGHT_SANDBOX=none to run candidates without a sandbox, which is recorded with "
        "every result";
    if (says("Can't find source path") || says("Can't bind mount")) {
        return "a path to be shown inside does not exist or is out of reach of the ordinary user "
               "that children run as; put such files into a run directory";
    }
    if (says("Can't chdir")) {
        return "the working directory does not exist inside the sandbox";
    }
    if (clone_allowed == 0) {
        return "user namespaces are switched off: sysctl kernel.unprivileged_userns_clone=1" +
               by_name;
    }
    if (max_namespaces == 0) {
        return "user namespaces are switched off: sysctl user.max_user_namespaces=10000" + by_name;
    }
    if (says("namespace") || says("uid map") || says("Can't mount proc") ||
        says("Operation not permitted") || says("Permission denied")) {
        return "inside docker, start the container with --security-opt seccomp=unconfined "
               "--security-opt apparmor=unconfined --security-opt systempaths=unconfined, or with "
               "--privileged; on a host, an AppArmor rule may restrict user namespaces (sysctl "
               "kernel.apparmor_restrict_unprivileged_userns=0)" +
               by_name;
    }
    return "try: bwrap --unshare-all --ro-bind / / true" + by_name;
}

}  // namespace kw::sandbox
