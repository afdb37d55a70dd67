// SPDX-License-Identifier: Apache-2.0
// When a model call that failed is tried again, and whether the failed try may have cost money.
// Pure functions of what came back.
#pragma once

#include "agent/models/http.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace kw::agent {

/// Broken connections, time limits, overload and server errors; not an exhausted quota.
[[nodiscard]] bool worth_a_retry(const HttpOutcome& outcome);

/// The provider may charge for it: the request left and a result may have been made. Refusals (4xx)
/// and errors that a server owns up to (5xx) are free; time-outs of gateways are not.
[[nodiscard]] bool may_be_billed(const HttpOutcome& outcome);

/// Seconds that the server asks for: Retry-After as seconds or as an HTTP date (RFC 9110,
/// IMF-fixdate), or retry-after-ms. Nothing: it does not say, or not in a form that is known. A
/// date that has passed is 0.
[[nodiscard]] std::optional<double> asked_wait_s(const HttpOutcome& outcome, std::int64_t utc_ms);

/// Exponential from 2 s to 60 s; `jitter` in [0, 1) takes up to a half of it away.
[[nodiscard]] double backoff_s(int tries, double jitter);

/// What a person can do about the status.
[[nodiscard]] std::string hint_for(long status);

}  // namespace kw::agent
