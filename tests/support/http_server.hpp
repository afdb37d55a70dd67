// SPDX-License-Identifier: Apache-2.0
// A tiny HTTP server on loopback for tests of clients: plain sockets, one thread, one connection at
// a time, scripted answers in order (the last one repeats).
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace kw::test {

struct HttpAnswer {
    int status = 200;
    std::string body;
    std::vector<std::string> headers;  ///< "name: value"
    std::size_t promised_extra = 0;    ///< content-length says so many bytes more than are sent
    bool hang = false;                 ///< never answers, until the client or the server goes
    bool drop = false;                 ///< closes without an answer
};

class HttpServer {
public:
    explicit HttpServer(std::vector<HttpAnswer> answers);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    [[nodiscard]] std::string url() const;  ///< "http://127.0.0.1:PORT"
    /// Whole requests as they came, head and body.
    [[nodiscard]] std::vector<std::string> requests() const;
    [[nodiscard]] bool someone_waits() const { return hanging_; }

private:
    void serve();
    void answer(int connection, const HttpAnswer& answer);

    std::vector<HttpAnswer> answers_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<bool> ending_{false};
    std::atomic<bool> hanging_{false};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

}  // namespace kw::test
