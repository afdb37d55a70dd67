// SPDX-License-Identifier: Apache-2.0
// What a server holds. Everything but the counters, `mutex` and `sessions` belongs to the input
// thread.
#pragma once

#include "server/http/server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace kw::server {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;

/// A connection, as the server sees it. Both on the input thread.
struct Conversation {
    virtual ~Conversation() = default;
    virtual void woken() = 0;
    virtual void drain() = 0;
};

using Conversations = std::unordered_map<Conversation*, std::weak_ptr<Conversation>>;

struct HttpServer::Impl {
    Impl(const HttpSettings& wanted, Service& served, Wakeups& waking)
        : settings(wanted)
        , service(served)
        , wakeups(waking)
        , pool(static_cast<std::size_t>(wanted.threads)) {}

    void accept();
    void welcome(tcp::socket socket);
    void wake(const std::string& topic);
    void enter(const std::shared_ptr<Conversation>& session);
    void leave(Conversation* session);
    std::size_t open_sessions();
    std::vector<std::shared_ptr<Conversation>> all_sessions();

    HttpSettings settings;
    Service& service;
    Wakeups& wakeups;
    // Before `io`: the connections that go with it say good-bye here.
    std::mutex mutex;
    std::condition_variable emptied;
    Conversations sessions;
    std::map<std::string, Conversations> parked;  ///< by topic
    std::atomic<std::int64_t> accepted{0};
    std::atomic<std::int64_t> refused{0};
    std::atomic<std::int64_t> waiting{0};
    std::atomic<std::int64_t> streams{0};
    std::size_t body_bytes = 0;  ///< promised by requests that are being read
    bool closing = false;
    int port = 0;
    std::optional<asio::ssl::context> tls;
    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    asio::thread_pool pool;
    tcp::acceptor acceptor{io};
    asio::steady_timer pause{io};
    std::thread thread;
};

}  // namespace kw::server
