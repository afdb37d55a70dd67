// SPDX-License-Identifier: Apache-2.0
// Tasks by name, read again when they may have changed. Names come from clients: only a plain name
// is looked for, never a path.
#pragma once

#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/task_file.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace kw::server {

class TaskShelf {
public:
    TaskShelf(std::vector<std::filesystem::path> roots, Clock& clock);
    /// Errc::usage with did-you-mean for a name that is not there; what load_task() says otherwise.
    Result<std::shared_ptr<const Task>> get(const std::string& name);
    [[nodiscard]] const std::vector<std::filesystem::path>& roots() const { return roots_; }

private:
    struct Slot {
        std::shared_ptr<const Task> task;
        std::chrono::nanoseconds read{0};
    };
    std::vector<std::filesystem::path> roots_;
    Clock* clock_;
    std::mutex mutex_;
    std::map<std::string, Slot> slots_;
};

}  // namespace kw::server
