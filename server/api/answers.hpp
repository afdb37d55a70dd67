// SPDX-License-Identifier: Apache-2.0
// Answers of one form. Errors are {"error":{"kind","message","hint"}}; the kind tells what the
// caller can do something about from what it cannot:
//   usage       the request is wrong              candidate   the source is
//   auth        no token, or not one for this     limit       later (Retry-After)
//   environment our outage: nothing was scored
#pragma once

#include "core/result.hpp"
#include "server/http/message.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kw::server {

[[nodiscard]] Response json_answer(int status, const nlohmann::json& document);
[[nodiscard]] Response error_answer(
    int status, const std::string& kind, const std::string& message, const std::string& hint = "");
/// Errc::usage and config: 400; the others: 503, our outage.
[[nodiscard]] Response error_answer(const Error& error);
/// 503: --read-only takes nothing that would change the database.
[[nodiscard]] Response read_only_answer();
/// 429.
[[nodiscard]] Response limit_answer(const std::string& message, double retry_after_s);

/// "e-41" of 41, and back; nothing for another text.
[[nodiscard]] std::string shown_job(std::int64_t id);
[[nodiscard]] std::optional<std::int64_t> job_number(const std::string& shown);

/// "30s", "30" or "1500ms"; none is 0. Errc::usage.
[[nodiscard]] Result<std::chrono::milliseconds> wait_of(const Request& request);

/// The body as an object. Errc::usage.
[[nodiscard]] Result<nlohmann::json> body_of(const Request& request);

/// Errc::usage with did-you-mean for a member that is not among `known`.
[[nodiscard]] Result<void> only_members(
    const nlohmann::json& document, const std::vector<std::string>& known);
/// "" when it is not there.
[[nodiscard]] Result<std::string> text_member(
    const nlohmann::json& document, const std::string& name);

}  // namespace kw::server
