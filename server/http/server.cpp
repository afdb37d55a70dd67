// SPDX-License-Identifier: Apache-2.0
// Start, accept, stop. A connection's conversation is session.hpp, which only this file includes:
// Beast costs eight seconds a unit.
#include "server/http/server.hpp"

#include "server/http/server_impl.hpp"
#include "server/http/session.hpp"

namespace kw::server {

namespace {

Error cannot_listen(const HttpSettings& settings, const error_code& why) {
    const std::string place = settings.bind + ":" + std::to_string(settings.port);
    if (why == asio::error::address_in_use) {
        return {
            Errc::environment,
            "port " + std::to_string(settings.port) + " is in use",
            "another kwright? pass --port or set KWRIGHT_SERVE_PORT"};
    }
    if (why == asio::error::access_denied) {
        return {
            Errc::environment,
            "listening on " + place + ": " + why.message(),
            "ports below 1024 are for root: pass --port"};
    }
    return {
        Errc::environment,
        "listening on " + place + ": " + why.message(),
        "--bind takes an address of this machine, e.g. 127.0.0.1 or 0.0.0.0"};
}

Result<void> load_certificate(
    const HttpSettings& settings, std::optional<asio::ssl::context>& out) {
    if (settings.tls_certificate.empty()) {
        return {};
    }
    asio::ssl::context tls(asio::ssl::context::tls_server);
    error_code why;
    tls.set_options(
        asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
            asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
            asio::ssl::context::no_tlsv1_1,
        why);
    tls.use_certificate_chain_file(settings.tls_certificate, why);
    if (why) {
        return Error{
            Errc::environment,
            "reading the certificate " + settings.tls_certificate + ": " + why.message(),
            "--tls-cert takes a PEM file: the certificate, then the chain"};
    }
    tls.use_private_key_file(settings.tls_key, asio::ssl::context::pem, why);
    if (why) {
        return Error{
            Errc::environment,
            "reading the key " + settings.tls_key + ": " + why.message(),
            "--tls-key takes a PEM file without a pass phrase that belongs to the certificate"};
    }
    out.emplace(std::move(tls));
    return {};
}

Result<void> listen(tcp::acceptor& acceptor, const HttpSettings& settings) {
    error_code why;
    const auto address = asio::ip::make_address(settings.bind, why);
    if (why) {
        return cannot_listen(settings, why);
    }
    const tcp::endpoint endpoint(address, static_cast<unsigned short>(settings.port));
    acceptor.open(endpoint.protocol(), why);
    if (!why) {
        acceptor.set_option(asio::socket_base::reuse_address(true), why);
    }
    if (!why) {
        acceptor.bind(endpoint, why);
    }
    if (!why) {
        acceptor.listen(asio::socket_base::max_listen_connections, why);
    }
    return why ? Result<void>(cannot_listen(settings, why)) : Result<void>();
}

}  // namespace

void HttpServer::Impl::accept() {
    acceptor.async_accept([this](error_code why, tcp::socket socket) {
        if (closing || why == asio::error::operation_aborted) {
            return;
        }
        if (why) {  // out of descriptors, mostly: later there may be some again
            pause.expires_after(std::chrono::milliseconds(100));
            pause.async_wait([this](error_code stopped) {
                if (!stopped && !closing) {
                    accept();
                }
            });
            return;
        }
        ++accepted;
        welcome(std::move(socket));
        accept();
    });
}

void HttpServer::Impl::welcome(tcp::socket socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (open_sessions() >= settings.max_connections) {
        ++refused;
        static constexpr std::string_view busy =
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
            "Connection: close\r\n\r\n";
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(busy), ignored);
        return;
    }
    if (tls) {
        auto session = std::make_shared<Session<TlsStream>>(*this, std::move(socket), *tls);
        enter(session);
        session->start();
    } else {
        auto session = std::make_shared<Session<PlainStream>>(*this, std::move(socket));
        enter(session);
        session->start();
    }
}

void HttpServer::Impl::enter(const std::shared_ptr<Conversation>& session) {
    const std::lock_guard guard(mutex);
    sessions.emplace(session.get(), session);
}

void HttpServer::Impl::leave(Conversation* session) {
    const std::lock_guard guard(mutex);
    sessions.erase(session);
    emptied.notify_all();
}

std::size_t HttpServer::Impl::open_sessions() {
    const std::lock_guard guard(mutex);
    return sessions.size();
}

std::vector<std::shared_ptr<Conversation>> HttpServer::Impl::all_sessions() {
    const std::lock_guard guard(mutex);
    std::vector<std::shared_ptr<Conversation>> alive;
    for (const auto& [pointer, weak] : sessions) {
        if (auto session = weak.lock()) {
            alive.push_back(std::move(session));
        }
    }
    return alive;
}

/// On the input thread, as everything about `parked`.
void HttpServer::Impl::wake(const std::string& topic) {
    const auto found = parked.find(topic);
    if (found == parked.end()) {
        return;
    }
    std::vector<std::shared_ptr<Conversation>> woken;
    for (const auto& [pointer, weak] : found->second) {
        if (auto session = weak.lock()) {
            woken.push_back(std::move(session));
        }
    }
    for (const auto& session : woken) {
        session->woken();
    }
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
    stop();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(
    const HttpSettings& settings, Service& service, Wakeups& wakeups) {
    auto impl = std::make_unique<Impl>(settings, service, wakeups);
    KW_TRY(load_certificate(settings, impl->tls));
    KW_TRY(listen(impl->acceptor, settings));
    error_code ignored;
    impl->port = impl->acceptor.local_endpoint(ignored).port();
    Impl* raw = impl.get();
    wakeups.listen([raw](const std::string& topic) {
        asio::post(raw->io, [raw, topic] { raw->wake(topic); });
    });
    impl->accept();
    impl->thread = std::thread([raw] { raw->io.run(); });
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

int HttpServer::port() const {
    return impl_->port;
}

HttpCounts HttpServer::counts() const {
    HttpCounts counts;
    counts.connections = static_cast<std::int64_t>(impl_->open_sessions());
    counts.accepted = impl_->accepted;
    counts.refused = impl_->refused;
    counts.waiting = impl_->waiting;
    counts.streams = impl_->streams;
    return counts;
}

void HttpServer::stop() {
    if (!impl_->thread.joinable()) {
        return;
    }
    impl_->wakeups.listen({});
    Impl* raw = impl_.get();
    asio::post(raw->io, [raw] {
        raw->closing = true;
        error_code ignored;
        raw->acceptor.close(ignored);
        raw->pause.cancel();
        for (const auto& session : raw->all_sessions()) {
            session->drain();
        }
    });
    {
        std::unique_lock lock(raw->mutex);
        raw->emptied.wait_for(
            lock, raw->settings.drain_time, [raw] { return raw->sessions.empty(); });
    }
    raw->io.stop();
    raw->thread.join();
    raw->pool.join();
}

}  // namespace kw::server
