// SPDX-License-Identifier: Apache-2.0
// Requests and tokens a minute: when the next call may be sent. A pure value; the clock is the
// caller's.
#pragma once

#include <chrono>
#include <cstdint>

namespace kw::agent {

/// One token bucket. It begins full and holds a tenth of a minute's worth; it fills with nine
/// tenths of the limit, so that no minute, wherever it begins, sees more than the limit. An amount
/// larger than the bucket goes when the bucket is full and leaves a debt.
class TokenBucket {
public:
    /// `per_minute` 0 = no limit.
    explicit TokenBucket(double per_minute)
        : per_minute_(per_minute)
        , level_(capacity()) {}

    /// Takes `amount` and says when it may be used: now or later. Amounts are served in the order
    /// they are taken; times never go back.
    std::chrono::nanoseconds take(std::chrono::nanoseconds now, double amount);

private:
    [[nodiscard]] double capacity() const;

    double per_minute_;
    double level_;  ///< negative: owed
    std::chrono::nanoseconds at_{0};
    bool begun_ = false;
};

class RateLimit {
public:
    RateLimit(double requests_per_minute, double tokens_per_minute)
        : requests_(requests_per_minute)
        , tokens_(tokens_per_minute) {}
    /// When a call of so many tokens may be sent.
    std::chrono::nanoseconds take(std::chrono::nanoseconds now, std::int64_t tokens);

private:
    TokenBucket requests_;
    TokenBucket tokens_;
};

}  // namespace kw::agent
