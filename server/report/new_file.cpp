// SPDX-License-Identifier: Apache-2.0
#include "server/report/new_file.hpp"

#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace kw::server {

namespace {

namespace fs = std::filesystem;

Error exists_already(const fs::path& to) {
    return {
        Errc::usage,
        "writing " + to.string() + ": it exists already",
        "name a new file, or remove that one first"};
}

Error failed(const fs::path& to, int error) {
    return {
        Errc::environment,
        "writing " + to.string() + ": " + std::strerror(error),
        "give a path that can be written"};
}

/// 0, or errno.
int write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    return ::fsync(descriptor) == 0 ? 0 : errno;
}

/// link() refuses to replace a file that came up meanwhile; a file system without links gets
/// rename(). 0, or errno.
int publish(const fs::path& partial, const fs::path& to) {
    if (::link(partial.c_str(), to.c_str()) == 0) {
        ::unlink(partial.c_str());
        return 0;
    }
    if (errno == EEXIST) {
        return EEXIST;
    }
    return ::rename(partial.c_str(), to.c_str()) == 0 ? 0 : errno;
}

}  // namespace

Result<void> write_new_file(const fs::path& to, std::string_view bytes) {
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(to, ignored))) {
        return exists_already(to);
    }
    const fs::path partial = to.string() + ".partial-" + std::to_string(::getpid());
    const int descriptor =
        ::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);  // NOLINT
    if (descriptor < 0) {
        return failed(to, errno);
    }
    int error = write_all(descriptor, bytes);
    error = ::close(descriptor) == 0 || error != 0 ? error : errno;
    error = error != 0 ? error : publish(partial, to);
    if (error == 0) {
        return {};
    }
    ::unlink(partial.c_str());
    return error == EEXIST ? exists_already(to) : failed(to, error);
}

}  // namespace kw::server
