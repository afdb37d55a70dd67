// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <cerrno>

namespace kw::cpu {

std::optional<std::string> read_file(const std::filesystem::path& path, std::int64_t limit) {
    const int fd = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return std::nullopt;
    }
    struct stat status {};
    std::optional<std::string> bytes;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= limit) {
        bytes.emplace(static_cast<std::size_t>(status.st_size), '\0');
        std::size_t done = 0;
        while (done < bytes->size()) {
            const ssize_t got = read(fd, bytes->data() + done, bytes->size() - done);
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got <= 0) {
                break;
            }
            done += static_cast<std::size_t>(got);
        }
        if (done != bytes->size()) {
            bytes.reset();
        }
    }
    close(fd);
    return bytes;
}

Result<void> write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode) {
    const auto failed = [&path](int error) {
        return Error{
            Errc::environment,
            "writing '" + path.string() + "': " + std::generic_category().message(error),
            error == ENOSPC ? "make space on the disk" : "check that the folder is writable"};
    };
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return failed(errno);
    }
    std::size_t done = 0;
    int error = 0;
    while (done < bytes.size() && error == 0) {
        const ssize_t put = write(fd, bytes.data() + done, bytes.size() - done);
        if (put < 0) {
            error = errno == EINTR ? 0 : errno;
        } else {
            done += static_cast<std::size_t>(put);
        }
    }
    if (error == 0 && fchmod(fd, mode) != 0) {
        error = errno;
    }
    if (close(fd) != 0 && error == 0) {
        error = errno;
    }
    if (error != 0) {
        return failed(error);
    }
    return {};
}

}  // namespace kw::cpu
