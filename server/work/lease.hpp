// SPDX-License-Identifier: Apache-2.0
// A job in a worker's hands, and where such jobs come from: the queue of this process or a server
// over HTTP. Lanes and build threads know nothing else.
#pragma once

#include "core/candidate.hpp"
#include "core/result.hpp"
#include "db/queue.hpp"
#include "server/wire/job_options.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace kw::server {

struct Lease {
    std::string id;
    std::int64_t job_id = 0;
    std::string stage = "time";  ///< "build": only whether it builds, unless the worker also times
    std::string task;
    std::string task_hash;  ///< hash_for(task, target) must agree
    std::string device;     ///< that was asked for
    Candidate candidate;
    std::string seed;  ///< hex; "" = fresh
    JobOptions options;
    std::int64_t lease_ms = 60'000;  ///< until it expires without a heartbeat
};
[[nodiscard]] nlohmann::json to_json(const Lease& lease);
[[nodiscard]] Result<Lease> lease_from_json(const nlohmann::json& document);

/// {"kind":"passed"|"judged"|"outage", "evaluation"?, "error"?, "evaluator_hash"}
[[nodiscard]] nlohmann::json to_json(const db::JobOutcome& outcome);
[[nodiscard]] Result<db::JobOutcome> outcome_from_json(const nlohmann::json& document);

/// Thread-safe. Errors mean that the source cannot be reached now: try again later.
struct LeaseSource {
    virtual ~LeaseSource() = default;
    /// Waits up to `wait` for work; nothing when there was none, or when interrupt() was called.
    virtual Result<std::optional<Lease>> claim(
        const db::Claim& claim, std::chrono::milliseconds wait) = 0;
    /// False: the lease is not held any more, and its result will be refused.
    virtual Result<bool> heartbeat(const std::string& lease_id) = 0;
    virtual Result<db::Finished::What> finish(
        const std::string& lease_id, const db::JobOutcome& outcome) = 0;
    /// The attempt does not count.
    virtual Result<void> give_back(const std::string& lease_id) = 0;
    /// Ends the waits of claim(), now and later.
    virtual void interrupt() = 0;
};

}  // namespace kw::server
