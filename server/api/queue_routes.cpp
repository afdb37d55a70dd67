// SPDX-License-Identifier: Apache-2.0
// What waits, what is being judged, who works.
#include "server/api/answers.hpp"
#include "server/api/job_request.hpp"
#include "server/api/route.hpp"
#include "server/wire/wire.hpp"

#include <nlohmann/json.hpp>

namespace kw::server {

namespace {

constexpr int k_recent = 50;

Response get_queue(ApiParts& parts, const Request& request, const PathValues&) {
    const auto counts = parts.queue.counts();
    const auto recent = parts.queue.recent(k_recent);
    if (!counts || !recent) {
        return error_answer(counts ? recent.error() : counts.error());
    }
    nlohmann::json document = {
        {"schema", "kwright.queue/1"},
        {"queued", counts->total},
        {"leased", counts->leased},
        {"lanes", nlohmann::json::array()},
        {"running", nlohmann::json::array()},
        {"ended", nlohmann::json::array()}};
    for (const auto& [lane, count] : counts->queued) {
        document["lanes"].push_back(
            {{"stage", lane.first}, {"device", lane.second}, {"queued", count}});
    }
    for (const JobRow& job : *recent) {
        // Somebody else's jobs are nobody's business but an administrator's.
        if (request.caller.admin || job.token_id == request.caller.token_id) {
            document[job.state == "leased" ? "running" : "ended"].push_back(job_line(job));
        }
    }
    return json_answer(200, document);
}

Response get_workers(ApiParts& parts, const Request&, const PathValues&) {
    const auto workers = parts.queue.workers();
    if (!workers) {
        return error_answer(workers.error());
    }
    nlohmann::json document = {
        {"schema", "kwright.workers/1"}, {"workers", nlohmann::json::array()}};
    const std::int64_t silent = parts.clock.utc_ms() - 2 * parts.queue.settings().lease_ms;
    for (const WorkerRow& worker : *workers) {
        nlohmann::json one = to_json(worker);
        one["alive"] = worker.last_ms >= silent;
        document["workers"].push_back(std::move(one));
    }
    return json_answer(200, document);
}

}  // namespace

std::vector<Route> queue_routes() {
    return {
        {"GET",
         "/v1/queue",
         Scope::any,
         "what waits, by device; the caller's jobs that run or ended lately",
         {},
         "",
         {{200, "the queue", "Queue"}},
         0,
         get_queue},
        {"GET",
         "/v1/workers",
         Scope::any,
         "who takes jobs, and for which devices",
         {},
         "",
         {{200, "the workers", "Workers"}},
         0,
         get_workers}};
}

}  // namespace kw::server
