// SPDX-License-Identifier: Apache-2.0
// One POST over HTTP(S) with limits, cancellable. libcurl stays in http.cpp. Redirects are not
// followed: they would carry the key to another host.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

namespace kw::agent {

struct HttpRequest {
    std::string url;
    std::vector<std::string> headers;  ///< "name: value"
    std::string body;
    double connect_timeout_s = 20;
    double total_timeout_s = 300;
};

enum class HttpEnd {
    answered,  ///< a complete response, whatever its status
    failed,    ///< no connection, or it broke before the response was complete
    timed_out,
    cancelled,
};

struct HttpOutcome {
    HttpEnd end = HttpEnd::failed;
    long status = 0;
    std::string body;                        ///< at most 16 MiB
    std::optional<std::string> retry_after;  ///< header, as sent
    std::string problem;                     ///< for people; empty when answered
};

[[nodiscard]] HttpOutcome http_post(const HttpRequest& request, const std::atomic<int>& cancelled);

}  // namespace kw::agent
