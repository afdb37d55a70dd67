// SPDX-License-Identifier: Apache-2.0
// Memory control groups, version 1 or 2, where we may make them. An optional layer: address-space
// limits hold without it, but count each process alone and not the private /tmp.
#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace kw::sandbox {

/// Where groups can be made on this machine.
struct CgroupHome {
    int version = 0;               ///< 1, 2; 0 none
    std::filesystem::path parent;  ///< directory to make groups in
    std::string missing;           ///< why not, when version is 0
};

/// Tries it out: makes a group, sets a limit, removes it. Removes empty groups that dead processes
/// of ours left behind.
[[nodiscard]] CgroupHome find_cgroup_home();

/// One group, removed with the object (its processes must be dead by then).
class MemoryGroup {
public:
    MemoryGroup(int version, std::filesystem::path path)
        : version_(version)
        , path_(std::move(path)) {}
    MemoryGroup(const MemoryGroup&) = delete;
    MemoryGroup& operator=(const MemoryGroup&) = delete;
    ~MemoryGroup();

    [[nodiscard]] bool add(int pid) const;
    [[nodiscard]] std::int64_t oom_kills() const;
    [[nodiscard]] std::int64_t peak_bytes() const;  ///< 0 when the kernel does not say

private:
    int version_;
    std::filesystem::path path_;
};

[[nodiscard]] Result<std::unique_ptr<MemoryGroup>> make_memory_group(
    const CgroupHome& home, std::int64_t memory_bytes);

}  // namespace kw::sandbox
