// SPDX-License-Identifier: Apache-2.0
// The OpenAPI document, made from the route table so that the two cannot disagree; the schemas of
// bodies are server/api/schemas.json.
#include "core/ascii.hpp"
#include "server/api/route.hpp"
#include "server/api/schemas.hpp"

#include <nlohmann/json.hpp>

namespace kw::server {

namespace {

using nlohmann::json;

json reference(const std::string& schema) {
    return {{"$ref", "#/components/schemas/" + schema}};
}

json content(const std::string& type, const std::string& schema) {
    return {{type, {{"schema", schema.empty() ? json({{"type", "string"}}) : reference(schema)}}}};
}

json parameters_of(const Route& route) {
    json list = json::array();
    std::size_t at = 0;
    while ((at = route.pattern.find('{', at)) != std::string::npos) {
        const std::size_t end = route.pattern.find('}', at);
        list.push_back(
            {{"name", route.pattern.substr(at + 1, end - at - 1)},
             {"in", "path"},
             {"required", true},
             {"schema", {{"type", "string"}}}});
        at = end;
    }
    for (const Parameter& parameter : route.parameters) {
        list.push_back(
            {{"name", parameter.name},
             {"in", parameter.in},
             {"description", parameter.about},
             {"schema", {{"type", "string"}}}});
    }
    return list;
}

/// What every route may answer besides its own.
std::vector<Reply> common_replies(const Route& route) {
    std::vector<Reply> replies = {
        {413, "the body is larger than this route takes", "Error"},
        {421, "the Host header is not this server's", "Error"},
        {429, "too many requests; Retry-After says when to come again", "Error"},
        {503, "our outage, or too much at a time; nothing was lost", "Error"}};
    if (route.scope != Scope::open) {
        replies.push_back({401, "no token, or none that is known", "Error"});
    }
    if (route.scope != Scope::open && route.scope != Scope::any) {
        replies.push_back(
            {403, "the token is not for this, or the page is another site's", "Error"});
    }
    if (!route.body.empty()) {
        replies.push_back({415, "the body is not application/json", "Error"});
    }
    return replies;
}

json responses_of(const Route& route) {
    json all = json::object();
    std::vector<Reply> replies = common_replies(route);
    replies.insert(replies.end(), route.replies.begin(), route.replies.end());
    for (const Reply& reply : replies) {
        json& one = all[std::to_string(reply.status)];
        one["description"] = reply.about;
        if (!reply.schema.empty() || reply.type != "application/json") {
            one["content"] = content(reply.type, reply.schema);
        }
        if (reply.status == 429) {
            one["headers"]["Retry-After"] = {
                {"description", "seconds"}, {"schema", {{"type", "integer"}}}};
        }
    }
    return all;
}

json operation_of(const Route& route) {
    json operation = {{"summary", route.summary}, {"responses", responses_of(route)}};
    if (json parameters = parameters_of(route); !parameters.empty()) {
        operation["parameters"] = std::move(parameters);
    }
    if (!route.body.empty()) {
        operation["requestBody"] = {
            {"required", true}, {"content", content("application/json", route.body)}};
    }
    operation["security"] =
        route.scope == Scope::open ? json::array() : json::array({{{"token", json::array()}}});
    return operation;
}

}  // namespace

std::string openapi_text() {
    json document = {
        {"openapi", "3.1.0"},
        {"info",
         {{"title", "kwright"},
          {"version", "1"},
          {"description",
           "Kernels judged as a hostile stranger would. Errors say by their kind whose fault they "
           "are: usage and candidate are the caller's, environment is ours."},
          {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
        {"servers", json::array({{{"url", "/"}}})},
        {"paths", json::object()},
        {"components",
         {{"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}},
          {"schemas", json::parse(schemas_text())}}}};
    for (const Route& route : route_table()) {
        document["paths"][route.pattern][lower_case(route.method)] = operation_of(route);
    }
    return document.dump(1) + "\n";
}

}  // namespace kw::server
