// SPDX-License-Identifier: Apache-2.0
// The service about itself.
#include "server/api/answers.hpp"
#include "server/api/route.hpp"

#include <nlohmann/json.hpp>

namespace kw::server {

namespace {

Response get_health(ApiParts& parts, const Request&, const PathValues&) {
    const auto counts = parts.queue.counts();  // reads the database
    if (!counts) {
        return error_answer(counts.error());
    }
    return json_answer(
        200,
        {{"schema", "kwright.health/1"},
         {"status", "ok"},
         {"read_only", parts.settings.read_only},
         {"queued", counts->total},
         {"leased", counts->leased}});
}

Response get_metrics(ApiParts&, const Request&, const PathValues&) {
    return error_answer(500, "environment", "Api::metrics() answers this");
}

Response get_openapi(ApiParts&, const Request&, const PathValues&) {
    static const std::string text = openapi_text();
    Response response;
    response.body = text;
    return response;
}

}  // namespace

std::vector<Route> service_routes() {
    return {
        {"GET",
         "/healthz",
         Scope::open,
         "whether the service can do its work",
         {},
         "",
         {{200, "it can", "Health"}, {503, "our outage", "Error"}},
         0,
         get_health},
        {"GET",
         "/metrics",
         Scope::any,
         "numbers for Prometheus",
         {},
         "",
         {{200, "Prometheus text format", "", "text/plain"}},
         0,
         get_metrics},
        {"GET",
         "/v1/openapi.json",
         Scope::open,
         "this document",
         {},
         "",
         {{200, "OpenAPI 3.1", "Document"}},
         0,
         get_openapi}};
}

}  // namespace kw::server
