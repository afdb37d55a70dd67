// SPDX-License-Identifier: Apache-2.0
#include "agent/models/rate_limit.hpp"

#include <algorithm>

namespace kw::agent {

namespace {

using std::chrono::nanoseconds;

constexpr double k_burst = 0.1;  ///< of a minute's worth
constexpr double k_ns_per_minute = 60e9;

}  // namespace

double TokenBucket::capacity() const {
    return std::max(1.0, k_burst * per_minute_);
}

nanoseconds TokenBucket::take(nanoseconds now, double amount) {
    if (per_minute_ <= 0) {
        return now;
    }
    const double per_ns = (1 - k_burst) * per_minute_ / k_ns_per_minute;
    if (begun_ && now > at_) {
        level_ = std::min(capacity(), level_ + static_cast<double>((now - at_).count()) * per_ns);
    }
    at_ = begun_ ? std::max(at_, now) : now;
    begun_ = true;
    const double needed = std::min(amount, capacity());
    const double missing = std::max(0.0, needed - level_);
    level_ -= amount;
    return at_ + nanoseconds(static_cast<std::int64_t>(missing / per_ns));
}

nanoseconds RateLimit::take(nanoseconds now, std::int64_t tokens) {
    const nanoseconds by_requests = requests_.take(now, 1);
    return std::max(by_requests, tokens_.take(now, static_cast<double>(tokens)));
}

}  // namespace kw::agent
