// SPDX-License-Identifier: Apache-2.0
// What the evaluation service keeps besides campaigns: jobs (an evaluation that was asked for),
// workers, access tokens. Times are UTC milliseconds, 0 = not yet.
#pragma once

#include "core/evaluation.hpp"
#include "core/rows.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kw {

/// An evaluation that was asked for. `state`: queued | leased | done | cancelled | failed (our
/// outage: never scored). `stage`: a job is built first and then waits for its device's lane.
struct JobRow {
    std::int64_t id = 0;
    std::int64_t campaign_id = 0;  ///< the service's campaign that its evaluation enters
    std::string candidate_hash;
    std::string task;
    std::string task_hash;
    std::string target = "cpu";
    std::string device = "cpu";  ///< what a lane must offer: "cpu", "cuda:0", "cuda:sm_90a"
    std::string arch;            ///< CUDA: that of the directive or of the device; "" = the lane's
    std::string isa;
    std::string seed;                ///< hex; "" = fresh
    std::string options;             ///< JSON object, as the service read it (docs/service.md)
    std::string purpose = "search";  ///< search | promotion | reverify
    std::int64_t reproduces = 0;     ///< evaluation that a trusted worker judges again
    bool promote = true;             ///< one that would be the best is judged twice
    std::int64_t token_id = 0;       ///< submitter; 0 = somebody on this machine
    std::string idempotency_key;     ///< "" = none
    std::string request_hash;        ///< of what was asked: a key must not come back for other work
    std::int64_t rank = 0;           ///< its place in the fair order of its device
    std::string state = "queued";
    std::string stage = "build";
    int attempts = 0;
    std::string lease_id;  ///< "" = never leased
    std::string worker;
    bool trusted = false;  ///< the worker that holds or ended it
    std::int64_t lease_until_ms = 0;
    std::int64_t created_ms = 0;
    std::int64_t started_ms = 0;  ///< of the last lease
    std::int64_t ended_ms = 0;
    std::int64_t evaluation_id = 0;
    std::string error;  ///< our outage, in words
};

/// A device as its worker describes it, for people and prompts.
struct WorkerMachine {
    std::string device;       ///< id: "cpu", "cuda:0"
    std::string description;  ///< "cpu: AMD EPYC 9R14, 2 cores, x86-64-v4"
    std::string arch;         ///< CUDA: "sm_90a"
    std::string facts;        ///< lines: caches, bandwidths, peaks
    bool operator==(const WorkerMachine&) const = default;
};

/// Somebody who takes leases.
struct WorkerRow {
    std::string name;
    std::int64_t token_id = 0;
    bool trusted = false;
    std::vector<std::string> devices;  ///< as claims name them
    std::vector<std::string> kinds;    ///< "build", "time"
    std::string toolchain;
    std::string evaluator_hash;
    std::int64_t first_ms = 0;
    std::int64_t last_ms = 0;  ///< last heard of
    std::int64_t done = 0;     ///< results taken from it
    std::int64_t lost = 0;     ///< leases that expired in its hands
    std::vector<WorkerMachine> machines = {};
};

/// Who may call the service. `scope`: submit | worker | admin. The secret itself is not kept.
struct TokenRow {
    std::int64_t id = 0;
    std::string name;
    std::string scope = "submit";
    bool trusted = false;  ///< worker: its results count without a second judging
    std::string hash;      ///< SHA-256 of the secret, hex
    std::int64_t created_ms = 0;
    std::int64_t revoked_ms = 0;
};

}  // namespace kw
