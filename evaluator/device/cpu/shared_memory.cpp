// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/shared_memory.hpp"

#include "core/check.hpp"
#include "evaluator/device/cpu/held_code.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

namespace kw::cpu {
namespace {

Error failed(const std::string& what) {
    return {
        Errc::environment,
        "sharing memory with a runner: " + what + ": " + std::strerror(errno),
        "free memory or raise the limit on locked and shared memory"};
}

}  // namespace

Result<std::shared_ptr<SharedMemory>> SharedMemory::create(
    const std::string& label, std::int64_t bytes, FutureWrites future_writes, Pages pages) {
    std::shared_ptr<SharedMemory> memory(new SharedMemory());
    if (bytes <= 0) {
        return memory;
    }
    const std::size_t page = 4096;
    memory->size_ = (static_cast<std::size_t>(bytes) + page - 1) / page * page;
    memory->fd_ = memfd_create(label.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory->fd_ < 0) {
        return failed("memfd_create " + label);
    }
    if (ftruncate(memory->fd_, static_cast<off_t>(memory->size_)) != 0) {
        return failed("sizing " + label + " to " + std::to_string(memory->size_) + " bytes");
    }
    const int flags = MAP_SHARED | (pages == Pages::now ? MAP_POPULATE : 0);
    void* data = mmap(nullptr, memory->size_, PROT_READ | PROT_WRITE, flags, memory->fd_, 0);
    if (data == MAP_FAILED) {
        return failed("mapping " + label);
    }
    memory->data_ = static_cast<std::byte*>(data);
    int seals = F_SEAL_SHRINK | F_SEAL_GROW;
    if (future_writes == FutureWrites::no) {
        seals |= F_SEAL_FUTURE_WRITE;
    }
    if (fcntl(memory->fd_, F_ADD_SEALS, seals | F_SEAL_SEAL) != 0) {
        return failed("sealing " + label);
    }
    return memory;
}

SharedMemory::~SharedMemory() {
    if (data_ != nullptr) {
        munmap(data_, size_);
    }
    if (fd_ >= 0) {
        close(fd_);
    }
}

Result<int> SharedMemory::open_read_only() const {
    const std::string path = "/proc/self/fd/" + std::to_string(fd_);
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return failed("opening a memory read-only");
    }
    return fd;
}

Result<void> take_pages_in_turns(const std::vector<std::shared_ptr<SharedMemory>>& memories) {
    constexpr std::size_t k_run = std::size_t{64} << 10;
    const std::size_t count = memories.size();
    const std::size_t size = count == 0 ? 0 : memories.front()->bytes().size();
    for (std::size_t at = 0, turn = 0; at < size; at += k_run, ++turn) {
        for (std::size_t i = 0; i < count; ++i) {
            const std::span<std::byte> bytes = memories[(turn + i) % count]->bytes();
            KW_CHECK(bytes.size() == size);
            const std::span<std::byte> run = bytes.subspan(at, std::min(k_run, size - at));
            // Before Linux 5.14 the first use gives them.
            if (madvise(run.data(), run.size(), MADV_POPULATE_WRITE) != 0 && errno != EINVAL) {
                return failed("taking " + std::to_string(size) + " bytes");
            }
        }
    }
    return {};
}

Result<int> sealed_object(const std::filesystem::path& file, LoadTimeCode load_time_code) {
    std::ifstream stream(file, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    if (!stream || (load_time_code == LoadTimeCode::held && !hold_load_time_code(bytes))) {
        return Error{
            Errc::environment,
            "reading the built object " + file.string() + " failed",
            "run `kwright gc` and try again"};
    }
    const int fd = memfd_create("kw-object", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return failed("memfd_create kw-object");
    }
    std::size_t written = 0;
    while (written < bytes.size()) {
        const ssize_t count = write(fd, bytes.data() + written, bytes.size() - written);
        if (count <= 0) {
            const Error error = failed("copying " + file.string());
            close(fd);
            return error;
        }
        written += static_cast<std::size_t>(count);
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        const Error error = failed("sealing " + file.string());
        close(fd);
        return error;
    }
    return fd;
}

}  // namespace kw::cpu
