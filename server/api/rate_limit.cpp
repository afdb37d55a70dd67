// SPDX-License-Identifier: Apache-2.0
#include "server/api/rate_limit.hpp"

#include <algorithm>

namespace kw::server {

namespace {

constexpr std::size_t k_most_callers = 10'000;

}  // namespace

RateLimit::RateLimit(double each_s, double burst, Clock& clock)
    : each_s_(each_s)
    , burst_(std::max(1.0, burst))
    , clock_(&clock) {}

double RateLimit::wait_s(const std::string& caller) {
    if (each_s_ <= 0) {
        return 0;
    }
    const std::lock_guard guard(mutex_);
    const auto now = clock_->steady();
    if (buckets_.size() >= k_most_callers && !buckets_.contains(caller)) {
        // Full buckets remember nothing worth keeping.
        std::erase_if(buckets_, [&](const auto& entry) {
            const double idle = std::chrono::duration<double>(now - entry.second.at).count();
            return entry.second.tokens + idle * each_s_ >= burst_;
        });
    }
    const auto [slot, fresh] = buckets_.try_emplace(caller, Bucket{burst_, now});
    Bucket& bucket = slot->second;
    const double passed = std::chrono::duration<double>(now - bucket.at).count();
    bucket.tokens = std::min(burst_, bucket.tokens + std::max(0.0, passed) * each_s_);
    bucket.at = now;
    if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return 0;
    }
    return (1 - bucket.tokens) / each_s_;
}

}  // namespace kw::server
