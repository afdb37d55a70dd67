// SPDX-License-Identifier: Apache-2.0
// Directories on the host that sandboxed children may be given.
#pragma once

#include "core/result.hpp"
#include "sandbox/identity.hpp"

#include <filesystem>
#include <mutex>
#include <string>

namespace kw::sandbox {

/// A base directory made on first use and removed with the object. Only we and the ordinary user
/// that children run as can enter it; the directories in it belong to that user.
class RunDirs {
public:
    explicit RunDirs(Identity identity)
        : identity_(identity) {}
    RunDirs(const RunDirs&) = delete;
    RunDirs& operator=(const RunDirs&) = delete;
    ~RunDirs();

    /// Thread-safe. `label` is for people; any bytes.
    [[nodiscard]] Result<std::filesystem::path> make(const std::string& label);

private:
    Result<void> make_base();

    Identity identity_;
    std::mutex mutex_;
    std::filesystem::path base_;
    int lock_ = -1;
    int count_ = 0;
};

}  // namespace kw::sandbox
