// SPDX-License-Identifier: Apache-2.0
// Board, kernels, tasks, campaigns and a campaign's events.
#include "server/api/answers.hpp"
#include "server/api/campaign_events.hpp"
#include "server/api/route.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace kw::server {

namespace {

constexpr int k_most_rows = 1'000;

Result<BoardFilter> filter_of(const Request& request) {
    BoardFilter filter;
    for (const auto& [name, value] : request.query) {
        if (name == "task") {
            filter.task = value;
        } else if (name == "campaign") {
            filter.campaigns.push_back(value);
        } else if (name == "target") {
            filter.target = value;
        } else if (name == "device") {
            filter.device = value;
        } else if (name == "all") {
            filter.all = value != "0" && value != "false";
        } else if (name == "limit") {
            const char* end = value.data() + value.size();
            const auto [stop, why] = std::from_chars(value.data(), end, filter.limit);
            if (why != std::errc() || stop != end || filter.limit < 1 ||
                filter.limit > k_most_rows) {
                return Error{Errc::usage, "limit must be 1 to 1000", ""};
            }
        } else {
            return Error{
                Errc::usage,
                "unknown filter '" + name.substr(0, 40) + "'",
                "task, campaign, target, device, all, limit"};
        }
    }
    return filter;
}

nlohmann::json board_line(const BoardRow& row) {
    return {
        {"task", row.task},
        {"kernel", row.candidate_hash},
        {"campaign", row.campaign},
        {"model", row.model},
        {"target", row.target},
        {"device_id", row.device_id},
        {"device", row.device},
        {"timing", row.timing_kind},
        {"isa", row.isa},
        {"speedup", row.speedup.value},
        {"ci95", {row.speedup.lo, row.speedup.hi}},
        {"vs_naive", row.vs_naive.value},
        {"min_speedup", row.min_speedup},
        {"sol", row.sol},
        {"comparison", name(row.comparison)},
        {"lines_of_code", row.lines_of_code},
        {"evaluation_id", row.evaluation_id}};
}

Response get_board(ApiParts& parts, const Request& request, const PathValues&) {
    const auto filter = filter_of(request);
    if (!filter) {
        return error_answer(filter.error());
    }
    const auto rows = parts.views.board(*filter);
    if (!rows) {
        return error_answer(rows.error());
    }
    nlohmann::json document = {{"schema", "kwright.board/1"}, {"rows", nlohmann::json::array()}};
    for (const BoardRow& row : *rows) {
        document["rows"].push_back(board_line(row));
    }
    return json_answer(200, document);
}

Response get_kernel(ApiParts& parts, const Request&, const PathValues& values) {
    const auto row = parts.views.candidate(values.at("id"));
    if (!row) {
        return row.error().code == Errc::usage
                   ? error_answer(404, "usage", row.error().what, row.error().hint)
                   : error_answer(row.error());
    }
    return json_answer(
        200,
        {{"schema", "kwright.kernel/1"},
         {"kernel", row->hash},
         {"task", row->task},
         {"target", row->target},
         {"isa", row->isa},
         {"source", row->source}});
}

nlohmann::json task_json(const Task& task) {
    return {
        {"schema", "kwright.task/1"},
        {"name", task.name},
        {"title", task.title},
        {"summary", task.summary},
        {"targets", task.targets},
        {"hash", task.hash}};
}

Response get_tasks(ApiParts& parts, const Request&, const PathValues&) {
    nlohmann::json document = {{"schema", "kwright.tasks/1"}, {"tasks", nlohmann::json::array()}};
    for (const TaskEntry& entry : list_tasks(parts.tasks.roots())) {
        if (const auto task = parts.tasks.get(entry.name)) {
            document["tasks"].push_back(
                {{"name", (*task)->name},
                 {"title", (*task)->title},
                 {"targets", (*task)->targets}});
        }
    }
    return json_answer(200, document);
}

Response get_task(ApiParts& parts, const Request&, const PathValues& values) {
    const auto task = parts.tasks.get(values.at("name"));
    if (!task) {
        return task.error().code == Errc::usage
                   ? error_answer(404, "usage", task.error().what, task.error().hint)
                   : error_answer(task.error());
    }
    return json_answer(200, task_json(**task));
}

nlohmann::json campaign_line(const CampaignRow& row) {
    return {
        {"name", row.name},
        {"task", row.task},
        {"target", row.target},
        {"device", row.device},
        {"strategy", row.strategy},
        {"proposer", row.proposer},
        {"state", row.state},
        {"stop_reason", row.stop_reason},
        {"evaluations", row.evaluations},
        {"spent_usd", row.spent_usd},
        {"created_ms", row.created_ms},
        {"updated_ms", row.updated_ms}};
}

Response get_campaigns(ApiParts& parts, const Request&, const PathValues&) {
    const auto rows = parts.views.campaigns();
    if (!rows) {
        return error_answer(rows.error());
    }
    nlohmann::json document = {
        {"schema", "kwright.campaigns/1"}, {"campaigns", nlohmann::json::array()}};
    for (const CampaignRow& row : *rows) {
        document["campaigns"].push_back(campaign_line(row));
    }
    return json_answer(200, document);
}

Response no_campaign() {
    return error_answer(404, "usage", "there is no such campaign", "see GET /v1/campaigns");
}

Response get_campaign(ApiParts& parts, const Request&, const PathValues& values) {
    const auto row = parts.views.campaign(values.at("name"));
    if (!row) {
        return error_answer(row.error());
    }
    if (!*row) {
        return no_campaign();
    }
    nlohmann::json document = campaign_line(**row);
    document["schema"] = "kwright.campaign/1";
    return json_answer(200, document);
}

Response get_events(ApiParts& parts, const Request& request, const PathValues& values) {
    const auto row = parts.views.campaign(values.at("name"));
    if (!row) {
        return error_answer(row.error());
    }
    if (!*row) {
        return no_campaign();
    }
    const std::string last = request.header_text("last-event-id");
    std::int64_t after = 0;
    const char* end = last.data() + last.size();
    const auto [stop, why] = std::from_chars(last.data(), end, after);
    if (!last.empty() && (why != std::errc() || stop != end || after < 0)) {
        return error_answer(400, "usage", "Last-Event-ID must be a number that an event carried");
    }
    return event_stream(parts.views, **row, after);
}

}  // namespace

std::vector<Route> view_routes() {
    const Reply wrong = {400, "the request is wrong", "Error"};
    const Reply none = {404, "there is none", "Error"};
    return {
        {"GET",
         "/v1/board",
         Scope::any,
         "the best kernels, by task and device",
         {{"task", "query", "of one task"},
          {"campaign", "query", "of one campaign"},
          {"target", "query", "cpu or cuda"},
          {"device", "query", "its id, or the part before the colon"},
          {"all", "query", "every accepted kernel, not the best alone"},
          {"limit", "query", "most rows, 1 to 1000 (100)"}},
         "",
         {{200, "rows, fastest first", "Board"}, wrong},
         0,
         get_board},
        {"GET",
         "/v1/kernels/{id}",
         Scope::any,
         "a kernel, by any unique prefix of its id",
         {},
         "",
         {{200, "the kernel", "Kernel"}, none},
         0,
         get_kernel},
        {"GET",
         "/v1/tasks",
         Scope::any,
         "the tasks that can be asked for",
         {},
         "",
         {{200, "the tasks", "Tasks"}},
         0,
         get_tasks},
        {"GET",
         "/v1/tasks/{name}",
         Scope::any,
         "a task",
         {},
         "",
         {{200, "the task", "Task"}, none},
         0,
         get_task},
        {"GET",
         "/v1/campaigns",
         Scope::any,
         "every campaign, oldest first",
         {},
         "",
         {{200, "the campaigns", "Campaigns"}},
         0,
         get_campaigns},
        {"GET",
         "/v1/campaigns/{name}",
         Scope::any,
         "a campaign",
         {},
         "",
         {{200, "the campaign", "Campaign"}, none},
         0,
         get_campaign},
        {"GET",
         "/v1/campaigns/{name}/events",
         Scope::any,
         "a campaign's evaluations as they are stored, as server-sent events",
         {{"Last-Event-ID", "header", "go on behind this event"}},
         "",
         {{200, "kwright.event/1 in each data field", "", "text/event-stream"}, wrong, none},
         0,
         get_events}};
}

}  // namespace kw::server
