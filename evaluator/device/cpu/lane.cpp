// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/lane.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>

namespace kw::cpu {

Result<std::unique_ptr<TimingLane>> TimingLane::take(
    const std::filesystem::path& dir, const std::string& device) {
    std::error_code error;
    std::filesystem::create_directories(dir, error);
    const std::filesystem::path file = dir / (device + ".lane");
    const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return Error{
            Errc::environment,
            "taking the timing lane " + file.string() + ": " + std::strerror(errno),
            "make the cache folder writable, or set KWRIGHT_CACHE_DIR"};
    }
    while (flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            const int reason = errno;
            close(fd);
            return Error{
                Errc::environment,
                "locking the timing lane " + file.string() + ": " + std::strerror(reason),
                "set KWRIGHT_CACHE_DIR to a local file system"};
        }
    }
    return std::unique_ptr<TimingLane>(new TimingLane(fd));
}

TimingLane::~TimingLane() {
    close(fd_);
}

}  // namespace kw::cpu
