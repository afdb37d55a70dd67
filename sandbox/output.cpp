// SPDX-License-Identifier: Apache-2.0
#include "sandbox/output.hpp"

#include "sandbox/system_error.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace kw::sandbox {
namespace {

/// A write that does not fit below the seal fails as a whole, and the largest piece that the kernel
/// writes at once is a huge page: with that much room a flood always ends beyond the cap.
constexpr std::int64_t k_slack_bytes = std::int64_t{2} << 20;

}  // namespace

Result<PipeOutput> PipeOutput::open(std::int64_t cap) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return system_error("making a pipe for a child's output", errno);
    }
    PipeOutput output;
    output.read_end_ = Fd(ends[0]);
    output.write_end_ = Fd(ends[1]);
    output.cap_ = cap;
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return output;
}

void PipeOutput::drain() {
    std::array<char, 65536> buffer;
    while (read_end_) {
        const ssize_t n = ::read(read_end_.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            read_end_.reset();
            return;
        }
        const std::int64_t room = std::max<std::int64_t>(0, cap_ - seen_);
        text_.append(buffer.data(), static_cast<std::size_t>(std::min<std::int64_t>(room, n)));
        seen_ += n;
        if (n < static_cast<ssize_t>(buffer.size())) {
            return;  // poll again: a flood must not keep us from the clock
        }
    }
}

Result<FileOutput> FileOutput::open(std::int64_t cap) {
    FileOutput output;
    output.cap_ = cap;
    output.file_ = Fd(::memfd_create("kwright-output", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!output.file_ || ::ftruncate(output.file_.get(), largest_size(cap)) != 0 ||
        ::fcntl(output.file_.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
        return system_error("making a memory file for a child's output", errno);
    }
    return output;
}

std::int64_t FileOutput::largest_size(std::int64_t cap) {
    return cap + k_slack_bytes;
}

bool FileOutput::cut() const {
    return ::lseek(file_.get(), 0, SEEK_CUR) > cap_;
}

std::string FileOutput::read() const {
    const std::int64_t end = ::lseek(file_.get(), 0, SEEK_CUR);
    std::string text(static_cast<std::size_t>(std::clamp<std::int64_t>(end, 0, cap_)), '\0');
    const ssize_t n = ::pread(file_.get(), text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
}

Result<Fd> memory_file(const char* name, const void* data, std::size_t size, bool executable) {
    // MFD_EXEC (Linux 6.3) keeps vm.memfd_noexec=1 from refusing; older kernels do not know it.
    constexpr unsigned k_mfd_exec = 0x0010U;
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    Fd file(::memfd_create(name, flags | (executable ? k_mfd_exec : 0U)));
    if (!file && executable) {
        file = Fd(::memfd_create(name, flags));
    }
    if (!file) {
        return system_error("making a memory file for a child", errno);
    }
    const char* begin = static_cast<const char*>(data);
    std::size_t done = 0;
    while (done < size) {
        const ssize_t n = ::pwrite(file.get(), begin + done, size - done, static_cast<off_t>(done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return system_error("filling a memory file for a child", n < 0 ? errno : EIO);
        }
        done += static_cast<std::size_t>(n);
    }
    if (::fcntl(
            file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) !=
        0) {
        return system_error("sealing a memory file for a child", errno);
    }
    return file;
}

Result<Fd> input_file(const std::string& text) {
    if (!text.empty()) {
        return memory_file("kwright-stdin", text.data(), text.size());
    }
    Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null) {
        return system_error("opening /dev/null", errno);
    }
    return null;
}

}  // namespace kw::sandbox
