// SPDX-License-Identifier: Apache-2.0
#include "server/api/api.hpp"

#include "core/ascii.hpp"
#include "core/log.hpp"
#include "server/api/answers.hpp"
#include "server/api/metrics.hpp"
#include "server/http/server.hpp"

#include <algorithm>
#include <array>
#include <exception>

namespace kw::server {

namespace {

constexpr const char* k_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

/// "[::1]:8737" -> "[::1]"
std::string without_port(const std::string& host) {
    const std::size_t bracket = host.find(']');
    const std::size_t colon = host.find(':', bracket == std::string::npos ? 0 : bracket);
    return lower_case(host.substr(0, colon));
}

bool may(const Caller& caller, Scope scope) {
    switch (scope) {
        case Scope::open:
        case Scope::any: return true;
        case Scope::submit: return caller.submit;
        case Scope::worker: return caller.worker;
        case Scope::admin: return caller.admin;
    }
    return false;
}

std::string scope_name(Scope scope) {
    switch (scope) {
        case Scope::submit: return "submit";
        case Scope::worker: return "worker";
        case Scope::admin: return "admin";
        case Scope::open:
        case Scope::any: break;
    }
    return "any";
}

Response no_route(const std::vector<std::string>& other_methods, const Request& request) {
    if (other_methods.empty()) {
        return error_answer(404, "usage", "there is nothing here", "see GET /v1/openapi.json");
    }
    std::string allowed;
    for (const std::string& method : other_methods) {
        allowed += (allowed.empty() ? "" : ", ") + method;
    }
    Response response = error_answer(
        405,
        "usage",
        "this path does not take " + request.method.substr(0, 20),
        "it takes " + allowed);
    response.header["Allow"] = allowed;
    return response;
}

/// HEAD is GET without the body.
std::string method_of(const Request& request) {
    return request.method == "HEAD" ? "GET" : request.method;
}

Response our_bug(const std::string& what) {
    log::write(log::Level::error, "api: " + what);
    return error_answer(
        500, "environment", "our outage: a bug of kwright's", "the server's log has it (-v)");
}

}  // namespace

const Route* find_route(
    const std::string& method,
    const std::string& path,
    PathValues& values,
    std::vector<std::string>& other_methods) {
    for (const Route& route : route_table()) {
        auto found = match(route.pattern, path);
        if (found && route.method == method) {
            values = std::move(*found);
            return &route;
        }
        if (found) {
            other_methods.push_back(route.method);
        }
    }
    return nullptr;
}

void add_security_headers(Response& response, bool tls) {
    response.header.try_emplace("Content-Security-Policy", k_policy);
    response.header.try_emplace("X-Content-Type-Options", "nosniff");
    response.header.try_emplace("Referrer-Policy", "no-referrer");
    response.header.try_emplace("Cross-Origin-Resource-Policy", "same-origin");
    response.header.try_emplace("Cache-Control", "no-store");
    if (tls) {
        response.header.try_emplace("Strict-Transport-Security", "max-age=31536000");
    }
}

Api::Api(ApiParts parts)
    : parts_(std::move(parts))
    , access_(parts_.tokens, parts_.settings.anonymous)
    , rate_(parts_.settings.requests_per_s, parts_.settings.request_burst, parts_.clock) {}

/// A page of somebody else's whose name leads to 127.0.0.1 speaks with that name; one that sends
/// its visitor's browser here says where from.
std::optional<Response> Api::wrong_host(const Request& head) const {
    const std::string host = head.header_text("host");
    if (parts_.settings.loopback_hosts) {
        static constexpr std::array<std::string_view, 3> own = {"127.0.0.1", "localhost", "[::1]"};
        if (std::ranges::count(own, without_port(host)) == 0) {
            return error_answer(
                421,
                "auth",
                "this server is 127.0.0.1 and answers to that name only",
                "behind a proxy let it set Host: 127.0.0.1, or use --bind");
        }
    }
    const std::string origin = head.header_text("origin");
    if (!origin.empty() && method_of(head) != "GET") {
        const std::size_t begin = origin.find("://");
        if (begin == std::string::npos ||
            lower_case(origin.substr(begin + 3)) != lower_case(host)) {
            return error_answer(403, "auth", "requests from other sites' pages are refused");
        }
    }
    return std::nullopt;
}

std::optional<Response> Api::wrong_body(const Request& head, const Route& route) const {
    if (route.body.empty()) {
        return std::nullopt;
    }
    const std::string type = lower_case(head.header_text("content-type"));
    if (type != "application/json" && !type.starts_with("application/json;")) {
        return error_answer(415, "usage", "the body must be application/json");
    }
    if (!head.header_text("content-encoding").empty()) {
        return error_answer(415, "usage", "the body must not be compressed");
    }
    return std::nullopt;
}

std::optional<Response> Api::admit(Request& head, std::size_t& body_limit) {
    const auto refused = [this](Response response) {
        return finished(std::move(response), "refused");
    };
    if (auto wrong = wrong_host(head)) {
        return refused(std::move(*wrong));
    }
    PathValues values;
    std::vector<std::string> other_methods;
    const Route* route = find_route(method_of(head), head.path, values, other_methods);
    if (route == nullptr) {
        return refused(no_route(other_methods, head));
    }
    const auto caller = access_.caller(head);
    if (!caller && route->scope != Scope::open) {
        return refused(error_answer(
            401,
            "auth",
            "a token is needed, and this is none that is known",
            "Authorization: Bearer kwt_...; kwright serve token new makes one"));
    }
    head.caller = caller.value_or(Caller());
    if (!may(head.caller, route->scope)) {
        return refused(
            error_answer(403, "auth", "this needs a token of scope " + scope_name(route->scope)));
    }
    const std::string who =
        head.caller.token_id != 0 ? "token " + std::to_string(head.caller.token_id) : head.peer;
    if (const double wait = rate_.wait_s(who); wait > 0) {
        return refused(limit_answer("too many requests", wait));
    }
    if (auto wrong = wrong_body(head, *route)) {
        return refused(std::move(*wrong));
    }
    body_limit = route->body_limit;
    return std::nullopt;
}

Response Api::call(const Request& request) {
    PathValues values;
    std::vector<std::string> other_methods;
    const Route* route = find_route(method_of(request), request.path, values, other_methods);
    if (route == nullptr) {
        return finished(no_route(other_methods, request), "refused");
    }
    const std::string name = route->method + " " + route->pattern;
    if (route->pattern == "/metrics") {
        return finished(metrics(), name);
    }
    Response response = route->handle(parts_, request, values);
    if (response.wait) {
        response.wait->again = [this, name, again = response.wait->again](bool last) {
            try {
                auto later = again(last);
                return later ? std::optional(finished(std::move(*later), name)) : std::nullopt;
            } catch (const std::exception& error) {
                return std::optional(finished(our_bug(error.what()), name));
            }
        };
        return response;
    }
    return finished(std::move(response), name);
}

Response Api::handle(const Request& request) {
    try {
        return call(request);
    } catch (const std::exception& error) {
        return finished(our_bug(error.what()), "refused");
    }
}

Response Api::refuse(int status, const std::string& what) {
    const bool ours = status >= 500 && status != 505;
    return finished(error_answer(status, ours ? "limit" : "usage", what.substr(0, 200)), "refused");
}

Response Api::answer(Request request) {
    std::size_t body_limit = 0;
    if (auto refusal = admit(request, body_limit)) {
        return std::move(*refusal);
    }
    if (request.body.size() > body_limit) {
        return refuse(413, "the body is larger than " + std::to_string(body_limit) + " bytes");
    }
    return handle(request);
}

Response Api::finished(Response response, const std::string& route) {
    {
        const std::lock_guard guard(mutex_);
        ++answered_[{route, response.status}];
    }
    add_security_headers(response, parts_.settings.tls);
    return response;
}

Response Api::metrics() {
    std::map<std::pair<std::string, int>, std::int64_t> answered;
    {
        const std::lock_guard guard(mutex_);
        answered = answered_;
    }
    return metrics_answer(parts_, answered);
}

}  // namespace kw::server
