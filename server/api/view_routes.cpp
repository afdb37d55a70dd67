// SPDX-License-Identifier: Apache-2.0
// Board, kernels, tasks, campaigns and a campaign's events.
#include "server/api/answers.hpp"
#include "server/api/campaign_events.hpp"
#include "server/api/route.hpp"
#include "server/views/views.hpp"

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

/// A view is JSON text already.
Response view_answer(Result<std::string> view) {
    if (!view) {
        const Error& error = view.error();
        return error.code == Errc::usage ? error_answer(404, "usage", error.what, error.hint)
                                         : error_answer(error);
    }
    Response response;
    response.body = std::move(view).value();
    return response;
}

Response get_board(ApiParts& parts, const Request& request, const PathValues&) {
    const auto filter = filter_of(request);
    return filter ? view_answer(board_view(parts.views, *filter)) : error_answer(filter.error());
}

Response get_kernel(ApiParts& parts, const Request&, const PathValues& values) {
    return view_answer(kernel_view(parts.views, values.at("id"), parts.tasks.roots()));
}

Response get_tasks(ApiParts& parts, const Request&, const PathValues&) {
    return view_answer(tasks_view(parts.views, parts.tasks.roots()));
}

Response get_task(ApiParts& parts, const Request&, const PathValues& values) {
    return view_answer(task_view(parts.views, parts.tasks.roots(), values.at("name")));
}

Response get_campaigns(ApiParts& parts, const Request&, const PathValues&) {
    return view_answer(campaigns_view(parts.views));
}

Response no_campaign() {
    return error_answer(404, "usage", "there is no such campaign", "see GET /v1/campaigns");
}

Response get_campaign(ApiParts& parts, const Request&, const PathValues& values) {
    return view_answer(campaign_view(parts.views, values.at("name")));
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
