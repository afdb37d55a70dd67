// SPDX-License-Identifier: Apache-2.0
// The HTTP server on loopback, spoken to politely and not.
#include "server/http/server.hpp"
#include "tests/integration/server/raw_client.hpp"
#include "tests/unit/server/fixture.hpp"

#include <thread>

using namespace kw;
using namespace kw::test;
using namespace kw::server;

namespace {

HttpSettings quick() {
    HttpSettings settings;
    settings.port = 0;
    settings.recheck = std::chrono::milliseconds(20);
    settings.stream_tick = std::chrono::milliseconds(5);
    settings.threads = 2;
    return settings;
}

struct Served {
    explicit Served(const HttpSettings& settings = quick())
        : http(must(HttpServer::start(settings, bench.api, bench.wakeups))) {}
    ServiceBench bench;
    std::unique_ptr<HttpServer> http;

    std::string get(const std::string& target) {
        RawClient client(http->port());
        client.send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        return client.answer();
    }
    void alive() { CHECK(status_of(get("/healthz")) == 200); }
};

std::string post(const std::string& target, const std::string& body) {
    return "POST " + target +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("sockets: requests follow each other on one connection", "[server]") {
    Served served;
    RawClient client(served.http->port());
    for (int i = 0; i < 3; ++i) {
        client.send(post("/v1/evaluations", served.bench.evaluation("s" + std::to_string(i))));
        const std::string answer = client.answer();
        CHECK(status_of(answer) == 202);
        CHECK(nlohmann::json::parse(body_of(answer))["id"] == "e-" + std::to_string(i + 1));
    }
    // Sent in one piece, answered one by one.
    const std::string get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    client.send(
        get + get + "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    CHECK(status_of(client.answer()) == 200);
    CHECK(status_of(client.answer()) == 200);
    const std::string head = client.until("\r\n\r\n");
    CHECK(status_of(head) == 200);
    CHECK(body_of(head).empty());
    CHECK(client.closed());
}

TEST_CASE("sockets: a long poll is answered the moment the job is done", "[server]") {
    HttpSettings settings = quick();
    settings.recheck = std::chrono::minutes(5);  // nothing but the wake can answer
    Served served(settings);
    const std::string id = served.bench.submit("bad");
    RawClient client(served.http->port());
    client.send("GET /v1/evaluations/" + id + "?wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n");
    while (served.http->counts().waiting == 0) {
        std::this_thread::yield();
    }
    served.bench.work_once();
    const std::string answer = client.answer();
    CHECK(status_of(answer) == 200);
    CHECK(nlohmann::json::parse(body_of(answer))["state"] == "done");
    client.send("GET /v1/evaluations/" + id + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(status_of(client.answer()) == 200);
    CHECK(served.http->counts().waiting == 0);
}

TEST_CASE("sockets: a wait that ends without a result says how it stands", "[server]") {
    Served served;
    const std::string id = served.bench.submit("bad");
    const auto answer = served.get("/v1/evaluations/" + id + "?wait=50ms");
    CHECK(status_of(answer) == 200);
    CHECK(nlohmann::json::parse(body_of(answer))["position"] == 1);
}

TEST_CASE("sockets: events are streamed and the stream ends with the campaign", "[server]") {
    Served served;
    served.bench.submit("bad");
    served.bench.work_once();
    RawClient client(served.http->port());
    client.send("GET /v1/campaigns/service-scale_add/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string text = client.until("event: stopped");
    CHECK(contains(text, "Content-Type: text/event-stream"));
    CHECK(contains(text, "id: 1\nevent: judged"));
    CHECK(client.closed());
}

TEST_CASE("sockets: what is not HTTP is refused and the service stays", "[server]") {
    Served served;
    const std::string host = "Host: localhost\r\n";
    for (const std::string& bytes :
         {std::string("\0\0\0\0\r\n\r\n", 8),
          std::string("GET\r\n\r\n"),
          std::string("GET / HTTP/9.9\r\n\r\n"),
          std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
          "GET /healthz HTTP/1.1\r\n" + host + "Bad Header: x\r\n\r\n",
          "GET /healthz HTTP/1.1\r\n" + host + "X: a\x01z\r\n\r\n",
          "GET /healthz HTTP/1.1\r\n" + host + host + "\r\n",
          std::string("GET /healthz HTTP/1.1\r\nHost localhost\r\n\r\n"),
          std::string("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
          std::string("GET /%zz?%zz=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
          "POST /v1/evaluations HTTP/1.1\r\n" + host +
              "Content-Type: application/json\r\nContent-Length: -1\r\n\r\n",
          "POST /v1/evaluations HTTP/1.1\r\n" + host +
              "Content-Type: application/json\r\nContent-Length: 5\r\nContent-Length: "
              "6\r\n\r\nabcdef",
          "POST /v1/evaluations HTTP/1.1\r\n" + host +
              "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
          "POST /v1/evaluations HTTP/1.1\r\n" + host +
              "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
              "Content-Length: 4\r\n\r\n0\r\n\r\n",
          std::string(10'000, '\n'),
          std::string(40'000, 'A')}) {
        RawClient client(served.http->port());
        client.send(bytes);
        client.half_close();
        const int status = status_of(client.answer());
        INFO(bytes.substr(0, 120));
        CHECK((status == 0 || (status >= 400 && status < 600)));
        CHECK(client.closed());
    }
    served.alive();
}

TEST_CASE("sockets: a head or a body that is too large is refused", "[server]") {
    Served served;
    {
        RawClient client(served.http->port());
        client.send(
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'x') +
            "\r\n\r\n");
        CHECK(status_of(client.answer()) == 431);
    }
    {
        RawClient client(served.http->port());
        client.send(
            "POST /v1/evaluations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: 99999999999\r\n\r\n");
        CHECK(status_of(client.answer()) == 413);
    }
    {
        RawClient client(served.http->port());
        client.send(
            "POST /v1/evaluations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
        const std::string chunk = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
        for (int i = 0; i < 100 && client.send(chunk); ++i) {
        }
        const int status = status_of(client.answer());
        CHECK((status == 413 || status == 0));
    }
    {
        RawClient client(served.http->port());
        client.send(
            "POST /v1/evaluations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n");
        CHECK(status_of(client.answer()) == 413);
    }
    served.alive();
    CHECK(must(served.bench.queue.counts()).total == 0);
}

TEST_CASE("sockets: a body is read when it is asked for", "[server]") {
    Served served;
    RawClient client(served.http->port());
    const std::string body = served.bench.evaluation("x");
    client.send(
        "POST /v1/evaluations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Expect: 100-continue\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n");
    CHECK(status_of(client.answer()) == 100);
    client.send(body);
    CHECK(status_of(client.answer()) == 202);
}

TEST_CASE("sockets: who sends slowly is left alone", "[server]") {
    HttpSettings settings = quick();
    settings.header_time = std::chrono::milliseconds(200);
    settings.body_time = std::chrono::milliseconds(200);
    Served served(settings);
    RawClient head(served.http->port());
    RawClient body(served.http->port());
    RawClient silent(served.http->port());
    head.send("GET /healthz HTTP/1.1\r\nHost: loc");
    body.send(
        "POST /v1/evaluations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000\r\n\r\n{");
    // A byte now and then does not buy time.
    std::thread drip([&] {
        while (head.send("a") && body.send(" ")) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    });
    CHECK(silent.closed());
    drip.join();
    CHECK(body.closed());
    served.alive();
}

TEST_CASE("sockets: connections over the limit are told to come later", "[server]") {
    HttpSettings settings = quick();
    settings.max_connections = 3;
    settings.header_time = std::chrono::seconds(30);
    Served served(settings);
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<RawClient>(served.http->port()));
        clients.back()->send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        CHECK(status_of(clients.back()->answer()) == 200);
    }
    RawClient more(served.http->port());
    const std::string answer = more.answer();
    CHECK(status_of(answer) == 503);
    CHECK(contains(answer, "Retry-After"));
    clients.clear();
    while (served.http->counts().connections > 0) {
        std::this_thread::yield();
    }
    served.alive();
}

TEST_CASE("sockets: stopping answers those who wait", "[server]") {
    Served served;
    const std::string id = served.bench.submit("bad");
    RawClient waiting(served.http->port());
    RawClient idle(served.http->port());
    waiting.send("GET /v1/evaluations/" + id + "?wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n");
    while (served.http->counts().waiting == 0) {
        std::this_thread::yield();
    }
    served.http->stop();
    CHECK(status_of(waiting.answer()) == 200);
    CHECK(idle.closed());
}

TEST_CASE("sockets: a port that is taken is an environment error with a hint", "[server]") {
    Served served;
    HttpSettings settings = quick();
    settings.port = served.http->port();
    Wakeups wakeups;
    const auto second = HttpServer::start(settings, served.bench.api, wakeups);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().code == Errc::environment);
    CHECK(contains(second.error().hint, "--port"));
    settings.port = 0;
    settings.bind = "192.0.2.1";
    CHECK_FALSE(HttpServer::start(settings, served.bench.api, wakeups).ok());
    settings.bind = "nonsense";
    CHECK_FALSE(HttpServer::start(settings, served.bench.api, wakeups).ok());
    settings.bind = "127.0.0.1";
    settings.tls_certificate = "/nowhere.pem";
    CHECK_FALSE(HttpServer::start(settings, served.bench.api, wakeups).ok());
}
