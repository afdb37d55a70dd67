// SPDX-License-Identifier: Apache-2.0
// The service under load, all in this process: a server on loopback, lanes whose judge takes no
// time, clients on real sockets. What `kwright dev bench service` runs.
#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kw::server {

struct LoadSettings {
    std::filesystem::path folder;  ///< of the database; on the disk that a service would use
    std::vector<std::filesystem::path> task_roots;
    std::string task;
    int clients = 500;
    int jobs = 100'000;
    int lanes = 2;
    int looks = 20;  ///< requests a client without waiting, at the end
};

struct LoadPhase {
    std::int64_t requests = 0;
    double seconds = 0;
    double p50_ms = 0;
    double p99_ms = 0;
    double max_ms = 0;
};

struct LoadReport {
    LoadPhase fill;    ///< batches, until every job is queued
    LoadPhase submit;  ///< one more evaluation each, behind all of them
    LoadPhase judge;   ///< every job is waited for, one long-poll each, while lanes judge
    LoadPhase look;    ///< a result each, without waiting
    std::int64_t jobs = 0;
    std::int64_t lost = 0;     ///< not done, or done as something else
    std::int64_t doubled = 0;  ///< evaluations beyond one a job
    std::int64_t queued_most = 0;
    std::int64_t rss_before_kb = 0;
    std::int64_t rss_queued_kb = 0;
    std::int64_t rss_after_kb = 0;
    std::int64_t rss_peak_kb = 0;
    std::int64_t database_bytes = 0;
};

[[nodiscard]] Result<LoadReport> run_load(const LoadSettings& settings);

}  // namespace kw::server
