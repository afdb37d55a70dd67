// SPDX-License-Identifier: Apache-2.0
// Who waits for what: long-polls and event streams (through the HTTP server), and lanes of this
// process.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace kw::server {

inline constexpr const char* k_topic_queue = "queue";  ///< a job waits
[[nodiscard]] std::string topic_of_job(std::int64_t id);
[[nodiscard]] std::string topic_of_campaign(std::int64_t id);

class Wakeups {
public:
    /// Something happened to `topic`.
    void wake(const std::string& topic);
    /// The one listener; an empty function takes it away. It must not call back.
    void listen(std::function<void(const std::string& topic)> listener);

    /// How often something happened to k_topic_queue.
    [[nodiscard]] std::uint64_t queue_version();
    /// Until it differs from `seen` or the time is over.
    void wait_for_queue(std::uint64_t seen, std::chrono::milliseconds limit);
    /// The same of topic_of_job(), whichever job.
    [[nodiscard]] std::uint64_t job_version();
    void wait_for_job(std::uint64_t seen, std::chrono::milliseconds limit);

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t version_ = 0;
    std::uint64_t job_version_ = 0;
    std::function<void(const std::string&)> listener_;
};

}  // namespace kw::server
