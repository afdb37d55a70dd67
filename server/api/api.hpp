// SPDX-License-Identifier: Apache-2.0
// The service behind the HTTP server: admits by host, token and rate, finds the route, answers, and
// counts. Works without sockets.
#pragma once

#include "server/api/access.hpp"
#include "server/api/parts.hpp"
#include "server/api/rate_limit.hpp"
#include "server/api/route.hpp"

#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace kw::server {

class Api final : public Service {
public:
    explicit Api(ApiParts parts);

    std::optional<Response> admit(Request& head, std::size_t& body_limit) override;
    Response handle(const Request& request) override;
    Response refuse(int status, const std::string& what) override;

    /// admit() and handle(), as the HTTP server calls them.
    Response answer(Request request);

    [[nodiscard]] ApiParts& parts() { return parts_; }

private:
    std::optional<Response> wrong_host(const Request& head) const;
    std::optional<Response> wrong_body(const Request& head, const Route& route) const;
    Response call(const Request& request);
    Response finished(Response response, const std::string& route);
    Response metrics();

    ApiParts parts_;
    Access access_;
    RateLimit rate_;
    std::mutex mutex_;
    std::map<std::pair<std::string, int>, std::int64_t> answered_;  ///< by route and status
};

/// The route of a request; null when there is none. `other_methods`: those that the path has.
[[nodiscard]] const Route* find_route(
    const std::string& method,
    const std::string& path,
    PathValues& values,
    std::vector<std::string>& other_methods);

/// What every answer carries.
void add_security_headers(Response& response, bool tls);

}  // namespace kw::server
