// SPDX-License-Identifier: Apache-2.0
#include "server/work/lease.hpp"

#include "server/wire/wire.hpp"

#include <nlohmann/json.hpp>

namespace kw::server {

namespace {

Result<std::string> text_of(const nlohmann::json& document, const char* name) {
    const auto found = document.find(name);
    if (found == document.end() || !found->is_string()) {
        return Error{Errc::usage, std::string(name) + " must be a text", ""};
    }
    return found->get<std::string>();
}

Result<std::int64_t> integer_of(const nlohmann::json& document, const char* name) {
    const auto found = document.find(name);
    if (found == document.end() || !found->is_number_integer()) {
        return Error{Errc::usage, std::string(name) + " must be an integer", ""};
    }
    return found->get<std::int64_t>();
}

}  // namespace

nlohmann::json to_json(const Lease& lease) {
    return {
        {"lease", lease.id},
        {"job", lease.job_id},
        {"stage", lease.stage},
        {"task", lease.task},
        {"task_hash", lease.task_hash},
        {"device", lease.device},
        {"candidate", to_json(lease.candidate)},
        {"seed", lease.seed},
        {"options", to_json(lease.options)},
        {"lease_ms", lease.lease_ms}};
}

Result<Lease> lease_from_json(const nlohmann::json& document) {
    if (!document.is_object()) {
        return Error{Errc::usage, "a lease must be an object", ""};
    }
    Lease lease;
    KW_TRY_ASSIGN(lease.id, text_of(document, "lease"));
    KW_TRY_ASSIGN(lease.job_id, integer_of(document, "job"));
    KW_TRY_ASSIGN(lease.stage, text_of(document, "stage"));
    KW_TRY_ASSIGN(lease.task, text_of(document, "task"));
    KW_TRY_ASSIGN(lease.task_hash, text_of(document, "task_hash"));
    KW_TRY_ASSIGN(lease.device, text_of(document, "device"));
    KW_TRY_ASSIGN(lease.seed, text_of(document, "seed"));
    KW_TRY_ASSIGN(lease.lease_ms, integer_of(document, "lease_ms"));
    const auto candidate = document.find("candidate");
    KW_TRY_ASSIGN(
        lease.candidate,
        candidate_from_json(candidate == document.end() ? nlohmann::json() : *candidate));
    const auto options = document.find("options");
    KW_TRY_ASSIGN(
        lease.options,
        read_job_options(options == document.end() ? nlohmann::json() : *options, JobLimits{}));
    return lease;
}

nlohmann::json to_json(const db::JobOutcome& outcome) {
    using Kind = db::JobOutcome::Kind;
    nlohmann::json document = {{"evaluator_hash", outcome.evaluator_hash}};
    switch (outcome.kind) {
        case Kind::passed: document["kind"] = "passed"; break;
        case Kind::judged:
            document["kind"] = "judged";
            document["evaluation"] = to_json(outcome.result);
            break;
        case Kind::outage:
            document["kind"] = "outage";
            document["error"] = outcome.error;
            break;
    }
    return document;
}

Result<db::JobOutcome> outcome_from_json(const nlohmann::json& document) {
    using Kind = db::JobOutcome::Kind;
    if (!document.is_object()) {
        return Error{Errc::usage, "a result must be an object", ""};
    }
    db::JobOutcome outcome;
    KW_TRY_ASSIGN(const std::string kind, text_of(document, "kind"));
    if (document.contains("evaluator_hash")) {
        KW_TRY_ASSIGN(outcome.evaluator_hash, text_of(document, "evaluator_hash"));
    }
    if (kind == "passed") {
        outcome.kind = Kind::passed;
    } else if (kind == "outage") {
        outcome.kind = Kind::outage;
        KW_TRY_ASSIGN(outcome.error, text_of(document, "error"));
        outcome.error = outcome.error.substr(0, 2000);
    } else if (kind == "judged") {
        outcome.kind = Kind::judged;
        const auto evaluation = document.find("evaluation");
        KW_TRY_ASSIGN(
            outcome.result,
            evaluation_from_json(evaluation == document.end() ? nlohmann::json() : *evaluation));
        if (is_weakened(outcome.result)) {
            return Error{Errc::usage, "the result is of a judge with a layer turned off", ""};
        }
    } else {
        return Error{Errc::usage, "kind must be passed, judged or outage", ""};
    }
    return outcome;
}

}  // namespace kw::server
