// SPDX-License-Identifier: Apache-2.0
#include "server/api/answers.hpp"

#include "core/config.hpp"
#include "server/wire/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace kw::server {

namespace {

constexpr std::chrono::milliseconds k_longest_wait{60'000};

}  // namespace

Response json_answer(int status, const nlohmann::json& document) {
    Response response;
    response.status = status;
    response.body = json_text(document) + "\n";
    return response;
}

Response error_answer(
    int status, const std::string& kind, const std::string& message, const std::string& hint) {
    Response response =
        json_answer(status, {{"error", {{"kind", kind}, {"message", message}, {"hint", hint}}}});
    if (status == 401) {
        response.header["WWW-Authenticate"] = "Bearer";
    }
    return response;
}

Response error_answer(const Error& error) {
    if (error.code == Errc::usage || error.code == Errc::config) {
        return error_answer(400, "usage", error.what, error.hint);
    }
    return error_answer(
        503,
        "environment",
        "our outage: " + error.what,
        error.hint.empty() ? "nothing was lost; try again" : error.hint);
}

Response read_only_answer() {
    return error_answer(
        503, "environment", "our outage: this server only shows", "it runs with --read-only");
}

Response limit_answer(const std::string& message, double retry_after_s) {
    Response response = error_answer(429, "limit", message, "Retry-After says when");
    const double seconds = std::clamp(std::ceil(retry_after_s), 1.0, 3600.0);
    response.header["Retry-After"] = std::to_string(static_cast<int>(seconds));
    return response;
}

std::string shown_job(std::int64_t id) {
    return "e-" + std::to_string(id);
}

std::optional<std::int64_t> job_number(const std::string& shown) {
    constexpr std::size_t longest = 20;
    if (!shown.starts_with("e-") || shown.size() > longest) {
        return std::nullopt;
    }
    std::int64_t id = 0;
    const char* end = shown.data() + shown.size();
    const auto [stop, why] = std::from_chars(shown.data() + 2, end, id);
    return why == std::errc() && stop == end && id > 0 ? std::optional(id) : std::nullopt;
}

Result<std::chrono::milliseconds> wait_of(const Request& request) {
    const auto found = request.query.find("wait");
    if (found == request.query.end()) {
        return std::chrono::milliseconds(0);
    }
    const std::string& text = found->second;
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, why] = std::from_chars(text.data(), end, value);
    const std::string unit(stop, end);
    const bool known = unit.empty() || unit == "s" || unit == "ms";
    if (why != std::errc() || !known || !(value >= 0) || !std::isfinite(value)) {
        return Error{Errc::usage, "wait must be a time, e.g. 30s", "at most 60s"};
    }
    const double ms =
        std::min(unit == "ms" ? value : value * 1000, static_cast<double>(k_longest_wait.count()));
    return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
}

Result<nlohmann::json> body_of(const Request& request) {
    KW_TRY_ASSIGN(nlohmann::json document, parse_json(request.body));
    if (!document.is_object()) {
        return Error{Errc::usage, "the body must be a JSON object", ""};
    }
    return document;
}

Result<void> only_members(const nlohmann::json& document, const std::vector<std::string>& known) {
    for (const auto& [name, value] : document.items()) {
        if (std::ranges::count(known, name) == 0) {
            const auto near = did_you_mean(name, known);
            return Error{
                Errc::usage,
                "unknown member '" + name.substr(0, 40) + "'",
                near ? "did you mean '" + *near + "'?" : "see GET /v1/openapi.json"};
        }
    }
    return {};
}

Result<std::string> text_member(const nlohmann::json& document, const std::string& name) {
    const auto found = document.find(name);
    if (found == document.end() || found->is_null()) {
        return std::string();
    }
    if (!found->is_string()) {
        return Error{Errc::usage, name + " must be a text", ""};
    }
    return found->get<std::string>();
}

}  // namespace kw::server
