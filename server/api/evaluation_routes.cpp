// SPDX-License-Identifier: Apache-2.0
// Ask for an evaluation, wait for it, withdraw it.
#include "server/api/answers.hpp"
#include "server/api/job_request.hpp"
#include "server/api/route.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kw::server {

namespace {

constexpr std::size_t k_one_body = std::size_t{5} << 19;  ///< a source of 1 MiB, escaped
constexpr std::size_t k_batch_body = std::size_t{16} << 20;
constexpr std::size_t k_most_of_a_batch = 1'000;
constexpr std::size_t k_longest_key = 200;
constexpr double k_full_retry_s = 30;

Result<std::string> key_of(const Request& request) {
    const std::string key = request.header_text("idempotency-key");
    const bool printable = std::ranges::all_of(key, [](char c) { return c >= 0x20 && c < 0x7f; });
    if (key.size() > k_longest_key || !printable) {
        return Error{Errc::usage, "Idempotency-Key must have up to 200 printable characters", ""};
    }
    return key;
}

Response not_admitted(const db::Admitted& admitted) {
    if (admitted.admission == db::Admission::conflict) {
        return error_answer(
            409,
            "usage",
            "this Idempotency-Key was used for another request: " + shown_job(admitted.id),
            "a key belongs to one request");
    }
    return limit_answer("the queue is full, or your share of it", k_full_retry_s);
}

Response post_one(ApiParts& parts, const Request& request, const PathValues&) {
    if (parts.settings.read_only) {
        return read_only_answer();
    }
    const auto body = body_of(request);
    const auto key = key_of(request);
    if (!body || !key) {
        return error_answer(body ? key.error() : body.error());
    }
    auto wanted = read_job_request(parts, *body, request.caller);
    if (!wanted) {
        return error_answer(wanted.error());
    }
    wanted->job.idempotency_key = *key;
    const auto admitted = parts.queue.submit({*wanted});
    if (!admitted) {
        return error_answer(admitted.error());
    }
    const db::Admitted& one = admitted->front();
    if (one.admission == db::Admission::conflict || one.admission == db::Admission::full) {
        return not_admitted(one);
    }
    parts.dispatch.submitted();
    const auto job = parts.queue.job(one.id);
    if (!job || !*job) {
        return error_answer(
            job ? Error{Errc::database, "reading the job: it is gone", ""} : job.error());
    }
    auto document = job_json(parts, **job);
    if (!document) {
        return error_answer(document.error());
    }
    (*document)["replayed"] = one.admission == db::Admission::replayed;
    Response response = json_answer(202, *document);
    response.header["Location"] = "/v1/evaluations/" + shown_job(one.id);
    return response;
}

nlohmann::json error_member(const Error& error) {
    return {{"error", {{"kind", "usage"}, {"message", error.what}, {"hint", error.hint}}}};
}

nlohmann::json admitted_member(const db::Admitted& one) {
    switch (one.admission) {
        case db::Admission::accepted:
        case db::Admission::replayed:
            return {
                {"id", shown_job(one.id)},
                {"poll", "/v1/evaluations/" + shown_job(one.id)},
                {"replayed", one.admission == db::Admission::replayed}};
        case db::Admission::conflict:
            return error_member({Errc::usage, "the key was used for another request", ""});
        case db::Admission::full: break;
    }
    return {
        {"error",
         {{"kind", "limit"},
          {"message", "the queue is full, or your share of it"},
          {"hint", "send this one again later"}}}};
}

Response post_batch(ApiParts& parts, const Request& request, const PathValues&) {
    if (parts.settings.read_only) {
        return read_only_answer();
    }
    const auto body = body_of(request);
    const auto key = key_of(request);
    if (!body || !key) {
        return error_answer(body ? key.error() : body.error());
    }
    const auto list = body->find("evaluations");
    if (body->size() != 1 || list == body->end() || !list->is_array() || list->empty() ||
        list->size() > k_most_of_a_batch) {
        return error_answer(400, "usage", "evaluations must be a list of 1 to 1000 requests");
    }
    std::vector<db::NewJob> wanted;
    std::vector<nlohmann::json> answers(list->size());
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < list->size(); ++i) {
        const nlohmann::json& one = (*list)[i];
        auto job = one.is_object()
                       ? read_job_request(parts, one, request.caller)
                       : Result<db::NewJob>(Error{Errc::usage, "must be an object", ""});
        if (!job && job.error().code != Errc::usage && job.error().code != Errc::config) {
            return error_answer(job.error());
        }
        if (!job) {
            answers[i] = error_member(job.error());
            continue;
        }
        if (!key->empty()) {
            job->job.idempotency_key = *key + "/" + std::to_string(i);
        }
        wanted.push_back(std::move(*job));
        places.push_back(i);
    }
    const auto admitted = parts.queue.submit(wanted);
    if (!admitted) {
        return error_answer(admitted.error());
    }
    for (std::size_t i = 0; i < admitted->size(); ++i) {
        answers[places[i]] = admitted_member((*admitted)[i]);
    }
    parts.dispatch.submitted();
    return json_answer(202, {{"schema", "kwright.jobs/1"}, {"evaluations", answers}});
}

/// The job of the path, when the caller may see it: its own, or any for an administrator.
Result<std::optional<JobRow>> job_of(
    ApiParts& parts, const Request& request, const PathValues& values) {
    const auto id = job_number(values.at("id"));
    if (!id) {
        return std::optional<JobRow>();
    }
    KW_TRY_ASSIGN(std::optional<JobRow> job, parts.queue.job(*id));
    const bool own = job && job->token_id == request.caller.token_id;
    return own || request.caller.admin ? job : std::optional<JobRow>();
}

Response no_job() {
    return error_answer(404, "usage", "there is no such evaluation");
}

bool pending(const JobRow& job) {
    return job.state == "queued" || job.state == "leased";
}

Response show_job(ApiParts& parts, const JobRow& job) {
    const auto document = job_json(parts, job);
    return document ? json_answer(200, *document) : error_answer(document.error());
}

Response get_one(ApiParts& parts, const Request& request, const PathValues& values) {
    const auto wait = wait_of(request);
    if (!wait) {
        return error_answer(wait.error());
    }
    const auto job = job_of(parts, request, values);
    if (!job) {
        return error_answer(job.error());
    }
    if (!*job) {
        return no_job();
    }
    if (!pending(**job) || wait->count() == 0) {
        return show_job(parts, **job);
    }
    Response response;
    const std::int64_t id = (*job)->id;
    response.wait = Wait{
        topic_of_job(id), *wait, [&parts, id](bool last) -> std::optional<Response> {
            const auto now = parts.queue.job(id);
            if (!now) {
                return error_answer(now.error());
            }
            if (!*now) {
                return no_job();
            }
            return pending(**now) && !last ? std::nullopt : std::optional(show_job(parts, **now));
        }};
    return response;
}

Response delete_one(ApiParts& parts, const Request& request, const PathValues& values) {
    if (parts.settings.read_only) {
        return read_only_answer();
    }
    const auto job = job_of(parts, request, values);
    if (!job) {
        return error_answer(job.error());
    }
    if (!*job) {
        return no_job();
    }
    const auto cancelled = parts.queue.cancel((*job)->id);
    if (!cancelled) {
        return error_answer(cancelled.error());
    }
    if (!*cancelled) {
        return error_answer(409, "usage", "it has ended already");
    }
    parts.dispatch.cancelled((*job)->id);
    return json_answer(
        200, {{"schema", "kwright.job/1"}, {"id", shown_job((*job)->id)}, {"state", "cancelled"}});
}

const Parameter k_key = {
    "Idempotency-Key", "header", "the same key and request again give the same evaluation"};
const Parameter k_wait = {"wait", "query", "answer later when it is not done: 30s, at most 60s"};

}  // namespace

std::vector<Route> evaluation_routes() {
    return {
        {"POST",
         "/v1/evaluations",
         Scope::submit,
         "ask for an evaluation of one source",
         {k_key},
         "EvaluationRequest",
         {{202, "it waits", "Job"},
          {400, "the request is wrong", "Error"},
          {409, "the key was used for another request", "Error"},
          {429, "the queue is full", "Error"},
          {503, "our outage", "Error"}},
         k_one_body,
         post_one},
        {"POST",
         "/v1/evaluations/batch",
         Scope::submit,
         "ask for up to a thousand evaluations in one transaction",
         {k_key},
         "BatchRequest",
         {{202, "each was taken or not", "Jobs"},
          {400, "the request is wrong", "Error"},
          {503, "our outage", "Error"}},
         k_batch_body,
         post_batch},
        {"GET",
         "/v1/evaluations/{id}",
         Scope::submit,
         "how an evaluation stands, and its result",
         {k_wait},
         "",
         {{200, "as it stands", "Job"},
          {400, "the request is wrong", "Error"},
          {404, "there is none, or it is somebody else's", "Error"}},
         0,
         get_one},
        {"DELETE",
         "/v1/evaluations/{id}",
         Scope::submit,
         "withdraw an evaluation",
         {},
         "",
         {{200, "withdrawn", "Job"},
          {404, "there is none, or it is somebody else's", "Error"},
          {409, "it has ended", "Error"},
          {503, "our outage", "Error"}},
         0,
         delete_one}};
}

}  // namespace kw::server
