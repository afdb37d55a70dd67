// SPDX-License-Identifier: Apache-2.0
#include "server/client/http_leases.hpp"

#include "core/log.hpp"
#include "server/wire/json.hpp"
#include "server/wire/wire.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kw::server {
namespace {

constexpr double k_heartbeat_s = 10;  ///< a late one is worth less than the next one
constexpr double k_give_back_s = 10;
constexpr double k_result_s = 600;  ///< a restart and more; the lease may still hold then
constexpr std::int64_t k_longest_lease_ms = 3'600'000;

nlohmann::json claim_text(const db::Claim& claim) {
    nlohmann::json body = {
        {"worker", claim.worker.name},
        {"devices", claim.worker.devices},
        {"machines", nlohmann::json::array()},
        {"kinds", claim.worker.kinds},
        {"toolchain", claim.worker.toolchain},
        {"evaluator_hash", claim.worker.evaluator_hash}};
    for (const WorkerMachine& machine : claim.worker.machines) {
        body["machines"].push_back(to_json(machine));
    }
    if (!claim.task_hashes.empty()) {
        body["task_hashes"] = claim.task_hashes;
    }
    return body;
}

/// What a worker acts on: an id for paths, a time for heartbeats, a stage it knows.
Result<Lease> checked(Lease lease) {
    if (!is_plain_id(lease.id)) {
        return unreadable_answer("taking a lease", "its id");
    }
    if (lease.lease_ms < 1000 || lease.lease_ms > k_longest_lease_ms) {
        return unreadable_answer("taking a lease", "its time");
    }
    if (lease.stage != "build" && lease.stage != "time") {
        return unreadable_answer("taking a lease", "its stage");
    }
    return lease;
}

Result<db::Finished::What> what_from(const ApiAnswer& answer) {
    using What = db::Finished::What;
    static const std::vector<std::pair<std::string, What>> words = {
        {"stored", What::stored},
        {"passed", What::passed},
        {"requeued", What::requeued},
        {"failed", What::failed},
        {"repeated", What::repeated},
        {"lost", What::lost}};
    const auto document = parse_json(answer.body);
    if (document && document->is_object() && document->contains("what") &&
        (*document)["what"].is_string()) {
        const auto text = (*document)["what"].get<std::string>();
        for (const auto& [word, what] : words) {
            if (word == text) {
                return what;
            }
        }
    }
    return unreadable_answer("sending a result", "what became of it");
}

bool is_lost(const ApiAnswer& answer) {
    return answer.status == 410;
}

}  // namespace

HttpLeases::HttpLeases(std::unique_ptr<ServerLink> link, Clock& clock)
    : link_(std::move(link))
    , clock_(&clock) {}

Result<ApiAnswer> HttpLeases::ask(const ApiCall& call, double deadline_s) {
    RetryWorld world{*clock_, [](const std::string& why) {
                         log::info("worker: " + why);
                     }};
    return call_until_answered(*link_, call, {deadline_s, 0.5, 15}, world);
}

Result<std::optional<Lease>> HttpLeases::claim(
    const db::Claim& claim, std::chrono::milliseconds wait) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
    ApiCall call;
    call.method = "POST";
    call.path = "/v1/leases?wait=" + std::to_string(seconds) + "s";
    call.body = json_text(claim_text(claim));
    call.timeout_s = static_cast<double>(seconds) + 30;
    call.stop = [this] {
        return interrupted_.load();
    };
    const auto answer = link_->call(call);
    if (!answer) {
        return answer.error().code == Errc::interrupted
                   ? Result<std::optional<Lease>>(std::optional<Lease>())
                   : Result<std::optional<Lease>>(answer.error());
    }
    if (answer->status == 204) {
        return std::optional<Lease>();
    }
    if (!is_success(*answer)) {
        return error_of(*answer, "asking for a lease");
    }
    const auto document = parse_json(answer->body);
    if (!document) {
        return unreadable_answer("taking a lease", document.error().what);
    }
    auto lease = lease_from_json(*document);
    if (!lease) {
        return unreadable_answer("taking a lease", lease.error().what);
    }
    KW_TRY_ASSIGN(Lease taken, checked(std::move(lease).value()));
    return std::optional<Lease>(std::move(taken));
}

Result<bool> HttpLeases::heartbeat(const std::string& lease_id) {
    ApiCall call;
    call.method = "POST";
    call.path = "/v1/leases/" + lease_id + "/heartbeat";
    call.body = "{}";
    call.timeout_s = k_heartbeat_s;
    KW_TRY_ASSIGN(const ApiAnswer answer, ask(call, k_heartbeat_s));
    if (is_success(answer) || is_lost(answer)) {
        return is_success(answer);
    }
    return error_of(answer, "keeping a lease");
}

Result<db::Finished::What> HttpLeases::finish(
    const std::string& lease_id, const db::JobOutcome& outcome) {
    ApiCall call;
    call.method = "POST";
    call.path = "/v1/leases/" + lease_id + "/result";
    call.body = json_text(to_json(outcome));
    KW_TRY_ASSIGN(const ApiAnswer answer, ask(call, k_result_s));
    if (is_lost(answer)) {
        return db::Finished::What::lost;
    }
    if (!is_success(answer)) {
        return error_of(answer, "sending a result");
    }
    return what_from(answer);
}

Result<void> HttpLeases::give_back(const std::string& lease_id) {
    ApiCall call;
    call.method = "DELETE";
    call.path = "/v1/leases/" + lease_id;
    call.timeout_s = k_give_back_s;
    KW_TRY_ASSIGN(const ApiAnswer answer, ask(call, k_give_back_s));
    if (!is_success(answer) && !is_lost(answer)) {
        return error_of(answer, "giving a lease back");
    }
    return {};
}

}  // namespace kw::server
