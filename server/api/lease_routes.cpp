// SPDX-License-Identifier: Apache-2.0
// What workers call: take a lease, keep it, end it, give it back.
#include "server/api/answers.hpp"
#include "server/api/route.hpp"
#include "server/wire/wire.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace kw::server {

namespace {

constexpr std::size_t k_claim_body = std::size_t{256} << 10;
constexpr std::size_t k_result_body = std::size_t{16} << 20;
constexpr std::size_t k_most_names = 64;
constexpr std::size_t k_most_tasks = 1'000;

Response not_held() {
    return error_answer(
        410,
        "usage",
        "this lease is not held any more",
        "drop the job: somebody else has it, or it was withdrawn");
}

bool is_name(const std::string& text) {
    constexpr std::size_t longest = 100;
    return !text.empty() && text.size() <= longest &&
           std::ranges::all_of(text, [](unsigned char c) {
               return std::isalnum(c) || c == '.' || c == '_' || c == ':' || c == '/' || c == '-' ||
                      c == '@';
           });
}

Result<std::vector<std::string>> names_member(
    const nlohmann::json& document, const std::string& name, std::size_t most) {
    std::vector<std::string> names;
    const auto found = document.find(name);
    if (found == document.end() || found->is_null()) {
        return names;
    }
    bool good = found->is_array() && found->size() <= most;
    for (std::size_t i = 0; good && i < found->size(); ++i) {
        good = (*found)[i].is_string() && is_name((*found)[i].get<std::string>());
        if (good) {
            names.push_back((*found)[i].get<std::string>());
        }
    }
    if (!good) {
        return Error{
            Errc::usage, name + " must be a list of up to " + std::to_string(most) + " names", ""};
    }
    return names;
}

/// What a worker says of its devices; texts are cut, not refused.
Result<std::vector<WorkerMachine>> machines_member(const nlohmann::json& document) {
    constexpr std::size_t longest_line = 300;
    constexpr std::size_t longest_facts = 8'000;
    std::vector<WorkerMachine> machines;
    const auto found = document.find("machines");
    if (found == document.end() || found->is_null()) {
        return machines;
    }
    if (!found->is_array() || found->size() > k_most_names) {
        return Error{
            Errc::usage,
            "machines must be a list of up to " + std::to_string(k_most_names) + " objects",
            ""};
    }
    for (const nlohmann::json& one : *found) {
        KW_TRY_ASSIGN(WorkerMachine machine, machine_from_json(one));
        for (std::string* line : {&machine.device, &machine.description, &machine.arch}) {
            line->resize(std::min(line->size(), longest_line));
        }
        machine.facts.resize(std::min(machine.facts.size(), longest_facts));
        machines.push_back(std::move(machine));
    }
    return machines;
}

Result<db::Claim> read_claim(const nlohmann::json& document, const Caller& caller) {
    KW_TRY(only_members(
        document,
        {"worker", "devices", "machines", "kinds", "toolchain", "evaluator_hash", "task_hashes"}));
    db::Claim claim;
    WorkerRow& worker = claim.worker;
    KW_TRY_ASSIGN(worker.name, text_member(document, "worker"));
    if (!is_name(worker.name) || worker.name.starts_with("local/")) {
        return Error{
            Errc::usage,
            "worker must be a name of letters, digits and ._:/@-, not beginning with local/",
            ""};
    }
    KW_TRY_ASSIGN(worker.devices, names_member(document, "devices", k_most_names));
    KW_TRY_ASSIGN(worker.machines, machines_member(document));
    KW_TRY_ASSIGN(worker.kinds, names_member(document, "kinds", 2));
    KW_TRY_ASSIGN(worker.toolchain, text_member(document, "toolchain"));
    KW_TRY_ASSIGN(worker.evaluator_hash, text_member(document, "evaluator_hash"));
    KW_TRY_ASSIGN(claim.task_hashes, names_member(document, "task_hashes", k_most_tasks));
    const bool known = std::ranges::all_of(
        worker.kinds, [](const std::string& kind) { return kind == "build" || kind == "time"; });
    if (worker.devices.empty() || worker.kinds.empty() || !known) {
        return Error{
            Errc::usage,
            "devices must name one at least, and kinds \"build\", \"time\" or both",
            ""};
    }
    constexpr std::size_t shown = 200;
    worker.toolchain = worker.toolchain.substr(0, shown);
    worker.evaluator_hash = worker.evaluator_hash.substr(0, shown);
    worker.token_id = caller.token_id;
    worker.trusted = caller.trusted;
    return claim;
}

std::optional<Response> claim_answer(const Result<std::optional<Lease>>& lease, bool last) {
    if (!lease) {
        return error_answer(lease.error());
    }
    if (*lease) {
        nlohmann::json document = to_json(**lease);
        document["schema"] = "kwright.lease/1";
        return json_answer(200, document);
    }
    if (!last) {
        return std::nullopt;
    }
    Response nothing;
    nothing.status = 204;
    return nothing;
}

Response post_claim(ApiParts& parts, const Request& request, const PathValues&) {
    if (parts.settings.read_only) {
        return read_only_answer();
    }
    const auto body = body_of(request);
    const auto wait = wait_of(request);
    if (!body || !wait) {
        return error_answer(body ? wait.error() : body.error());
    }
    const auto claim = read_claim(*body, request.caller);
    if (!claim) {
        return error_answer(claim.error());
    }
    if (auto now = claim_answer(parts.dispatch.claim_now(*claim), wait->count() == 0)) {
        return std::move(*now);
    }
    Response response;
    response.wait = Wait{k_topic_queue, *wait, [&parts, claim = *claim](bool last) {
                             return claim_answer(parts.dispatch.claim_now(claim), last);
                         }};
    return response;
}

Response post_heartbeat(ApiParts& parts, const Request&, const PathValues& values) {
    const auto until = parts.queue.heartbeat(values.at("id"));
    if (!until) {
        return error_answer(until.error());
    }
    if (!*until) {
        return not_held();
    }
    return json_answer(
        200,
        {{"schema", "kwright.heartbeat/1"},
         {"until_ms", **until},
         {"lease_ms", parts.queue.settings().lease_ms}});
}

const char* name_of(db::Finished::What what) {
    using What = db::Finished::What;
    switch (what) {
        case What::stored: return "stored";
        case What::passed: return "passed";
        case What::requeued: return "requeued";
        case What::failed: return "failed";
        case What::repeated: return "repeated";
        case What::lost: return "lost";
    }
    return "lost";
}

Response post_result(ApiParts& parts, const Request& request, const PathValues& values) {
    const auto body = body_of(request);
    if (!body) {
        return error_answer(body.error());
    }
    const auto outcome = outcome_from_json(*body);
    if (!outcome) {
        return error_answer(outcome.error());
    }
    const auto finished = parts.dispatch.finish_job(values.at("id"), *outcome);
    if (!finished) {
        return error_answer(finished.error());
    }
    if (finished->what == db::Finished::What::lost) {
        return not_held();
    }
    return json_answer(
        200,
        {{"schema", "kwright.result/1"},
         {"what", name_of(finished->what)},
         {"job", finished->job_id},
         {"evaluation_id", finished->evaluation_id},
         {"evaluation_state", finished->evaluation_state}});
}

Response delete_lease(ApiParts& parts, const Request&, const PathValues& values) {
    const auto held = parts.dispatch.give_back_job(values.at("id"));
    if (!held) {
        return error_answer(held.error());
    }
    return *held ? json_answer(200, {{"schema", "kwright.result/1"}, {"what", "given back"}})
                 : not_held();
}

const Reply k_gone = {410, "the lease is not held any more", "Error"};
const Reply k_outage = {503, "our outage", "Error"};

}  // namespace

std::vector<Route> lease_routes() {
    return {
        {"POST",
         "/v1/leases",
         Scope::worker,
         "take the next job for these devices",
         {{"wait", "query", "answer later when there is none: 30s, at most 60s"}},
         "ClaimRequest",
         {{200, "a job", "Lease"},
          {204, "nothing to do", ""},
          {400, "the request is wrong", "Error"},
          k_outage},
         k_claim_body,
         post_claim},
        {"POST",
         "/v1/leases/{id}/heartbeat",
         Scope::worker,
         "keep a lease",
         {},
         "",
         {{200, "kept", "Heartbeat"}, k_gone, k_outage},
         k_claim_body,
         post_heartbeat},
        {"POST",
         "/v1/leases/{id}/result",
         Scope::worker,
         "end a lease with what came of it; taken once, and the same again is told so",
         {},
         "Outcome",
         {{200, "taken", "Result"}, {400, "the request is wrong", "Error"}, k_gone, k_outage},
         k_result_body,
         post_result},
        {"DELETE",
         "/v1/leases/{id}",
         Scope::worker,
         "give a job back; the attempt does not count",
         {},
         "",
         {{200, "given back", "Result"}, k_gone, k_outage},
         0,
         delete_lease}};
}

}  // namespace kw::server
