// SPDX-License-Identifier: Apache-2.0
// A scripted HTTP server on loopback for tests of clients: plain sockets, a thread a connection,
// connections are kept. It can do what servers should not: hang, drip, reset, promise too much,
// never end.
#pragma once

#include <atomic>
#include <functional>
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
    int delay_ms = 0;                  ///< before the answer
    std::size_t drip = 0;              ///< bytes sent at once, a pause after each; 0 = all
    bool reset = false;                ///< the connection breaks (RST) after the body
    bool endless = false;              ///< sends the body again and again
    bool until_close = false;          ///< no content-length: the body ends with the connection
};

/// 200 with content type text/event-stream, each text an event's data; ends with the connection.
[[nodiscard]] HttpAnswer event_stream(const std::vector<std::string>& data);

class HttpServer {
public:
    /// In the order of the requests; the last one repeats.
    explicit HttpServer(std::vector<HttpAnswer> answers);
    /// Called on the connections' threads with the whole request.
    using Handler = std::function<HttpAnswer(const std::string& request)>;
    explicit HttpServer(Handler handler);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    [[nodiscard]] std::string url() const;  ///< "http://127.0.0.1:PORT"
    /// Whole requests as they came, head and body.
    [[nodiscard]] std::vector<std::string> requests() const;
    [[nodiscard]] bool someone_waits() const { return hanging_ > 0; }
    [[nodiscard]] int connections() const { return connections_; }
    /// Most requests that were being answered at one time.
    [[nodiscard]] int most_at_once() const { return most_; }

private:
    void serve();
    void converse(int connection);
    bool answer(int connection, const HttpAnswer& answer);
    void pause(int connection, int ms) const;

    Handler handler_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<bool> ending_{false};
    std::atomic<int> hanging_{0};
    std::atomic<int> connections_{0};
    std::atomic<int> open_{0};
    std::atomic<int> most_{0};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::vector<std::thread> threads_;  ///< of the connections; touched by serve() alone
    std::thread thread_;
};

}  // namespace kw::test
