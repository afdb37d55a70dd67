// SPDX-License-Identifier: Apache-2.0
// Where a child's stdout or stderr goes: at most `cap` bytes are kept, the rest is cut and said.
#pragma once

#include "core/result.hpp"
#include "sandbox/fd.hpp"

#include <cstdint>
#include <string>

namespace kw::sandbox {

/// A pipe, drained while we wait: for children that we run to the end.
class PipeOutput {
public:
    [[nodiscard]] static Result<PipeOutput> open(std::int64_t cap);

    [[nodiscard]] int child_end() const { return write_end_.get(); }
    void close_child_end() { write_end_.reset(); }
    /// -1 once the writers are gone.
    [[nodiscard]] int poll_fd() const { return read_end_.get(); }
    /// Reads what is there without blocking.
    void drain();
    [[nodiscard]] std::int64_t seen() const { return seen_; }
    [[nodiscard]] bool cut() const { return seen_ > cap_; }
    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    Fd read_end_;
    Fd write_end_;
    std::int64_t cap_ = 0;
    std::int64_t seen_ = 0;
    std::string text_;
};

/// A memory file that cannot grow: for children that stay up while nobody reads. A full pipe would
/// block them; writes past the end of this fail with EPERM instead.
class FileOutput {
public:
    [[nodiscard]] static Result<FileOutput> open(std::int64_t cap);
    /// The size that the file is sealed at, for a child's file-size limit.
    [[nodiscard]] static std::int64_t largest_size(std::int64_t cap);

    [[nodiscard]] int child_end() const { return file_.get(); }
    [[nodiscard]] bool cut() const;
    [[nodiscard]] std::string read() const;

private:
    Fd file_;
    std::int64_t cap_ = 0;
};

/// A read-only memory file at offset 0 with `text` in it, for a child's stdin; /dev/null when
/// empty.
[[nodiscard]] Result<Fd> input_file(const std::string& text);

/// A sealed memory file of `size` bytes from `data`; `name` shows in /proc.
[[nodiscard]] Result<Fd> memory_file(
    const char* name, const void* data, std::size_t size, bool executable = false);

}  // namespace kw::sandbox
