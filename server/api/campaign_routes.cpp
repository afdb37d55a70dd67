// SPDX-License-Identifier: Apache-2.0
// Starting campaigns: for administrators of a server that was told to allow it.
#include "server/api/answers.hpp"
#include "server/api/route.hpp"
#include "server/work/campaign_runner.hpp"

#include <nlohmann/json.hpp>

namespace kw::server {

namespace {

constexpr std::size_t k_body = std::size_t{64} << 10;
constexpr double k_retry_s = 60;

Response post_campaign(ApiParts& parts, const Request& request, const PathValues&) {
    if (parts.runner == nullptr) {
        return error_answer(
            403, "auth", "this server does not start campaigns", "kwright serve --allow-run does");
    }
    const auto body = body_of(request);
    if (!body) {
        return error_answer(body.error());
    }
    const auto wish = read_campaign_wish(*body);
    if (!wish) {
        return error_answer(wish.error());
    }
    const auto name = parts.runner->start(*wish, request.caller.token_id);
    if (!name) {
        return name.error().code == Errc::no ? limit_answer(name.error().what, k_retry_s)
                                             : error_answer(name.error());
    }
    Response response = json_answer(
        202,
        {{"schema", "kwright.started/1"},
         {"name", *name},
         {"poll", "/v1/campaigns/" + *name},
         {"events", "/v1/campaigns/" + *name + "/events"}});
    response.header["Location"] = "/v1/campaigns/" + *name;
    return response;
}

}  // namespace

std::vector<Route> campaign_routes() {
    return {
        {"POST",
         "/v1/campaigns",
         Scope::admin,
         "start a campaign, judged through the queue",
         {},
         "CampaignRequest",
         {{202, "it runs", "Started"},
          {400, "the request is wrong", "Error"},
          {403, "not allowed here", "Error"}},
         k_body,
         post_campaign}};
}

}  // namespace kw::server
