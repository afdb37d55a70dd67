// SPDX-License-Identifier: Apache-2.0
#include "server/client/http_link.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/program.hpp"

#include <atomic>
#include <thread>

using namespace kw;
using namespace kw::server;
using namespace kw::test;

namespace {

std::unique_ptr<ServerLink> client_of(const std::string& url, const std::string& token = "") {
    auto link = open_link({url, token, {}, 5});
    REQUIRE(link);
    return std::move(link).value();
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("http link: method, path, token and body go out, status and body come back", "[server]") {
    HttpServer server({{202, R"({"id":"e-1"})", {"retry-after: 7"}}});
    const auto link = client_of(server.url() + "/", "s3cret-token");
    ApiCall call;
    call.method = "POST";
    call.path = "/v1/evaluations";
    call.body = R"({"task":"x"})";
    call.headers = {{"Idempotency-Key", "k1"}};
    const auto answer = link->call(call);
    REQUIRE(answer);
    CHECK(answer->status == 202);
    CHECK(answer->body == R"({"id":"e-1"})");
    CHECK(answer->retry_after_s == 7.0);
    const std::string request = server.requests().at(0);
    CHECK(request.starts_with("POST /v1/evaluations HTTP/1.1\r\n"));
    CHECK(has(request, "Authorization: Bearer s3cret-token\r\n"));
    CHECK(has(request, "Content-Type: application/json\r\n"));
    CHECK(has(request, "Idempotency-Key: k1\r\n"));
    CHECK(request.ends_with("\r\n\r\n" + call.body));
}

TEST_CASE("http link: one connection serves many calls of all methods", "[server]") {
    HttpServer server({{200, "{}", {}}});
    const auto link = client_of(server.url());
    for (const std::string method : {"GET", "POST", "DELETE", "GET"}) {
        ApiCall call;
        call.method = method;
        call.path = "/v1/x";
        REQUIRE(link->call(call));
    }
    CHECK(server.connections() == 1);
    const auto requests = server.requests();
    CHECK(requests[0].starts_with("GET "));
    CHECK(requests[1].starts_with("POST "));
    CHECK(requests[2].starts_with("DELETE "));
    CHECK(!has(requests[3], "ontent-"));
}

TEST_CASE("http link: a call that waits holds up no other", "[server]") {
    HttpServer server([](const std::string& request) {
        HttpAnswer answer;
        answer.hang = request.starts_with("GET /wait");
        return answer;
    });
    const auto link = client_of(server.url());
    std::atomic<bool> enough{false};
    ApiCall waiting;
    waiting.path = "/wait";
    waiting.stop = [&] {
        return enough.load();
    };
    std::jthread waiter([&] { static_cast<void>(link->call(waiting)); });
    CHECK(link->call({})->status == 200);
    enough = true;
}

TEST_CASE("http link: a redirect is not followed, whoever asks for it", "[server]") {
    HttpServer other({{200, "stolen", {}}});
    HttpServer server({{302, "", {"location: " + other.url() + "/"}}});
    const auto answer = client_of(server.url(), "s3cret-token")->call({});
    REQUIRE(answer);
    CHECK(answer->status == 302);
    CHECK(other.connections() == 0);
}

TEST_CASE(
    "http link: broken transports are errors of the environment without the token", "[server]") {
    HttpAnswer dropped;
    dropped.drop = true;
    HttpAnswer cut{200, "{", {}};
    cut.promised_extra = 100;
    HttpAnswer reset{200, "{", {}};
    reset.reset = true;
    reset.promised_extra = 100;
    for (const HttpAnswer& bad : {dropped, cut, reset}) {
        HttpServer server({bad});
        const auto answer = client_of(server.url(), "s3cret-token")->call({});
        REQUIRE(!answer);
        CHECK(answer.error().code == Errc::environment);
        CHECK(!has(answer.error().what, "s3cret"));
    }
}

TEST_CASE("http link: a body without end is refused at its limit", "[server]") {
    HttpAnswer endless{200, std::string(1 << 20, 'x'), {}};
    endless.endless = true;
    HttpServer server({endless});
    const auto answer = client_of(server.url())->call({});
    REQUIRE(!answer);
    CHECK(has(answer.error().what, "longer than allowed"));
}

TEST_CASE("http link: a stop ends a call that hangs", "[server]") {
    HttpAnswer hang;
    hang.hang = true;
    HttpServer server({hang});
    ApiCall call;
    call.stop = [&] {
        return server.someone_waits();
    };
    const auto answer = client_of(server.url())->call(call);
    REQUIRE(!answer);
    CHECK(answer.error().code == Errc::interrupted);
}

TEST_CASE("http link: addresses with users, queries or other protocols are refused", "[server]") {
    for (const std::string url :
         {"",
          "head:8737",
          "ftp://head",
          "file:///etc/passwd",
          "http://",
          "http://me:pw@head",
          "http://head/?x=1",
          "http://head/#a",
          "http://head/\r\nX: y",
          "http://a b"}) {
        const auto link = open_link({url, "", {}, 1});
        INFO(url);
        REQUIRE(!link);
        CHECK(link.error().code == Errc::usage);
        CHECK(!has(link.error().what, "pw@"));
    }
    CHECK(open_link({"https://head.cluster/kernels/", "", {}, 1}));
}

TEST_CASE("http link: a token in the clear is noticed", "[server]") {
    CHECK(is_in_the_clear({"http://head:8737", "t", {}, 1}));
    CHECK(is_in_the_clear({"http://localhost.evil:8737", "t", {}, 1}));
    CHECK(is_in_the_clear({"http://127.evil.example", "t", {}, 1}));
    CHECK(!is_in_the_clear({"https://head:8737", "t", {}, 1}));
    CHECK(!is_in_the_clear({"http://127.0.0.1:8737", "t", {}, 1}));
    CHECK(!is_in_the_clear({"http://localhost:8737", "t", {}, 1}));
    CHECK(!is_in_the_clear({"http://[::1]:8737", "t", {}, 1}));
    CHECK(!is_in_the_clear({"http://head:8737", "", {}, 1}));
}

TEST_CASE("http link: the token comes from the environment or a file", "[server]") {
    const Folder folder;
    write_file(folder / "token", "  from-file \nsecond line\n");
    const auto none = [](const std::string&) {
        return std::optional<std::string>();
    };
    const auto set = [](const std::string& name) {
        return name == "KWRIGHT_TOKEN" ? std::optional<std::string>("from-env") : std::nullopt;
    };
    CHECK(*read_token(none, "") == "");
    CHECK(*read_token(set, folder / "token") == "from-env");
    CHECK(*read_token(none, folder / "token") == "from-file");
    const auto missing = read_token(none, folder / "absent");
    REQUIRE(!missing);
    CHECK(missing.error().code == Errc::environment);
    write_file(folder / "bad", "to\tken");
    const auto bad = read_token(none, folder / "bad");
    REQUIRE(!bad);
    CHECK(!has(bad.error().what, "ken holds"));
}
