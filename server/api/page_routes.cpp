// SPDX-License-Identifier: Apache-2.0
// The dashboard: a page and its files, open to all, since they hold nothing. What they show they
// ask of the API, with the visitor's token.
#include "server/api/answers.hpp"
#include "server/api/route.hpp"
#include "server/dashboard/assets.hpp"

namespace kw::server {

namespace {

Response get_page(ApiParts&, const Request& request, const PathValues&) {
    const auto found = asset(request.path);
    if (!found) {
        return error_answer(404, "usage", "there is nothing here", "see GET /v1/openapi.json");
    }
    Response response;
    response.content_type = found->type;
    response.body = found->bytes;
    return response;
}

}  // namespace

std::vector<Route> page_routes() {
    const Reply none = {404, "there is none", "Error"};
    return {
        {"GET",
         "/",
         Scope::open,
         "the dashboard",
         {},
         "",
         {{200, "a page", "", "text/html"}},
         0,
         get_page},
        {"GET",
         "/{file}",
         Scope::open,
         "a script or the style of the dashboard",
         {},
         "",
         {{200, "the file", "", "text/javascript"}, none},
         0,
         get_page}};
}

}  // namespace kw::server
