// SPDX-License-Identifier: Apache-2.0
// A client that may be as rude as it likes: bytes out, bytes in.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace kw::test {

class RawClient {
public:
    explicit RawClient(int port);
    ~RawClient();
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    /// False: the other side is gone.
    bool send(std::string_view bytes);
    /// One whole answer (head, and body by its content-length), or what came until the end.
    std::string answer();
    /// Until `part` has come, or the end.
    std::string until(std::string_view part);
    /// Whether the other side has closed, waiting for it up to ten seconds.
    bool closed();
    void half_close();

private:
    bool more();
    int fd_ = -1;
    std::string rest_;
};

/// "HTTP/1.1 200 OK..." -> 200; 0 for what is no answer.
[[nodiscard]] int status_of(const std::string& answer);
[[nodiscard]] std::string body_of(const std::string& answer);

}  // namespace kw::test
