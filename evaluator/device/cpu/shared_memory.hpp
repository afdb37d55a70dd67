// SPDX-License-Identifier: Apache-2.0
// One memfd that the judge maps writable and runners map at a fixed address. Its size is sealed: a
// runner that could shrink it would kill the judge with SIGBUS. With `FutureWrites::no` it is
// sealed against later writable maps too, so that inputs cannot be changed, not even through
// mprotect.
#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kw::cpu {

enum class FutureWrites { no, yes };
/// When a memory gets its physical pages: `later` by take_pages_in_turns() or at first use.
enum class Pages { now, later };

class SharedMemory {
public:
    /// `bytes` is rounded up to whole pages; 0 gives an empty memory without a descriptor.
    static Result<std::shared_ptr<SharedMemory>> create(
        const std::string& label,
        std::int64_t bytes,
        FutureWrites future_writes,
        Pages pages = Pages::now);
    ~SharedMemory();
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] std::span<std::byte> bytes() const { return {data_, size_}; }
    /// A second descriptor on the same memory that cannot be mapped writable.
    [[nodiscard]] Result<int> open_read_only() const;

private:
    SharedMemory() = default;
    int fd_ = -1;
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Gives memories of one size their pages in turns, 64 KiB at a time. The kernel hands out what is
/// left over first, in scattered pages, and then long runs, which are quicker to read: of two
/// memories made one after the other, the second would be.
[[nodiscard]] Result<void> take_pages_in_turns(
    const std::vector<std::shared_ptr<SharedMemory>>& memories);

enum class LoadTimeCode {
    held,      ///< held_code.hpp
    at_large,  ///< the loader runs it: only where a test turned the load filter off
};

/// A sealed copy of a built object in memory; the caller closes the descriptor. Runners load
/// objects from such copies: the cache may lie where the sandbox user cannot read, and nothing
/// changes between this reading and the loading.
[[nodiscard]] Result<int> sealed_object(
    const std::filesystem::path& file, LoadTimeCode load_time_code);

}  // namespace kw::cpu
