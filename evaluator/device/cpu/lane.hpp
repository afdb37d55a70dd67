// SPDX-License-Identifier: Apache-2.0
// The timing lane of a device: one judgement at a time on this machine, whatever the number of
// kwright processes.
#pragma once

#include "core/result.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace kw::cpu {

class TimingLane {
public:
    /// Waits until the lane is free. The kernel frees it when its holder dies.
    static Result<std::unique_ptr<TimingLane>> take(
        const std::filesystem::path& dir, const std::string& device);
    ~TimingLane();
    TimingLane(const TimingLane&) = delete;
    TimingLane& operator=(const TimingLane&) = delete;

private:
    explicit TimingLane(int fd)
        : fd_(fd) {}
    int fd_;
};

}  // namespace kw::cpu
