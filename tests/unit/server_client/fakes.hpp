// SPDX-License-Identifier: Apache-2.0
// A server without sockets and time without waiting.
#pragma once

#include "server/client/link.hpp"
#include "tests/support/catch.hpp"

#include <functional>
#include <string>
#include <vector>

namespace kw::test {

class LeapClock final : public Clock {
public:
    std::chrono::nanoseconds steady() override { return now_; }
    std::int64_t utc_ms() override { return 1'700'000'000'000 + now_.count() / 1'000'000; }
    void sleep(std::chrono::nanoseconds duration) override {
        now_ += duration;
        if (on_sleep) {
            on_sleep();
        }
    }
    void advance(double seconds) {
        now_ += std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
    }
    [[nodiscard]] double seconds() const { return static_cast<double>(now_.count()) * 1e-9; }
    std::function<void()> on_sleep;

private:
    std::chrono::nanoseconds now_{1'000'000'000};
};

inline Error no_connection() {
    return {Errc::environment, "calling http://head: could not connect", ""};
}

/// Answers by a function; keeps what was asked.
class FakeLink final : public server::ServerLink {
public:
    using Answer = std::function<Result<server::ApiAnswer>(const server::ApiCall&)>;
    explicit FakeLink(Answer answer)
        : answer_(std::move(answer)) {}
    Result<server::ApiAnswer> call(const server::ApiCall& call) override {
        calls.push_back(call);
        return answer_(call);
    }
    std::vector<server::ApiCall> calls;

private:
    Answer answer_;
};

inline server::ApiAnswer answer(long status, std::string body = "{}") {
    return {status, std::move(body), {}};
}

}  // namespace kw::test
