// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 server: sockets, limits, TLS, long-polls, event streams. Knows no route. One thread
// does the input and output, a few others run the service; a waiting request costs a socket and no
// thread. Boost.Beast stays in server.cpp.
#pragma once

#include "core/result.hpp"
#include "server/http/message.hpp"
#include "server/http/wakeups.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace kw::server {

struct HttpSettings {
    std::string bind = "127.0.0.1";
    int port = 8737;              ///< 0 = any free one
    std::string tls_certificate;  ///< PEM file of the chain; "" = no TLS
    std::string tls_key;          ///< PEM file
    std::size_t max_header_bytes = 16 * 1024;
    std::size_t max_connections = 2'000;
    std::size_t max_streams = 200;
    std::size_t max_body_bytes_total = std::size_t{256} << 20;  ///< of all requests being read
    /// A head must be there so long after the last answer, its body so long after it, and an answer
    /// must be taken in so long.
    std::chrono::milliseconds header_time{15'000};
    std::chrono::milliseconds body_time{60'000};
    std::chrono::milliseconds write_time{60'000};
    std::chrono::milliseconds stream_tick{1'000};  ///< a stream is asked at least so often
    std::chrono::milliseconds recheck{5'000};      ///< and a waiting request
    std::chrono::milliseconds drain_time{10'000};  ///< what stop() gives the requests in progress
    int threads = 4;                               ///< that run the service
};

struct HttpCounts {
    std::int64_t connections = 0;  ///< open now
    std::int64_t accepted = 0;
    std::int64_t refused = 0;  ///< over a limit, malformed, too slow
    std::int64_t waiting = 0;  ///< long-polls
    std::int64_t streams = 0;
};

class HttpServer {
public:
    /// Errors: Errc::environment for an address that is taken or not ours and for certificates.
    /// `service` and `wakeups` outlive the server.
    static Result<std::unique_ptr<HttpServer>> start(
        const HttpSettings& settings, Service& service, Wakeups& wakeups);
    ~HttpServer();  ///< stop()
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    [[nodiscard]] int port() const;
    [[nodiscard]] HttpCounts counts() const;
    /// No new connection; waiting requests are answered now, streams end, requests in progress
    /// get `drain_time`.
    void stop();

    struct Impl;

private:
    explicit HttpServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// The first part of a request's target and its query, decoded. False: a bad escape.
[[nodiscard]] bool split_target(
    const std::string& target, std::string& path, std::map<std::string, std::string>& query);
/// "%2F" -> "/"; nothing for a bad escape.
[[nodiscard]] std::optional<std::string> percent_decoded(const std::string& text);

}  // namespace kw::server
