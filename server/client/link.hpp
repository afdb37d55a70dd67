// SPDX-License-Identifier: Apache-2.0
// Asking an evaluation server: what one call needs and what came back, and when a call is made
// again. The transport is http_link.hpp; tests have others.
#pragma once

#include "core/clock.hpp"
#include "core/result.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kw::server {

struct ApiCall {
    std::string method = "GET";
    std::string path;  ///< with its query: "/v1/evaluations/e-41?wait=30s"
    std::string body;  ///< JSON; "" = none
    std::vector<std::pair<std::string, std::string>> headers;
    double timeout_s = 60;       ///< of one try; a long-poll asks for more than it waits
    std::function<bool()> stop;  ///< ends it within a second (Errc::interrupted); empty = never
};

struct ApiAnswer {
    long status = 0;
    std::string body;                     ///< at most 32 MiB
    std::optional<double> retry_after_s;  ///< the header, in seconds
};

struct ServerLink {
    virtual ~ServerLink() = default;
    /// One try, from any thread. Errc::environment: no complete answer came. Errc::interrupted:
    /// stopped.
    virtual Result<ApiAnswer> call(const ApiCall& call) = 0;
};

/// Too busy, restarting, or a proxy before it: the same call may come through later.
[[nodiscard]] bool worth_another_try(long status);

struct RetryRule {
    double deadline_s = 900;  ///< of all tries together
    double first_wait_s = 0.5;
    double longest_wait_s = 15;  ///< also of what the server asks for, unless it answered 429
};

struct RetryWorld {
    Clock& clock;
    std::function<void(const std::string&)> retry;  ///< told before each wait; may be empty
};

/// Tries until there is an answer that is no reason for another try. The last Error or a refusal
/// (error_of) when the deadline has passed; Errc::interrupted when stopped.
[[nodiscard]] Result<ApiAnswer> call_until_answered(
    ServerLink& link, const ApiCall& call, const RetryRule& rule, RetryWorld& world);

/// Ids come from the server and go into paths: letters, digits, '-' and '_'.
[[nodiscard]] bool is_plain_id(const std::string& id);

/// `doing` as in error_of; `what` cannot be read: "its id".
[[nodiscard]] Error unreadable_answer(const std::string& doing, const std::string& what);

/// What an answer that is no 2xx means: the server's own words ({"error":{kind,message,hint}}),
/// else its status. `doing`: "asking the server for a lease".
[[nodiscard]] Error error_of(const ApiAnswer& answer, const std::string& doing);
[[nodiscard]] bool is_success(const ApiAnswer& answer);

}  // namespace kw::server
