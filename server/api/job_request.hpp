// SPDX-License-Identifier: Apache-2.0
// From what a client asks to a job, and from a job to what it is answered.
#pragma once

#include "server/api/parts.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace kw::server {

/// Everything wrong with the request is Errc::usage. The campaign that the result will enter is
/// made when it is not there.
[[nodiscard]] Result<db::NewJob> read_job_request(
    ApiParts& parts, const nlohmann::json& document, const Caller& caller);

/// The job as it stands; what waits has its place and an estimate, what is done the whole
/// evaluation.
[[nodiscard]] Result<nlohmann::json> job_json(ApiParts& parts, const JobRow& job);
/// The same in one line, for lists.
[[nodiscard]] nlohmann::json job_line(const JobRow& job);

}  // namespace kw::server
