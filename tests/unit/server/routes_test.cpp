// SPDX-License-Identifier: Apache-2.0
#include "server/api/route.hpp"
#include "server/dashboard/assets.hpp"
#include "tests/unit/server/fixture.hpp"

#include <set>

using namespace kw;
using namespace kw::test;
using namespace kw::server;

TEST_CASE("routes: paths are matched by whole segments and decoded once", "[server]") {
    CHECK(match("/v1/kernels/{id}", "/v1/kernels/k12").value().at("id") == "k12");
    CHECK(match("/v1/kernels/{id}", "/v1/kernels/a%20b").value().at("id") == "a b");
    CHECK(match("/v1/kernels/{id}", "/v1/kernels/%252e").value().at("id") == "%2e");
    for (const char* path :
         {"/v1/kernels",
          "/v1/kernels/",
          "/v1/kernels/a/b",
          "/v1//kernels/a",
          "/v1/kernels/..",
          "/v1/kernels/%2e%2e",
          "/v1/kernels/a%2fb",
          "/v1/kernels/a%5cb",
          "/v1/kernels/a%00b",
          "/v1/kernels/%0a",
          "/v1/kernels/%zz",
          "/v1/kernels/%4",
          "/v1/%6bernels/a",
          ""}) {
        INFO(path);
        CHECK_FALSE(match("/v1/kernels/{id}", path));
    }
    CHECK(match("/", "/").has_value());
}

TEST_CASE("routes: no path leads into the file system", "[server]") {
    ServiceBench bench;
    for (const char* path :
         {"/../../etc/passwd",
          "/v1/../../etc/passwd",
          "/%2e%2e/%2e%2e/etc/passwd",
          "/v1/tasks/..%2f..%2fetc",
          "/v1/tasks/%2fetc%2fpasswd",
          "/v1/campaigns/..",
          "/v1/kernels/....//",
          "/static/../k.db",
          "/k.db",
          "//etc/passwd"}) {
        INFO(path);
        const Response response = bench.ask("GET", path);
        CHECK(response.status == 404);
        CHECK_FALSE(contains(response.body, "root:"));
    }
}

TEST_CASE("routes: another method is told which ones there are", "[server]") {
    ServiceBench bench;
    const Response response = bench.ask("PUT", "/v1/evaluations/e-1");
    CHECK(response.status == 405);
    CHECK(response.header.at("Allow") == "GET, DELETE");
    CHECK(bench.ask("HEAD", "/healthz").status == 200);
    CHECK(bench.ask("TRACE", "/healthz").status == 405);
    CHECK(bench.ask("OPTIONS", "/v1/evaluations").status == 405);
}

TEST_CASE("routes: bodies that are not JSON are refused before they are read", "[server]") {
    ServiceBench bench;
    for (const char* type :
         {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"}) {
        Request request = bench.request("POST", "/v1/evaluations", bench.evaluation("x"));
        request.header["content-type"] = type;
        CHECK(bench.api.answer(request).status == 415);
    }
    Request request = bench.request("POST", "/v1/evaluations", bench.evaluation("x"));
    request.header["content-type"] = "Application/JSON; charset=utf-8";
    CHECK(bench.api.answer(request).status == 202);
    request.header["content-encoding"] = "gzip";
    CHECK(bench.api.answer(request).status == 415);
    CHECK(bench.ask("POST", "/v1/evaluations", std::string(3'000'000, ' ')).status == 413);
}

TEST_CASE("routes: every answer forbids what pages do not need", "[server]") {
    ServiceBench bench;
    for (const char* path : {"/healthz", "/v1/board", "/nowhere", "/metrics"}) {
        const Response response = bench.ask("GET", path);
        INFO(path);
        CHECK(contains(response.header.at("Content-Security-Policy"), "default-src 'none'"));
        CHECK(response.header.at("X-Content-Type-Options") == "nosniff");
        CHECK_FALSE(response.header.contains("Access-Control-Allow-Origin"));
    }
}

TEST_CASE("routes: the dashboard's files are served to anybody and nothing else is", "[server]") {
    ApiSettings locked;
    locked.anonymous = false;
    ServiceBench bench(locked);
    for (const Asset& file : assets()) {
        const Response response = bench.ask("GET", std::string(file.path));
        INFO(file.path);
        CHECK(response.status == 200);
        CHECK(response.content_type == file.type);
        CHECK(response.body == file.bytes);
    }
    CHECK(bench.ask("GET", "/").status == 200);
    for (const char* path : {"/..", "/%2e%2e", "/..%2f..%2fetc%2fpasswd", "/app.js/", "/App.js"}) {
        INFO(path);
        CHECK(bench.ask("GET", path).status == 404);
    }
}

TEST_CASE("routes: numbers for Prometheus are in its format", "[server]") {
    ServiceBench bench;
    bench.submit("x");
    bench.submit("y");
    bench.work_once("w/2");
    bench.work_once("w1");
    const Response response = bench.ask("GET", "/metrics");
    CHECK(contains(response.content_type, "text/plain"));
    CHECK(contains(
        response.body,
        "kwright_http_answers_total{route=\"POST /v1/evaluations\",status=\"202\"} 2\n"));
    CHECK(contains(response.body, "kwright_worker_results_total{worker=\"w1\"} 1\n"));
    std::istringstream lines(response.body);
    for (std::string line; std::getline(lines, line);) {
        INFO(line);
        CHECK((line.starts_with("# ") || line.find_last_of(' ') < line.size() - 1));
    }
}

TEST_CASE("routes: a campaign's events go on behind the last one seen", "[server]") {
    ServiceBench bench;
    for (int i = 0; i < 3; ++i) {
        bench.submit("bad " + std::to_string(i));
        bench.work_once();
    }
    Request request = bench.request("GET", "/v1/campaigns/service-scale_add/events");
    const Response all = bench.api.answer(request);
    REQUIRE(all.stream);
    CHECK(all.content_type == "text/event-stream");
    const std::string text = all.stream->next().value();
    CHECK(contains(text, "id: 1\nevent: judged\ndata: {"));
    CHECK(contains(text, "id: 3\n"));
    CHECK(contains(all.stream->next().value(), "event: stopped"));
    CHECK_FALSE(all.stream->next());
    request.header["last-event-id"] = "2";
    const std::string rest = bench.api.answer(request).stream->next().value();
    CHECK_FALSE(contains(rest, "id: 2\n"));
    CHECK(contains(rest, "id: 3\n"));
    request.header["last-event-id"] = "x";
    CHECK(bench.api.answer(request).status == 400);
    CHECK(bench.ask("GET", "/v1/campaigns/none/events").status == 404);
}

TEST_CASE("routes: the OpenAPI document names every route and every schema it uses", "[server]") {
    ServiceBench bench;
    const auto document = bench.json(bench.ask("GET", "/v1/openapi.json"));
    CHECK(document["openapi"] == "3.1.0");
    std::size_t operations = 0;
    for (const auto& [path, methods] : document["paths"].items()) {
        operations += methods.size();
    }
    CHECK(operations == route_table().size());
    const std::string text = document.dump();
    const std::string mark = "#/components/schemas/";
    std::set<std::string> used;
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
        const std::size_t name = at + mark.size();
        used.insert(text.substr(name, text.find('"', name) - name));
    }
    for (const std::string& name : used) {
        INFO(name);
        CHECK(document["components"]["schemas"].contains(name));
    }
    for (const auto& [name, schema] : document["components"]["schemas"].items()) {
        INFO(name);
        CHECK(used.contains(name));
    }
}
