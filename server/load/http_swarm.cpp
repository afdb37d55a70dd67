// SPDX-License-Identifier: Apache-2.0
#include "server/load/http_swarm.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace kw::server {

namespace {

class Client {
public:
    Client() = default;
    ~Client() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    Result<void> connect(int port) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd_ < 0 || ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            return broken("connecting");
        }
        const int yes = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        return {};
    }

    void ask(std::string request) {
        out_ = std::move(request);
        sent_ = 0;
        begin_ = std::chrono::steady_clock::now();
        busy_ = true;
    }
    void retire() { busy_ = false; }

    [[nodiscard]] bool busy() const { return busy_; }
    [[nodiscard]] pollfd waiting() const {
        const short events = sent_ < out_.size() ? POLLOUT : POLLIN;
        return {busy_ ? fd_ : -1, events, 0};
    }

    /// The answer, when it is whole.
    Result<std::optional<SwarmAnswer>> go_on() {
        if (sent_ < out_.size()) {
            const ssize_t count =
                ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0 && errno != EAGAIN) {
                return broken("sending");
            }
            sent_ += count > 0 ? static_cast<std::size_t>(count) : 0;
            return std::optional<SwarmAnswer>();
        }
        std::array<char, 65536> buffer{};
        const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN)) {
            return broken("reading");
        }
        in_.append(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
        return whole();
    }

private:
    static Error broken(const char* doing) {
        return {
            Errc::environment,
            std::string(doing) + ": " + std::strerror(errno),
            "ulimit -n must allow a descriptor a client and one more on the server's side"};
    }

    std::optional<SwarmAnswer> whole() {
        const std::size_t head = in_.find("\r\n\r\n");
        if (head == std::string::npos) {
            return std::nullopt;
        }
        constexpr std::string_view field = "Content-Length: ";
        const std::size_t at = in_.find(field);
        std::size_t size = 0;
        if (at < head) {
            std::from_chars(in_.data() + at + field.size(), in_.data() + head, size);
        }
        if (in_.size() < head + 4 + size) {
            return std::nullopt;
        }
        SwarmAnswer answer;
        constexpr std::size_t status_at = 9;
        std::from_chars(in_.data() + status_at, in_.data() + head, answer.status);
        answer.body = in_.substr(head + 4, size);
        answer.seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
        in_.erase(0, head + 4 + size);
        return answer;
    }

    int fd_ = -1;
    bool busy_ = false;
    std::string out_;
    std::size_t sent_ = 0;
    std::string in_;
    std::chrono::steady_clock::time_point begin_;
};

void next_of(Client& client, int number, const SwarmAnswer* last, const NextRequest& next) {
    if (auto request = next(number, last)) {
        client.ask(std::move(*request));
    } else {
        client.retire();
    }
}

}  // namespace

Result<void> run_swarm(int port, int clients, double patience_s, const NextRequest& next) {
    std::vector<Client> swarm(static_cast<std::size_t>(clients));
    for (std::size_t i = 0; i < swarm.size(); ++i) {
        KW_TRY(swarm[i].connect(port));
        next_of(swarm[i], static_cast<int>(i), nullptr, next);
    }
    std::vector<pollfd> waiting(swarm.size());
    while (true) {
        bool any = false;
        for (std::size_t i = 0; i < swarm.size(); ++i) {
            waiting[i] = swarm[i].waiting();
            any = any || swarm[i].busy();
        }
        if (!any) {
            return {};
        }
        const int ready =
            ::poll(waiting.data(), waiting.size(), static_cast<int>(patience_s * 1000));
        if (ready == 0) {
            return Error{
                Errc::environment,
                "no answer for " + std::to_string(static_cast<int>(patience_s)) + " s",
                ""};
        }
        for (std::size_t i = 0; i < swarm.size(); ++i) {
            if (waiting[i].revents == 0) {
                continue;
            }
            KW_TRY_ASSIGN(const auto answer, swarm[i].go_on());
            if (answer) {
                next_of(swarm[i], static_cast<int>(i), &*answer, next);
            }
        }
    }
}

std::string http_post(const std::string& target, const std::string& json) {
    return "POST " + target +
           " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(json.size()) + "\r\n\r\n" + json;
}

std::string http_get(const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
}

}  // namespace kw::server
