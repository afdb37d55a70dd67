// SPDX-License-Identifier: Apache-2.0
#include "server/work/task_shelf.hpp"

#include <algorithm>
#include <cctype>

namespace kw::server {

namespace {

constexpr std::chrono::seconds k_fresh{5};
constexpr std::size_t k_longest_name = 100;

bool is_plain_name(const std::string& name) {
    return !name.empty() && name.size() <= k_longest_name &&
           std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

}  // namespace

TaskShelf::TaskShelf(std::vector<std::filesystem::path> roots, Clock& clock)
    : roots_(std::move(roots))
    , clock_(&clock) {}

Result<std::shared_ptr<const Task>> TaskShelf::get(const std::string& name) {
    if (!is_plain_name(name)) {
        return Error{Errc::usage, "a task's name has letters, digits and '_'", "see GET /v1/tasks"};
    }
    const std::lock_guard guard(mutex_);
    const auto now = clock_->steady();
    const auto found = slots_.find(name);
    if (found != slots_.end() && now - found->second.read < k_fresh) {
        return found->second.task;
    }
    KW_TRY_ASSIGN(Task task, find_task(name, roots_));
    Slot& slot = slots_[name];
    slot = {std::make_shared<const Task>(std::move(task)), now};
    return slot.task;
}

}  // namespace kw::server
