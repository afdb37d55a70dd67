// SPDX-License-Identifier: Apache-2.0
#include "db/writer_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>

namespace kw::db {

namespace {

/// Record locks belong to the process: a second one in the same process would succeed, and closing
/// its descriptor would drop the first. So the process remembers what it holds.
struct HeldHere {
    std::mutex mutex;
    std::set<std::string> paths;
};

HeldHere& held_here() {
    static HeldHere held;
    return held;
}

Error taken(const std::string& shown, pid_t pid) {
    const std::string who = pid > 0 ? "pid " + std::to_string(pid) : "on another machine";
    return {
        Errc::database,
        "another kwright is writing to " + shown + " (" + who + ")",
        "wait until it ends, stop it, or name another file with --db FILE; board, show and watch "
        "work meanwhile"};
}

struct flock whole_file(short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return lock;
}

Result<void> lock_record(int fd, const std::string& shown) {
    struct flock lock = whole_file(F_WRLCK);
    if (fcntl(fd, F_SETLK, &lock) == 0) {
        return {};
    }
    const int why = errno;
    if (why == EACCES || why == EAGAIN) {
        struct flock holder = whole_file(F_WRLCK);
        const bool known = fcntl(fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK;
        return taken(shown, known ? holder.l_pid : 0);
    }
    return Error{
        Errc::database,
        "locking " + shown + "-lock: " + std::strerror(why),
        "keep the database on a local file system"};
}

}  // namespace

Result<WriterLock> WriterLock::take(
    const std::filesystem::path& database, const std::string& shown) {
    const std::string path = database.string() + "-lock";
    HeldHere& held = held_here();
    const std::lock_guard guard(held.mutex);
    if (held.paths.count(path) != 0) {
        return taken(shown, getpid());
    }
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return Error{
            Errc::database,
            "making " + shown + "-lock: " + std::strerror(errno),
            errno == ENOSPC || errno == EDQUOT
                ? "free some space on that disk"
                : "the folder must be writable, or name another file with --db FILE"};
    }
    if (auto locked = lock_record(fd, shown); !locked) {
        close(fd);
        return std::move(locked).error();
    }
    held.paths.insert(path);
    return WriterLock(path, fd);
}

bool WriterLock::held(const std::filesystem::path& database) {
    const std::string path = database.string() + "-lock";
    HeldHere& here = held_here();
    const std::lock_guard guard(here.mutex);
    if (here.paths.count(path) != 0) {
        return true;  // and the file must not be opened: closing it again would drop the lock
    }
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno != ENOENT;
    }
    struct flock holder = whole_file(F_WRLCK);
    const bool asked = fcntl(fd, F_GETLK, &holder) == 0;
    close(fd);
    return !asked || holder.l_type != F_UNLCK;
}

WriterLock::WriterLock(WriterLock&& other) noexcept
    : path_(std::move(other.path_))
    , fd_(other.fd_) {
    other.fd_ = -1;
}

WriterLock::~WriterLock() {
    if (fd_ >= 0) {
        HeldHere& held = held_here();
        const std::lock_guard guard(held.mutex);
        held.paths.erase(path_);
        close(fd_);
    }
}

}  // namespace kw::db
