// SPDX-License-Identifier: Apache-2.0
#include "sandbox/run_dirs.hpp"

#include "sandbox/system_error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace kw::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_prefix = "kwright-";
constexpr const char* k_lock_name = ".lock";
constexpr std::uint64_t k_least_free_bytes = std::uint64_t{512} << 20;

/// Whether `identity` can walk down to `path`: execute permission on every directory. For ourselves
/// as an ordinary user the kernel answers when we write.
bool can_walk(const Identity& identity, const fs::path& path) {
    if (!identity.drop) {
        return true;
    }
    fs::path so_far;
    for (const auto& part : path) {
        so_far /= part;
        struct stat info {};
        if (::stat(so_far.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) ||
            (info.st_mode & S_IXOTH) == 0) {
            return false;
        }
    }
    return true;
}

/// Writable by us, walkable, not mounted noexec (built objects are mapped from there), with room.
bool suits(const Identity& identity, const fs::path& path) {
    struct statvfs info {};
    return path.is_absolute() && can_walk(identity, path) &&
           ::access(path.c_str(), W_OK | X_OK) == 0 && ::statvfs(path.c_str(), &info) == 0 &&
           (info.f_flag & ST_NOEXEC) == 0 &&
           std::uint64_t{info.f_bavail} * info.f_frsize >= k_least_free_bytes;
}

std::vector<fs::path> places(const Identity& identity) {
    std::vector<fs::path> list;
    const auto add_variable = [&](const char* name) {
        if (const char* value = std::getenv(name); value != nullptr && *value != '\0') {
            list.emplace_back(value);
        }
    };
    add_variable("XDG_RUNTIME_DIR");
    if (identity.drop) {
        list.emplace_back("/run/user");
    }
    add_variable("TMPDIR");
    list.emplace_back("/tmp");
    list.emplace_back("/var/tmp");
    return list;
}

/// A base whose lock nobody holds belonged to a process that was killed.
void remove_leftovers(const fs::path& place) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(place, ignored)) {
        struct stat info {};
        if (entry.path().filename().string().rfind(k_prefix, 0) != 0 ||
            ::lstat(entry.path().c_str(), &info) != 0 || !S_ISDIR(info.st_mode) ||
            info.st_uid != ::geteuid()) {
            continue;
        }
        const fs::path lock = entry.path() / k_lock_name;
        const int fd = ::open(lock.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
            continue;
        }
        if (::flock(fd, LOCK_EX | LOCK_NB) == 0) {
            fs::remove_all(entry.path(), ignored);
        }
        ::close(fd);
    }
}

std::string readable(const std::string& label) {
    std::string name;
    for (const char c : label.substr(0, 40)) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_';
        name += plain ? c : '_';
    }
    return name.empty() ? "run" : name;
}

}  // namespace

RunDirs::~RunDirs() {
    if (!base_.empty()) {
        std::error_code ignored;
        fs::remove_all(base_, ignored);
    }
    if (lock_ >= 0) {
        ::close(lock_);
    }
}

Result<void> RunDirs::make_base() {
    std::string tried;
    for (const auto& place : places(identity_)) {
        tried += (tried.empty() ? "" : ", ") + place.string();
        if (!suits(identity_, place)) {
            continue;
        }
        remove_leftovers(place);
        std::string fresh = (place / ".kwright-XXXXXX").string();
        if (::mkdtemp(fresh.data()) == nullptr) {
            continue;
        }
        base_ = fresh;  // from here on removed with this object
        const fs::path lock = base_ / k_lock_name;
        lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
            return system_error("locking " + lock.string(), errno);
        }
        // Renamed only now: under its final name it is never seen without its lock held.
        const std::string final_name = k_prefix + std::to_string(::getpid()) +
                                       fresh.substr(fresh.size() - std::strlen("-XXXXXX"));
        if (::rename(base_.c_str(), (place / final_name).c_str()) != 0) {
            return system_error("renaming " + base_.string(), errno);
        }
        base_ = place / final_name;
        // Entered, not listed, by the user that children run as.
        if (identity_.drop &&
            (::chown(base_.c_str(), 0, identity_.gid) != 0 || ::chmod(base_.c_str(), 0710) != 0)) {
            return system_error("giving away " + base_.string(), errno);
        }
        return {};
    }
    return Error{
        Errc::environment,
        "making a run directory: none of " + tried +
            " is writable, executable, within reach of an ordinary user and has 512 MB free",
        "set TMPDIR to a directory that is"};
}

Result<fs::path> RunDirs::make(const std::string& label) {
    const std::lock_guard guard(mutex_);
    if (base_.empty()) {
        KW_TRY(make_base());
    }
    const fs::path path = base_ / (readable(label) + "-" + std::to_string(count_++));
    if (::mkdir(path.c_str(), 0700) != 0) {
        return system_error("making the run directory " + path.string(), errno);
    }
    if (identity_.drop && ::chown(path.c_str(), identity_.uid, identity_.gid) != 0) {
        return system_error("giving away the run directory " + path.string(), errno);
    }
    return path;
}

}  // namespace kw::sandbox
