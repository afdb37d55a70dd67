// SPDX-License-Identifier: Apache-2.0
#include "tests/support/http_server.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <stdexcept>

namespace kw::test {

namespace {

constexpr int k_poll_ms = 20;

/// Head and body of one request; stops early when the client goes or the server ends.
std::string read_request(int connection, const std::atomic<bool>& ending) {
    std::string text;
    std::size_t want = std::string::npos;
    while (text.size() < want && !ending) {
        pollfd fd{connection, POLLIN, 0};
        if (::poll(&fd, 1, k_poll_ms) == 0) {
            continue;
        }
        std::array<char, 16384> buffer{};
        const ssize_t count = ::recv(connection, buffer.data(), buffer.size(), 0);
        if (count <= 0) {
            break;
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

}  // namespace

HttpServer::HttpServer(std::vector<HttpAnswer> answers)
    : answers_(std::move(answers)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, plain, length) != 0 || ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, plain, &length) != 0) {
        throw std::runtime_error("test server: no loopback socket");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
    ending_ = true;
    thread_.join();
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
    std::size_t next = 0;
    while (!ending_) {
        pollfd fd{listener_, POLLIN, 0};
        if (::poll(&fd, 1, k_poll_ms) <= 0) {
            continue;
        }
        const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) {
            continue;
        }
        std::string request = read_request(connection, ending_);
        {
            const std::lock_guard guard(mutex_);
            requests_.push_back(std::move(request));
        }
        answer(connection, answers_[std::min(next++, answers_.size() - 1)]);
        ::close(connection);
    }
}

void HttpServer::answer(int connection, const HttpAnswer& answer) {
    hanging_ = answer.hang;
    while (answer.hang && !ending_) {
        pollfd fd{connection, POLLIN, 0};
        std::array<char, 16> buffer{};
        if (::poll(&fd, 1, k_poll_ms) > 0 &&
            ::recv(connection, buffer.data(), buffer.size(), 0) <= 0) {
            break;
        }
    }
    hanging_ = false;
    if (answer.drop || answer.hang) {
        return;
    }
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " scripted\r\n";
    for (const std::string& header : answer.headers) {
        text += header + "\r\n";
    }
    text += "content-length: " + std::to_string(answer.body.size() + answer.promised_extra) +
            "\r\nconnection: close\r\n\r\n" + answer.body;
    std::size_t sent = 0;
    while (sent < text.size()) {
        const ssize_t count =
            ::send(connection, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) {
            return;
        }
        sent += static_cast<std::size_t>(count);
    }
}

}  // namespace kw::test
