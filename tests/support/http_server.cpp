// SPDX-License-Identifier: Apache-2.0
#include "tests/support/http_server.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>

namespace kw::test {

namespace {

constexpr int k_poll_ms = 20;
constexpr int k_drip_ms = 2;

/// Head and body of one request; "" when the client went or the server ends.
std::string read_request(int connection, const std::atomic<bool>& ending) {
    std::string text;
    std::size_t want = std::string::npos;
    while (text.size() < want) {
        pollfd fd{connection, POLLIN, 0};
        if (::poll(&fd, 1, k_poll_ms) == 0) {
            if (ending) {
                return "";
            }
            continue;
        }
        std::array<char, 16384> buffer{};
        const ssize_t count = ::recv(connection, buffer.data(), buffer.size(), 0);
        if (count <= 0) {
            return "";
        }
        text.append(buffer.data(), static_cast<std::size_t>(count));
        const std::size_t head = text.find("\r\n\r\n");
        if (want == std::string::npos && head != std::string::npos) {
            std::string lower = text.substr(0, head);
            std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
                return static_cast<char>(std::tolower(c));
            });
            const std::size_t at = lower.find("content-length:");
            want = head + 4 + (at == std::string::npos ? 0 : std::stoul(lower.substr(at + 15)));
        }
    }
    return text;
}

bool send_all(int connection, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
        if (count <= 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

HttpServer::Handler in_order(std::vector<HttpAnswer> answers) {
    const auto next = std::make_shared<std::atomic<std::size_t>>(0);
    return [answers = std::move(answers), next](const std::string&) {
        return answers[std::min((*next)++, answers.size() - 1)];
    };
}

}  // namespace

HttpAnswer event_stream(const std::vector<std::string>& data) {
    HttpAnswer answer;
    answer.headers = {"Content-Type: text/event-stream; charset=utf-8"};
    answer.until_close = true;
    for (const std::string& one : data) {
        answer.body += "data: " + one + "\n\n";
    }
    return answer;
}

HttpServer::HttpServer(std::vector<HttpAnswer> answers)
    : HttpServer(in_order(std::move(answers))) {}

HttpServer::HttpServer(Handler handler)
    : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, plain, length) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, plain, &length) != 0) {
        throw std::runtime_error("test server: no loopback socket");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
    ending_ = true;
    thread_.join();
    for (std::thread& thread : threads_) {
        thread.join();
    }
    ::close(listener_);
}

std::string HttpServer::url() const {
    return "http://127.0.0.1:" + std::to_string(port_);
}

std::vector<std::string> HttpServer::requests() const {
    const std::lock_guard guard(mutex_);
    return requests_;
}

void HttpServer::serve() {
    while (!ending_) {
        pollfd fd{listener_, POLLIN, 0};
        if (::poll(&fd, 1, k_poll_ms) <= 0) {
            continue;
        }
        const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection >= 0) {
            ++connections_;
            threads_.emplace_back([this, connection] { converse(connection); });
        }
    }
}

void HttpServer::converse(int connection) {
    const int yes = 1;
    ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    while (true) {
        const std::string request = read_request(connection, ending_);
        if (request.empty()) {
            break;
        }
        const int now = ++open_;
        for (int most = most_; now > most && !most_.compare_exchange_weak(most, now);) {
        }
        {
            const std::lock_guard guard(mutex_);
            requests_.push_back(request);
        }
        const bool keep = answer(connection, handler_(request));
        --open_;
        if (!keep) {
            break;
        }
    }
    ::close(connection);
}

/// Until the time is over, the client goes, or the server ends.
void HttpServer::pause(int connection, int ms) const {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::milliseconds(ms);
    while (!ending_) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
        if (ms >= 0 && left.count() <= 0) {
            return;
        }
        const int slice =
            ms < 0 ? k_poll_ms : std::min<int>(k_poll_ms, static_cast<int>(left.count()));
        pollfd fd{connection, POLLIN, 0};
        std::array<char, 16> buffer{};
        if (::poll(&fd, 1, slice) > 0 &&
            ::recv(connection, buffer.data(), buffer.size(), MSG_PEEK) <= 0) {
            return;
        }
    }
}

/// Whether the connection may be used again.
bool HttpServer::answer(int connection, const HttpAnswer& answer) {
    if (answer.hang) {
        ++hanging_;
        pause(connection, -1);
        --hanging_;
        return false;
    }
    if (answer.delay_ms > 0) {
        pause(connection, answer.delay_ms);
    }
    if (answer.drop) {
        return false;
    }
    const bool keep =
        !answer.until_close && !answer.reset && !answer.endless && answer.promised_extra == 0;
    std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " scripted\r\n";
    for (const std::string& header : answer.headers) {
        head += header + "\r\n";
    }
    if (!answer.until_close && !answer.endless) {
        head += "content-length: " + std::to_string(answer.body.size() + answer.promised_extra) +
                "\r\n";
    }
    head += keep ? "\r\n" : "connection: close\r\n\r\n";
    bool there = send_all(connection, head);
    do {
        std::string_view left = answer.body;
        while (there && !left.empty() && !ending_) {
            const std::size_t size = answer.drip > 0 ? answer.drip : left.size();
            there = send_all(connection, left.substr(0, size));
            left.remove_prefix(std::min(size, left.size()));
            if (answer.drip > 0) {
                pause(connection, k_drip_ms);
            }
        }
    } while (there && answer.endless && !ending_);
    if (answer.reset) {  // close() then sends a RST
        const linger hard{1, 0};
        ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    return there && keep;
}

}  // namespace kw::test
