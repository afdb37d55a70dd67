// SPDX-License-Identifier: Apache-2.0
#include "server/api/access.hpp"

#include "core/hash.hpp"
#include "tests/unit/server/fixture.hpp"

using namespace kw;
using namespace kw::test;
using namespace kw::server;

namespace {

ApiSettings bound_elsewhere() {
    ApiSettings settings;
    settings.anonymous = false;
    settings.loopback_hosts = false;
    return settings;
}

}  // namespace

TEST_CASE("access: a secret is 256 bits, shown once and kept as its hash", "[server]") {
    ServiceBench bench;
    const NewToken made = must(make_token(bench.tokens, "ci", "submit", false, 1));
    CHECK(made.secret.size() == 4 + 64);
    CHECK(made.secret.starts_with("kwt_"));
    CHECK(made.row.hash == sha256_hex(made.secret));
    CHECK(must(make_token(bench.tokens, "ci2", "submit", false, 1)).secret != made.secret);
    for (const auto& [name, scope] :
         {std::pair("a b", "submit"), std::pair("", "submit"), std::pair("x", "root")}) {
        CHECK_FALSE(make_token(bench.tokens, name, scope, false, 1).ok());
    }
    CHECK_FALSE(make_token(bench.tokens, "x", "submit", true, 1).ok());
    CHECK(same_secret("abc", "abc"));
    CHECK_FALSE(same_secret("abc", "abd"));
    CHECK_FALSE(same_secret("abc", "abcd"));
}

TEST_CASE("access: each scope may what it is for", "[server]") {
    ServiceBench bench(bound_elsewhere());
    const std::string submit = bench.new_token("s", "submit");
    const std::string worker = bench.new_token("w", "worker");
    const std::string admin = bench.new_token("a", "admin");
    const auto status = [&](const std::string& token, const char* method, const char* target) {
        bench.token = token;
        return bench.ask(method, target, std::string(method) == "POST" ? "{}" : "").status;
    };
    CHECK(status("", "GET", "/healthz") == 200);
    CHECK(status("", "GET", "/v1/board") == 401);
    CHECK(status("", "POST", "/v1/evaluations") == 401);
    CHECK(status("", "GET", "/metrics") == 401);
    CHECK(status(submit, "GET", "/v1/board") == 200);
    CHECK(status(submit, "POST", "/v1/evaluations") == 400);
    CHECK(status(submit, "POST", "/v1/leases") == 403);
    CHECK(status(worker, "POST", "/v1/leases") == 400);
    CHECK(status(worker, "POST", "/v1/evaluations") == 403);
    CHECK(status(admin, "POST", "/v1/leases") == 400);
    CHECK(status(admin, "POST", "/v1/evaluations") == 400);
}

TEST_CASE("access: bad tokens are refused and a revoked one at once", "[server]") {
    ServiceBench bench(bound_elsewhere());
    const std::string good = bench.new_token("s", "submit");
    const auto status = [&](const std::string& header) {
        Request request = bench.request("GET", "/v1/board");
        request.header["authorization"] = header;
        return bench.api.answer(request).status;
    };
    CHECK(status("Bearer " + good) == 200);
    CHECK(status("bearer " + good) == 200);
    for (const std::string& bad :
         {std::string("Bearer "),
          std::string("Bearer"),
          good,
          "Basic " + good,
          "Bearer " + good + " ",
          "Bearer " + good.substr(0, good.size() - 1),
          "Bearer " + sha256_hex(good),
          "Bearer " + std::string(10'000, 'x'),
          std::string("Bearer kwt_\0", 12)}) {
        INFO(bad.substr(0, 100));
        CHECK(status(bad) == 401);
    }
    CHECK(must(bench.tokens.revoke("s", 2)));
    CHECK(status("Bearer " + good) == 401);
    const Response refused = bench.ask("GET", "/v1/board");
    CHECK(refused.header.at("WWW-Authenticate") == "Bearer");
    CHECK(bench.json(refused)["error"]["kind"] == "auth");
}

TEST_CASE("access: on loopback nobody needs a token but a bad one is refused", "[server]") {
    ServiceBench bench;
    CHECK(bench.ask("GET", "/v1/board").status == 200);
    bench.token = "kwt_bad";
    CHECK(bench.ask("GET", "/v1/board").status == 401);
}

TEST_CASE("access: one submitter's evaluations are not another's", "[server]") {
    ServiceBench bench(bound_elsewhere());
    const std::string one = bench.new_token("one", "submit");
    const std::string two = bench.new_token("two", "submit");
    bench.token = one;
    const std::string id = bench.submit("good");
    CHECK(bench.ask("GET", "/v1/evaluations/" + id).status == 200);
    bench.token = two;
    CHECK(bench.ask("GET", "/v1/evaluations/" + id).status == 404);
    CHECK(bench.ask("DELETE", "/v1/evaluations/" + id).status == 404);
    bench.token = bench.new_token("root", "admin");
    CHECK(bench.ask("GET", "/v1/evaluations/" + id).status == 200);
}

TEST_CASE("access: too many requests are told when to come again", "[server]") {
    ApiSettings settings;
    settings.requests_per_s = 2;
    settings.request_burst = 3;
    ServiceBench bench(settings);
    for (int i = 0; i < 3; ++i) {
        CHECK(bench.ask("GET", "/healthz").status == 200);
    }
    const Response refused = bench.ask("GET", "/healthz");
    CHECK(refused.status == 429);
    CHECK(refused.header.at("Retry-After") == "1");
    CHECK(bench.json(refused)["error"]["kind"] == "limit");
    bench.clock.now += 500;
    CHECK(bench.ask("GET", "/healthz").status == 200);
    CHECK(bench.ask("GET", "/healthz").status == 429);
}

TEST_CASE("access: a page of another site gets nothing out of a visitor's browser", "[server]") {
    ServiceBench bench;
    const auto status =
        [&](const std::string& method, const std::string& host, const char* origin) {
            Request request = method == "GET" ? bench.request(method, "/v1/board")
                                              : bench.request(method, "/v1/evaluations", "{}");
            request.header["host"] = host;
            if (*origin != 0) {
                request.header["origin"] = origin;
            }
            return bench.api.answer(request).status;
        };
    for (const char* host : {"127.0.0.1:8737", "localhost:1", "LocalHost", "[::1]:8737", "[::1]"}) {
        CHECK(status("GET", host, "") == 200);
    }
    for (const char* host :
         {"evil.example",
          "evil.example:8737",
          "127.0.0.1.evil.example",
          "",
          "localhost.",
          "[::2]"}) {
        INFO(host);
        CHECK(status("GET", host, "") == 421);
    }
    CHECK(status("POST", "127.0.0.1:8737", "http://127.0.0.1:8737") == 400);
    CHECK(status("POST", "127.0.0.1:8737", "https://evil.example") == 403);
    CHECK(status("POST", "127.0.0.1:8737", "null") == 403);
}
