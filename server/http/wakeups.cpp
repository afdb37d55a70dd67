// SPDX-License-Identifier: Apache-2.0
#include "server/http/wakeups.hpp"

namespace kw::server {

namespace {

constexpr std::string_view k_job = "job ";

}  // namespace

std::string topic_of_job(std::int64_t id) {
    return std::string(k_job) + std::to_string(id);
}
std::string topic_of_campaign(std::int64_t id) {
    return "campaign " + std::to_string(id);
}

void Wakeups::wake(const std::string& topic) {
    const std::lock_guard guard(mutex_);
    if (topic == k_topic_queue) {
        ++version_;
        changed_.notify_all();
    } else if (topic.starts_with(k_job)) {
        ++job_version_;
        changed_.notify_all();
    }
    if (listener_) {
        listener_(topic);
    }
}

void Wakeups::listen(std::function<void(const std::string&)> listener) {
    const std::lock_guard guard(mutex_);
    listener_ = std::move(listener);
}

std::uint64_t Wakeups::queue_version() {
    const std::lock_guard guard(mutex_);
    return version_;
}

std::uint64_t Wakeups::job_version() {
    const std::lock_guard guard(mutex_);
    return job_version_;
}

void Wakeups::wait_for_job(std::uint64_t seen, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return job_version_ != seen; });
}

void Wakeups::wait_for_queue(std::uint64_t seen, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return version_ != seen; });
}

}  // namespace kw::server
