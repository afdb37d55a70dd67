// SPDX-License-Identifier: Apache-2.0
// The route table: one description of every route serves the dispatcher, the OpenAPI document and
// its test.
#pragma once

#include "server/api/parts.hpp"
#include "server/http/message.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kw::server {

/// Values of the {names} of a pattern, decoded.
using PathValues = std::map<std::string, std::string>;

enum class Scope {
    open,    ///< anybody who reaches the port
    any,     ///< any token
    submit,  ///< submit or admin
    worker,  ///< worker or admin
    admin,
};

struct Parameter {
    std::string name;
    std::string in;  ///< "query" | "header"
    std::string about;
};

struct Reply {
    int status = 200;
    std::string about;
    std::string schema;  ///< of components/schemas; "" = no JSON
    std::string type = "application/json";
};

struct Route {
    std::string method;
    std::string pattern;  ///< "/v1/evaluations/{id}"
    Scope scope = Scope::any;
    std::string summary;
    std::vector<Parameter> parameters;
    std::string body;            ///< schema of the request's body; "" = none
    std::vector<Reply> replies;  ///< besides those that every route has
    std::size_t body_limit = 0;
    std::function<Response(ApiParts&, const Request&, const PathValues&)> handle;
};

[[nodiscard]] const std::vector<Route>& route_table();

/// Whether `path` is one of the pattern's, and its values.
[[nodiscard]] std::optional<PathValues> match(const std::string& pattern, const std::string& path);

// --- one function a subject, each in a file of its own ---
[[nodiscard]] std::vector<Route> evaluation_routes();
[[nodiscard]] std::vector<Route> lease_routes();
[[nodiscard]] std::vector<Route> queue_routes();
[[nodiscard]] std::vector<Route> view_routes();
[[nodiscard]] std::vector<Route> campaign_routes();
[[nodiscard]] std::vector<Route> service_routes();  ///< health, metrics, openapi
[[nodiscard]] std::vector<Route> page_routes();     ///< the last: its pattern takes what is left

/// The document that describes `route_table()`: OpenAPI 3.1, JSON.
[[nodiscard]] std::string openapi_text();

}  // namespace kw::server
