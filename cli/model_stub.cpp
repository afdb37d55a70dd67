// SPDX-License-Identifier: Apache-2.0
#include "cli/model_stub.hpp"

#include <nlohmann/json.hpp>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <utility>
#include <vector>

namespace kw::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Connection {
    int fd = -1;
    std::string request;
    std::optional<Clock::time_point> due;  ///< of the answer
};

/// A whole request is there.
bool is_complete(const std::string& request) {
    const std::size_t head = request.find("\r\n\r\n");
    if (head == std::string::npos) {
        return false;
    }
    const std::string name = "content-length:";
    const auto at = std::search(
        request.begin(),
        request.begin() + static_cast<std::ptrdiff_t>(head),
        name.begin(),
        name.end(),
        [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
    const auto offset = static_cast<std::size_t>(at - request.begin()) + name.size();
    const std::size_t body =
        offset < head ? std::strtoul(request.c_str() + offset, nullptr, 10) : 0;
    return request.size() >= head + 4 + body;
}

class Server {
public:
    Server(int listener, std::chrono::milliseconds delay, std::string source)
        : listener_(listener)
        , delay_(delay)
        , source_(std::move(source)) {}

    [[noreturn]] void run() {
        while (true) {
            std::vector<pollfd> fds = {{listener_, POLLIN, 0}};
            auto next = Clock::now() + std::chrono::seconds(1);
            for (const Connection& one : connections_) {
                fds.push_back({one.fd, POLLIN, 0});
                next = std::min(next, one.due.value_or(next));
            }
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
            ::poll(fds.data(), fds.size(), static_cast<int>(std::max<long>(left.count(), 0)));
            for (std::size_t i = 1; i < fds.size(); ++i) {
                if (fds[i].revents != 0) {
                    read(connections_[i - 1]);
                }
            }
            answer_due();
            std::erase_if(connections_, [](const Connection& one) { return one.fd < 0; });
            if (fds[0].revents != 0) {
                accept();
            }
        }
    }

private:
    void accept() {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd >= 0) {
            const int yes = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            connections_.push_back({fd, "", std::nullopt});
        }
    }

    void read(Connection& connection) {
        std::array<char, 65536> buffer{};
        const ssize_t count = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
        if (count <= 0) {
            ::close(std::exchange(connection.fd, -1));
            connection.due.reset();
            return;
        }
        connection.request.append(buffer.data(), static_cast<std::size_t>(count));
        if (!connection.due && is_complete(connection.request)) {
            connection.due = Clock::now() + delay_;
        }
    }

    void answer_due() {
        for (Connection& connection : connections_) {
            if (connection.due && *connection.due <= Clock::now()) {
                connection.due.reset();
                connection.request.clear();
                const std::string text = answer();
                if (::send(connection.fd, text.data(), text.size(), MSG_NOSIGNAL) !=
                    static_cast<ssize_t>(text.size())) {
                    ::close(std::exchange(connection.fd, -1));
                }
            }
        }
    }

    std::string answer() {
        const std::string number = std::to_string(++answers_);
        const std::string reply = "NOTE: number " + number + "\n\n```cpp\n" + source_ +
                                  "\n[[maybe_unused]] static constexpr int kw_stub = " + number +
                                  ";\n```\n";
        const std::string body =
            nlohmann::json(
                {{"choices", {{{"finish_reason", "stop"}, {"message", {{"content", reply}}}}}},
                 {"usage", {{"prompt_tokens", 2000}, {"completion_tokens", 1000}}}})
                .dump();
        return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    }

    int listener_;
    std::chrono::milliseconds delay_;
    std::string source_;
    std::vector<Connection> connections_;
    int answers_ = 0;
};

}  // namespace

Result<ModelStub> ModelStub::start(std::chrono::milliseconds delay, const std::string& source) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (listener < 0 || ::bind(listener, plain, length) != 0 || ::listen(listener, 64) != 0 ||
        ::getsockname(listener, plain, &length) != 0) {
        const int reason = errno;
        ::close(listener);
        return Error{
            Errc::environment,
            std::string("opening a port for the model stub: ") + std::strerror(reason),
            ""};
    }
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() == parent) {
            Server(listener, delay, source).run();
        }
        ::_exit(0);
    }
    const int reason = errno;
    ::close(listener);
    if (pid < 0) {
        return Error{
            Errc::environment,
            std::string("starting the model stub: ") + std::strerror(reason),
            ""};
    }
    return ModelStub(pid, ntohs(address.sin_port));
}

ModelStub::~ModelStub() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

ModelStub::ModelStub(ModelStub&& other) noexcept
    : pid_(std::exchange(other.pid_, -1))
    , port_(other.port_) {}

std::string ModelStub::url() const {
    return "http://127.0.0.1:" + std::to_string(port_);
}

}  // namespace kw::cli
