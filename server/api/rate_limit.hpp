// SPDX-License-Identifier: Apache-2.0
// Requests a second, for each caller by itself: a bucket that fills steadily.
#pragma once

#include "core/clock.hpp"

#include <map>
#include <mutex>
#include <string>

namespace kw::server {

class RateLimit {
public:
    /// `each_s` <= 0: no limit. `burst`: what a caller that was quiet may do at once.
    RateLimit(double each_s, double burst, Clock& clock);
    /// Seconds until the caller may come again; 0 = it may now, and that counts.
    double wait_s(const std::string& caller);

private:
    struct Bucket {
        double tokens = 0;
        std::chrono::nanoseconds at{0};
    };
    double each_s_;
    double burst_;
    Clock* clock_;
    std::mutex mutex_;
    std::map<std::string, Bucket> buckets_;
};

}  // namespace kw::server
