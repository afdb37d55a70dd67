// SPDX-License-Identifier: Apache-2.0
// One connection: requests one after the other, each read under limits, run by the pool, answered,
// parked or streamed. Runs on the input thread alone; the pool gets the request and gives back the
// answer. Included by server.cpp alone.
#pragma once

#include "core/log.hpp"
#include "server/http/server_impl.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <array>
#include <exception>
#include <limits>
#include <type_traits>

namespace kw::server {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

/// The request without its body. In words, what is wrong with it.
inline std::optional<std::string> read_head(
    const http::request<http::string_body>& head, Request& out) {
    out = Request();
    out.method = std::string(head.method_string());
    const std::string target(head.target());
    if (target.empty() || target.front() != '/' || !split_target(target, out.path, out.query)) {
        return "the request's target is not a path";
    }
    for (const auto& field : head) {
        std::string name(field.name_string());
        for (char& c : name) {
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
        const bool fresh = out.header.emplace(name, std::string(field.value())).second;
        // Two readers of such a request may understand two requests.
        if (!fresh && (name == "host" || name == "authorization" || name == "content-type" ||
                       name == "idempotency-key")) {
            return "the header " + name + " is there twice";
        }
    }
    return std::nullopt;
}

template <class StreamType>
class Session final : public Conversation,
                      public std::enable_shared_from_this<Session<StreamType>> {
    static constexpr bool k_tls = std::is_same_v<StreamType, TlsStream>;
    using Clock = std::chrono::steady_clock;

public:
    template <class... Arguments>
    Session(HttpServer::Impl& server, tcp::socket socket, Arguments&... arguments)
        : server_(server)
        , stream_(std::move(socket), arguments...)
        , timer_(server.io) {
        error_code ignored;
        peer_ = lowest().socket().remote_endpoint(ignored).address().to_string();
    }
    ~Session() override { server_.leave(this); }

    void start() {
        if constexpr (k_tls) {
            lowest().expires_after(server_.settings.header_time);
            stream_.async_handshake(
                asio::ssl::stream_base::server, [self = this->shared_from_this()](error_code why) {
                    if (why) {
                        ++self->server_.refused;
                        return;
                    }
                    self->read_request();
                });
        } else {
            read_request();
        }
    }

    void woken() override {
        if (stream_body_) {
            pump();
        } else if (wait_) {
            ask_again();
        }
    }

    void drain() override {
        if (idle_ && !(parser_ && parser_->got_some())) {
            drop();
        } else if (stream_body_) {
            drop();
        } else if (wait_) {
            ask_again();
        }
    }

private:
    beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

    void drop() {
        unpark();
        error_code ignored;
        lowest().socket().close(ignored);
        timer_.cancel();
        stream_body_.reset();
    }

    // --- reading ---

    void read_request() {
        if (server_.closing) {
            drop();
            return;
        }
        parser_.emplace();
        parser_->header_limit(static_cast<std::uint32_t>(server_.settings.max_header_bytes));
        parser_->body_limit(std::numeric_limits<std::uint64_t>::max());  // until it is admitted
        idle_ = true;
        lowest().expires_after(server_.settings.header_time);
        http::async_read_header(
            stream_,
            buffer_,
            *parser_,
            [self = this->shared_from_this()](error_code why, std::size_t) {
                self->idle_ = false;
                if (why) {
                    self->not_read(why);
                } else {
                    self->on_head();
                }
            });
    }

    /// A client that is too slow finds its connection closed; Beast has closed it by now.
    void not_read(error_code why) {
        if (why == http::error::end_of_stream || why == asio::error::operation_aborted ||
            why == asio::error::eof || why == asio::error::connection_reset) {
            return finish();
        }
        if (why == beast::error::timeout) {
            if (parser_->got_some()) {
                ++server_.refused;
                log::info("http: " + peer_ + " was too slow");
            }
            return drop();
        }
        const bool head = why == http::error::header_limit || why == http::error::buffer_overflow;
        const int status = head ? 431 : why == http::error::body_limit ? 413 : 400;
        refuse(status, why.message());
    }

    void refuse(int status, const std::string& what) {
        ++server_.refused;
        log::info("http: " + peer_ + " refused with " + std::to_string(status) + ": " + what);
        keep_ = false;
        write(server_.service.refuse(status, what));
    }

    void on_head() {
        const auto& head = parser_->get();
        is_head_ = head.method() == http::verb::head;
        keep_ = head.keep_alive();
        const bool has_body = parser_->chunked() || parser_->content_length().value_or(0) > 0;
        if (head.version() != 11 && head.version() != 10) {
            return refuse(505, "only HTTP/1.1 is spoken here");
        }
        if (const auto wrong = read_head(head, request_)) {
            return refuse(400, *wrong);
        }
        request_.peer = peer_;
        std::size_t limit = 0;
        if (auto refusal = server_.service.admit(request_, limit)) {
            keep_ = keep_ && !has_body;
            return write(std::move(*refusal));
        }
        if (!has_body) {
            return run();
        }
        const std::uint64_t promised = parser_->content_length().value_or(limit);
        if (promised > limit) {
            return refuse(413, "the body is larger than " + std::to_string(limit) + " bytes");
        }
        if (server_.body_bytes + promised > server_.settings.max_body_bytes_total) {
            return refuse(503, "too many large requests at a time");
        }
        reserve(static_cast<std::size_t>(promised));
        parser_->body_limit(limit);
        request_.header_text("expect") == "100-continue" ? send_continue() : read_body();
    }

    void reserve(std::size_t bytes) {
        server_.body_bytes += bytes - reserved_;
        reserved_ = bytes;
    }

    void send_continue() {
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        lowest().expires_after(server_.settings.write_time);
        asio::async_write(
            stream_,
            asio::buffer(go_on),
            [self = this->shared_from_this()](error_code why, std::size_t) {
                if (why) {
                    self->reserve(0);
                    return self->drop();
                }
                self->read_body();
            });
    }

    void read_body() {
        lowest().expires_after(server_.settings.body_time);
        http::async_read(
            stream_,
            buffer_,
            *parser_,
            [self = this->shared_from_this()](error_code why, std::size_t) {
                if (why) {
                    self->reserve(0);
                    return self->not_read(why);
                }
                self->request_.body = std::move(self->parser_->get().body());
                self->run();
            });
    }

    // --- answering ---

    /// `work` on the pool, then `then` with its answer on the input thread.
    template <class Work, class Then>
    void on_pool(Work work, Then then) {
        asio::post(
            server_.pool,
            [self = this->shared_from_this(), work = std::move(work), then]() mutable {
                auto answer = work(*self);
                HttpServer::Impl& server = self->server_;
                asio::post(
                    server.io,
                    [self = std::move(self), answer = std::move(answer), then]() mutable {
                        then(*self, std::move(answer));
                    });
            });
    }

    void run() {
        lowest().expires_never();
        on_pool(
            [](Session& self) { return self.server_.service.handle(self.request_); },
            [](Session& self, Response answer) {
                self.reserve(0);
                self.request_.body = std::string();
                self.on_answer(std::move(answer));
            });
    }

    void on_answer(Response answer) {
        if (answer.wait) {
            park(std::move(*answer.wait));
        } else if (answer.stream && !is_head_) {
            start_stream(std::move(answer));
        } else {
            write(std::move(answer));
        }
    }

    void write(Response answer) {
        keep_ = keep_ && !server_.closing;
        auto message = std::make_shared<http::response<http::string_body>>();
        message->version(11);
        message->result(static_cast<unsigned>(answer.status));
        message->set(http::field::content_type, answer.content_type);
        for (const auto& [name, value] : answer.header) {
            message->set(name, value);
        }
        message->keep_alive(keep_);
        const std::size_t size = answer.body.size();
        if (!is_head_) {
            message->body() = std::move(answer.body);
        }
        if (answer.status != 204) {
            message->content_length(size);
        }
        lowest().expires_after(server_.settings.write_time);
        const auto written = [self = this->shared_from_this(), message](
                                 error_code why, std::size_t) {
            if (why) {
                self->drop();
            } else if (self->keep_) {
                self->read_request();
            } else {
                self->finish();
            }
        };
        if (is_head_) {
            auto serializer =
                std::make_shared<http::response_serializer<http::string_body>>(*message);
            http::async_write_header(
                stream_, *serializer, [written, serializer](error_code why, std::size_t n) {
                    written(why, n);
                });
        } else {
            http::async_write(stream_, *message, written);
        }
    }

    /// What the client still sends is read for a moment: a reset would take the answer with it.
    void finish() {
        error_code ignored;
        lowest().expires_after(std::chrono::seconds(2));
        if constexpr (k_tls) {
            stream_.async_shutdown([self = this->shared_from_this()](error_code) { self->drop(); });
        } else {
            lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
            linger(512);
        }
    }

    void linger(int reads) {
        stream_.async_read_some(
            asio::buffer(rest_),
            [self = this->shared_from_this(), reads](error_code why, std::size_t) {
                if (why || reads == 0 || self->server_.closing) {
                    self->drop();
                } else {
                    self->linger(reads - 1);
                }
            });
    }

    // --- waiting ---

    void park(Wait wait) {
        wait_ = std::move(wait);
        until_ = Clock::now() + wait_->limit;
        ++server_.waiting;
        server_.parked[wait_->topic].insert_or_assign(this, this->weak_from_this());
        topic_ = wait_->topic;
        ask_again();  // it may have happened between the question and here
    }

    void unpark() {
        if (const auto found = server_.parked.find(topic_); found != server_.parked.end()) {
            found->second.erase(this);
            if (found->second.empty()) {
                server_.parked.erase(found);
            }
        }
        topic_.clear();
        if (wait_) {
            wait_.reset();
            --server_.waiting;
        }
    }

    void ask_again() {
        if (asking_) {
            woken_meanwhile_ = true;
            return;
        }
        asking_ = true;
        const bool last = server_.closing || Clock::now() >= until_;
        on_pool(
            [again = wait_->again, last](Session&) { return again(last); },
            [](Session& self, std::optional<Response> answer) {
                self.asking_ = false;
                if (answer) {
                    self.timer_.cancel();
                    self.unpark();
                    self.on_answer(std::move(*answer));
                } else if (self.wait_) {
                    self.wait_on();
                }
            });
    }

    void wait_on() {
        if (woken_meanwhile_ || server_.closing) {
            woken_meanwhile_ = false;
            return ask_again();
        }
        timer_.expires_at(std::min(until_, Clock::now() + server_.settings.recheck));
        timer_.async_wait([self = this->shared_from_this()](error_code why) {
            if (!why && self->wait_) {
                self->ask_again();
            }
        });
    }

    // --- streaming ---

    void start_stream(Response answer) {
        if (server_.streams >= static_cast<std::int64_t>(server_.settings.max_streams)) {
            keep_ = false;
            return write(server_.service.refuse(503, "too many event streams"));
        }
        std::string head = "HTTP/1.1 200 OK\r\nContent-Type: " + answer.content_type + "\r\n";
        for (const auto& [name, value] : answer.header) {
            head += name + ": " + value + "\r\n";
        }
        head += "Connection: close\r\n\r\n";
        stream_body_ = std::move(answer.stream);
        counted_ = std::make_shared<Counted>(server_.streams);
        topic_ = stream_body_->topic();
        server_.parked[topic_].insert_or_assign(this, this->weak_from_this());
        send(std::move(head));
    }

    void send(std::string text) {
        asking_ = true;
        out_ = std::move(text);
        last_sent_ = Clock::now();
        lowest().expires_after(server_.settings.write_time);
        asio::async_write(
            stream_,
            asio::buffer(out_),
            [self = this->shared_from_this()](error_code why, std::size_t) {
                self->asking_ = false;
                if (why || !self->stream_body_) {
                    self->drop();
                } else {
                    self->pump();
                }
            });
    }

    void pump() {
        if (asking_) {
            woken_meanwhile_ = true;
            return;
        }
        asking_ = true;
        woken_meanwhile_ = false;
        lowest().expires_never();
        on_pool(
            [body = stream_body_](Session&) { return body->next(); },
            [](Session& self, std::optional<std::string> text) {
                self.asking_ = false;
                self.on_piece(std::move(text));
            });
    }

    void on_piece(std::optional<std::string> text) {
        constexpr std::chrono::seconds quiet{15};
        if (!stream_body_) {
            return;
        }
        if (!text || server_.closing) {
            unpark();
            stream_body_.reset();
            counted_.reset();
            return finish();
        }
        if (text->empty() && Clock::now() - last_sent_ >= quiet) {
            *text = ": still here\n\n";  // a client that went shows now
        }
        if (!text->empty()) {
            return send(std::move(*text));
        }
        if (woken_meanwhile_) {
            return pump();
        }
        timer_.expires_after(server_.settings.stream_tick);
        timer_.async_wait([self = this->shared_from_this()](error_code why) {
            if (!why && self->stream_body_) {
                self->pump();
            }
        });
    }

    struct Counted {
        explicit Counted(std::atomic<std::int64_t>& count)
            : count_(count) {
            ++count_;
        }
        ~Counted() { --count_; }
        Counted(const Counted&) = delete;
        Counted& operator=(const Counted&) = delete;
        std::atomic<std::int64_t>& count_;
    };

    HttpServer::Impl& server_;
    StreamType stream_;
    asio::steady_timer timer_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    Request request_;
    std::string peer_;
    std::size_t reserved_ = 0;
    bool idle_ = false;
    bool keep_ = false;
    bool is_head_ = false;
    std::optional<Wait> wait_;
    std::string topic_;
    Clock::time_point until_;
    bool asking_ = false;  ///< the pool is at it, or bytes are on their way
    bool woken_meanwhile_ = false;
    std::shared_ptr<Stream> stream_body_;
    std::shared_ptr<Counted> counted_;
    std::string out_;
    Clock::time_point last_sent_;
    std::array<char, 4 * 1024> rest_{};
};

}  // namespace kw::server
