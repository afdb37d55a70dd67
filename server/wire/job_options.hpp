// SPDX-License-Identifier: Apache-2.0
// What a client may say about how its candidate is judged, and what a server lets it.
#pragma once

#include "core/result.hpp"
#include "evaluator/evaluator.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace kw::server {

struct JobOptions {
    bool timed = true;
    bool hot = true;
    bool independent = false;  ///< as JudgeOptions
    bool promote = true;       ///< one that would be the best is judged twice
    int max_pairs = 0;         ///< 0 = the server's
    double cap_s = 0;          ///< 0 = the task's own
    bool operator==(const JobOptions&) const = default;
};

/// What the server allows at most.
struct JobLimits {
    int max_pairs = 1'000;
    double cap_s = 300;
};

/// `document`: an object, or null for the defaults. Errc::usage with did-you-mean for what is
/// unknown, of another type or over a limit.
[[nodiscard]] Result<JobOptions> read_job_options(
    const nlohmann::json& document, const JobLimits& limits);
[[nodiscard]] nlohmann::json to_json(const JobOptions& options);

/// `seed`: 64 hex digits, or "" for a fresh one; anything else is Errc::usage.
[[nodiscard]] Result<JudgeOptions> judge_options_of(
    const JobOptions& options, const std::string& seed);

}  // namespace kw::server
