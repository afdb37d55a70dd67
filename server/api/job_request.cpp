// SPDX-License-Identifier: Apache-2.0
#include "server/api/job_request.hpp"

#include "core/config.hpp"
#include "core/text_file.hpp"
#include "server/api/answers.hpp"
#include "server/wire/json.hpp"
#include "server/wire/wire.hpp"
#include "server/work/job_maker.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace kw::server {

namespace {

const std::vector<std::string> k_members = {
    "task", "task_hash", "target", "device", "isa", "source", "seed", "options"};
const std::vector<std::string> k_isas = {"native", "x86-64-v2", "x86-64-v3", "x86-64-v4"};
constexpr const char* k_usual_arch = "sm_90a";

bool is_device(const std::string& id) {
    constexpr std::size_t longest = 64;
    const bool known = id == "cpu" || id == "cuda" || id.starts_with("cuda:") ||
                       id == "emulated:sm_80" || id == "emulated:sm_89" || id == "emulated:sm_90a";
    return known && id.size() <= longest && std::ranges::all_of(id, [](unsigned char c) {
               return std::isalnum(c) || c == ':' || c == '-' || c == '_';
           });
}

Result<std::string> device_of(const std::string& asked, const Candidate& candidate) {
    if (asked.empty()) {
        const std::string arch = candidate.arch.empty() ? k_usual_arch : candidate.arch;
        return candidate.target == "cpu" ? std::string("cpu") : "emulated:" + arch;
    }
    if (!is_device(asked)) {
        return Error{
            Errc::usage,
            "device must be cpu, emulated:sm_80, emulated:sm_89, emulated:sm_90a, cuda:0 or "
            "cuda:sm_90a (any such GPU)",
            "GET /v1/workers says what is served"};
    }
    return asked;
}

struct Asked {
    std::string task, task_hash, target, device, isa, source, seed;
};

Result<Asked> read_texts(const nlohmann::json& document) {
    KW_TRY(only_members(document, k_members));
    Asked asked;
    KW_TRY_ASSIGN(asked.task, text_member(document, "task"));
    KW_TRY_ASSIGN(asked.task_hash, text_member(document, "task_hash"));
    KW_TRY_ASSIGN(asked.target, text_member(document, "target"));
    KW_TRY_ASSIGN(asked.device, text_member(document, "device"));
    KW_TRY_ASSIGN(asked.isa, text_member(document, "isa"));
    KW_TRY_ASSIGN(asked.source, text_member(document, "source"));
    KW_TRY_ASSIGN(asked.seed, text_member(document, "seed"));
    if (asked.source.empty() || asked.source.size() > k_max_source_bytes) {
        return Error{
            Errc::usage,
            "source must have 1 to " + std::to_string(k_max_source_bytes) + " bytes",
            ""};
    }
    if (!asked.target.empty() && asked.target != "cpu" && asked.target != "cuda") {
        return Error{Errc::usage, "target must be cpu or cuda", ""};
    }
    if (!asked.isa.empty() && std::ranges::count(k_isas, asked.isa) == 0) {
        return Error{Errc::usage, "isa must be native, x86-64-v2, x86-64-v3 or x86-64-v4", ""};
    }
    return asked;
}

std::string outcome_of(const JobRow& job, const Evaluation& evaluation) {
    if (job.state == "failed") {
        return "our outage";
    }
    return evaluation.verdict == Verdict::accepted ? "accepted" : "your code";
}

Result<void> add_place(ApiParts& parts, const JobRow& job, nlohmann::json& document) {
    KW_TRY_ASSIGN(const db::Place place, parts.queue.place(job));
    document["position"] = place.position;
    document["lanes"] = place.lanes;
    document["estimate_s"] =
        place.estimate_s >= 0 ? nlohmann::json(place.estimate_s) : nlohmann::json(nullptr);
    document["attempts"] = job.attempts;
    if (!job.error.empty()) {
        document["note"] = job.error + "; it is tried again";
    }
    return {};
}

}  // namespace

Result<db::NewJob> read_job_request(
    ApiParts& parts, const nlohmann::json& document, const Caller& caller) {
    KW_TRY_ASSIGN(const Asked asked, read_texts(document));
    const auto options = document.find("options");
    KW_TRY_ASSIGN(
        const JobOptions wanted,
        read_job_options(
            options == document.end() ? nlohmann::json() : *options, parts.settings.limits));
    KW_TRY(judge_options_of(wanted, asked.seed));
    KW_TRY_ASSIGN(const auto task, parts.tasks.get(asked.task));
    const std::string asked_target = !asked.target.empty()   ? asked.target
                                     : !asked.device.empty() ? target_of_device(asked.device)
                                                             : "cpu";
    const std::string isa = asked.isa.empty() ? "native" : asked.isa;
    const Candidate candidate =
        make_candidate(task->name, asked.source, isa, asked_target, arch_of_device(asked.device));
    KW_TRY_ASSIGN(const std::string device, device_of(asked.device, candidate));
    const std::string target = target_of_device(device);
    if (!asked.target.empty() && asked.target != target) {
        return Error{
            Errc::usage, "device " + device + " does not judge target " + asked.target, ""};
    }
    if (!has_target(*task, target)) {
        return Error{Errc::usage, "task " + task->name + " has no target " + target, ""};
    }
    if (!asked.task_hash.empty() && asked.task_hash != hash_for(*task, target)) {
        return Error{
            Errc::usage,
            "task " + task->name + " differs here from the one that is meant",
            "both sides need the same files of the task"};
    }
    const JobWish wish{
        asked.source, asked_target, device, isa, asked.seed, wanted, caller.token_id};
    return make_job(wish, *task, parts.settings.campaign, parts.store, parts.clock);
}

nlohmann::json job_line(const JobRow& job) {
    return {
        {"id", shown_job(job.id)},
        {"state", job.state},
        {"stage", job.stage},
        {"task", job.task},
        {"device", job.device},
        {"kernel", job.candidate_hash},
        {"purpose", job.purpose},
        {"worker", job.worker},
        {"attempts", job.attempts},
        {"created_ms", job.created_ms},
        {"started_ms", job.started_ms},
        {"ended_ms", job.ended_ms}};
}

Result<nlohmann::json> job_json(ApiParts& parts, const JobRow& job) {
    nlohmann::json document = {
        {"schema", "kwright.job/1"},
        {"id", shown_job(job.id)},
        {"poll", "/v1/evaluations/" + shown_job(job.id)},
        {"state", job.state},
        {"stage", job.stage},
        {"task", job.task},
        {"device", job.device},
        {"kernel", job.candidate_hash}};
    if (job.state == "queued" || job.state == "leased") {
        KW_TRY(add_place(parts, job, document));
        return document;
    }
    if (job.state == "failed") {
        document["outcome"] = outcome_of(job, {});
        document["error"] = {
            {"kind", "environment"},
            {"message", job.error},
            {"hint", "nothing was scored; send it again when the service is well"}};
        return document;
    }
    if (job.state == "cancelled") {
        return document;
    }
    KW_TRY_ASSIGN(const auto row, parts.store.evaluation(job.evaluation_id));
    if (!row) {
        document["error"] = {
            {"kind", "usage"}, {"message", "its campaign was removed"}, {"hint", ""}};
        return document;
    }
    document["outcome"] = outcome_of(job, row->result);
    document["evaluation_state"] = row->state;
    document["evaluation_id"] = row->id;
    document["worker"] = job.worker;
    document["evaluation"] = to_json(row->result);
    return document;
}

}  // namespace kw::server
