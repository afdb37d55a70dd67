// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/server/raw_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <netinet/in.h>
#include <stdexcept>
#include <utility>

namespace kw::test {

namespace {

constexpr int k_patience_ms = 10'000;

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    return text;
}

}  // namespace

RawClient::RawClient(int port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        throw std::runtime_error("test client: no connection");
    }
}

RawClient::~RawClient() {
    ::close(fd_);
}

bool RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

bool RawClient::more() {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, k_patience_ms) <= 0) {
        return false;
    }
    std::array<char, 65536> buffer{};
    const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (count <= 0) {
        return false;
    }
    rest_.append(buffer.data(), static_cast<std::size_t>(count));
    return true;
}

std::string RawClient::answer() {
    std::size_t head = std::string::npos;
    while ((head = rest_.find("\r\n\r\n")) == std::string::npos) {
        if (!more()) {
            return std::exchange(rest_, "");
        }
    }
    const std::string fields = lower(rest_.substr(0, head));
    const std::size_t at = fields.find("content-length:");
    const std::size_t size =
        head + 4 + (at == std::string::npos ? 0 : std::stoul(fields.substr(at + 15)));
    while (rest_.size() < size && more()) {
    }
    const std::string whole = rest_.substr(0, size);
    rest_.erase(0, whole.size());
    return whole;
}

std::string RawClient::until(std::string_view part) {
    while (rest_.find(part) == std::string::npos && more()) {
    }
    return rest_;
}

bool RawClient::closed() {
    while (more()) {
    }
    pollfd waiting{fd_, POLLIN, 0};
    char byte = 0;
    return ::poll(&waiting, 1, 0) > 0 && ::recv(fd_, &byte, 1, MSG_PEEK) <= 0;
}

void RawClient::half_close() {
    ::shutdown(fd_, SHUT_WR);
}

int status_of(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 ") ? std::atoi(answer.c_str() + 9) : 0;
}

std::string body_of(const std::string& answer) {
    const std::size_t head = answer.find("\r\n\r\n");
    return head == std::string::npos ? "" : answer.substr(head + 4);
}

}  // namespace kw::test
