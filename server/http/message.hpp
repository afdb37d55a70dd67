// SPDX-License-Identifier: Apache-2.0
// A request and its answer as plain values: what routes see, with or without sockets.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace kw::server {

/// Who calls, as Service::admit() found out.
struct Caller {
    std::int64_t token_id = 0;  ///< 0 = no token
    std::string name;           ///< of the token
    bool submit = false;
    bool worker = false;
    bool admin = false;
    bool trusted = false;  ///< worker: its results count without a second judging
};

struct Request {
    std::string method;
    std::string path;                           ///< as sent, without the query; starts with '/'
    std::map<std::string, std::string> query;   ///< decoded; the first of equal names
    std::map<std::string, std::string> header;  ///< names in lower case; the first of equal names
    std::string body;
    std::string peer;  ///< address
    Caller caller;

    [[nodiscard]] std::string header_text(const std::string& name) const {
        const auto found = header.find(name);
        return found == header.end() ? "" : found->second;
    }
};

struct Response;

/// An answer that is not known yet.
struct Wait {
    std::string topic;  ///< asked again whenever Wakeups::wake() names it
    std::chrono::milliseconds limit{0};
    /// `last`: the time is over, an answer is due. Called by one thread at a time.
    std::function<std::optional<Response>(bool last)> again;
};

/// A body that goes on: server-sent events.
struct Stream {
    virtual ~Stream() = default;
    /// What is new since the last call: "" = nothing; nothing at all = the end. Never waits.
    virtual std::optional<std::string> next() = 0;
    [[nodiscard]] virtual std::string topic() const = 0;
};

struct Response {
    int status = 200;
    std::string content_type = "application/json";
    std::map<std::string, std::string> header;  ///< further ones
    std::string body;
    std::optional<Wait> wait;        ///< then nothing else counts
    std::shared_ptr<Stream> stream;  ///< in place of the body; the connection ends with it
};

/// What the HTTP server asks. Called by several threads.
struct Service {
    virtual ~Service() = default;
    /// On the head of a request, before its body is read: refuses, or sets `caller` and the most
    /// bytes that the body may have. Quick.
    virtual std::optional<Response> admit(Request& head, std::size_t& body_limit) = 0;
    virtual Response handle(const Request& request) = 0;
    /// The answer to what is not HTTP, too large or too slow.
    virtual Response refuse(int status, const std::string& what) = 0;
};

}  // namespace kw::server
