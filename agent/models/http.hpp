// SPDX-License-Identifier: Apache-2.0
// POSTs over HTTP(S), many at once: one curl multi handle and one thread drive them all, share
// their connections (HTTP/2 where the server speaks it) and run timers. libcurl stays in http.cpp.
// Redirects are not followed: they would carry the key to another host.
#pragma once

#include "core/clock.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw::agent {

struct HttpRequest {
    std::string url;
    std::vector<std::string> headers;  ///< "name: value"
    std::string body;
    double connect_timeout_s = 20;
    double total_timeout_s = 300;
    double idle_timeout_s = 0;  ///< without a byte; 0 = total_timeout_s alone
    /// Takes the pieces of a 200's body as they come when its content type is text/event-stream;
    /// false ends the transfer as failed. Called on the client's thread.
    std::function<bool(std::string_view)> on_stream;
};

enum class HttpEnd {
    answered,  ///< a complete response, whatever its status
    failed,    ///< no connection, or it broke before the response was complete
    timed_out,
    cancelled,
};

struct HttpOutcome {
    HttpEnd end = HttpEnd::failed;
    long status = 0;                            ///< 0: no response began
    std::string body;                           ///< at most 16 MiB; "" when it went to on_stream
    bool streamed = false;                      ///< on_stream had the body
    bool sent = false;                          ///< the request, or a part of it, left
    std::optional<std::string> retry_after;     ///< header, as sent
    std::optional<std::string> retry_after_ms;  ///< header, as sent
    std::string problem;                        ///< for people; empty when answered
};

class HttpClient {
public:
    explicit HttpClient(Clock& clock);
    ~HttpClient();  ///< as cancel() of every owner
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    using Done = std::function<void(HttpOutcome)>;
    /// Returns at once; `done` is called exactly once, on the client's thread, where everything
    /// that is called has to be quick. May be called from there too, as at() may.
    void post(const void* owner, HttpRequest request, Done done);
    /// Calls `then` at that steady time of the clock, or when the owner cancels.
    void at(const void* owner, std::chrono::nanoseconds when, std::function<void()> then);
    /// Calls the owner's timers soon, whatever their time.
    void hurry(const void* owner);
    /// Ends what the owner has in flight (HttpEnd::cancelled) and calls its timers, soon, on the
    /// client's thread.
    void cancel(const void* owner);

private:
    struct Engine;
    std::unique_ptr<Engine> engine_;
};

}  // namespace kw::agent
