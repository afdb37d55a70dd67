// SPDX-License-Identifier: Apache-2.0
// The OpenAPI document against the implementation: every status that is answered is in it, every
// status in it is answered, and bodies have what their schemas require.
#include "server/api/route.hpp"
#include "tests/unit/server/fixture.hpp"

#include <sqlite3.h>

#include <set>

using namespace kw;
using namespace kw::test;
using namespace kw::server;

namespace {

/// Sends requests and holds each answer against the document.
class Contract {
public:
    Contract()
        : document_(nlohmann::json::parse(openapi_text())) {}

    Response ask(ServiceBench& bench, Request request) {
        PathValues values;
        std::vector<std::string> others;
        const std::string method = request.method;
        const Route* route = find_route(method, request.path, values, others);
        REQUIRE(route != nullptr);
        Response response = bench.api.answer(std::move(request));
        if (response.wait) {
            response = response.wait->again(true).value();
        }
        note(*route, response);
        return response;
    }
    Response ask(
        ServiceBench& bench,
        const std::string& method,
        const std::string& target,
        const std::string& body = "") {
        return ask(bench, bench.request(method, target, body));
    }

    /// "GET /v1/board 200" of what the document has and nobody met.
    [[nodiscard]] std::set<std::string> never_met() const {
        std::set<std::string> left;
        for (const auto& [path, methods] : document_["paths"].items()) {
            for (const auto& [method, operation] : methods.items()) {
                for (const auto& [status, reply] : operation["responses"].items()) {
                    const std::string key = method + " " + path + " " + status;
                    if (!met_.contains(key)) {
                        left.insert(key);
                    }
                }
            }
        }
        return left;
    }

private:
    static std::string lower(std::string text) {
        for (char& c : text) {
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
        return text;
    }

    void note(const Route& route, const Response& response) {
        const std::string method = lower(route.method);
        const std::string status = std::to_string(response.status);
        const std::string key = method + " " + route.pattern + " " + status;
        INFO(key << ": " << response.body.substr(0, 300));
        const auto& replies = document_["paths"][route.pattern][method]["responses"];
        REQUIRE(replies.contains(status));
        met_.insert(key);
        const auto& reply = replies[status];
        if (!reply.contains("content")) {
            CHECK(response.body.empty());
            return;
        }
        const auto type = reply["content"].begin().key();
        CHECK(response.content_type.starts_with(type));
        if (type == "application/json") {
            fits(nlohmann::json::parse(response.body), reply["content"][type]["schema"], "body");
        }
    }

    /// The part of JSON Schema that schemas.json uses.
    void fits(const nlohmann::json& value, nlohmann::json schema, const std::string& path) {
        if (schema.contains("$ref")) {
            const std::string name = schema["$ref"].get<std::string>();
            schema = document_["components"]["schemas"][name.substr(name.rfind('/') + 1)];
        }
        INFO(path << " " << value.dump().substr(0, 100) << " " << schema.dump().substr(0, 200));
        if (schema.contains("const")) {
            CHECK(value == schema["const"]);
        }
        if (schema.contains("enum")) {
            CHECK(std::ranges::count(schema["enum"], value) == 1);
        }
        if (schema.contains("type")) {
            CHECK(is_of(value, schema["type"]));
        }
        for (const auto& name : schema.value("required", nlohmann::json::array())) {
            CHECK(value.contains(name.get<std::string>()));
        }
        const nlohmann::json properties = schema.value("properties", nlohmann::json::object());
        if (value.is_object()) {
            for (const auto& [name, inner] : value.items()) {
                if (properties.contains(name)) {
                    fits(inner, properties[name], path + "." + name);
                } else {
                    CHECK(schema.value("additionalProperties", true));
                }
            }
        }
    }

    static bool is_of(const nlohmann::json& value, const nlohmann::json& types) {
        const auto one = [&](const std::string& type) {
            return (type == "object" && value.is_object()) ||
                   (type == "array" && value.is_array()) ||
                   (type == "string" && value.is_string()) ||
                   (type == "boolean" && value.is_boolean()) ||
                   (type == "integer" && value.is_number_integer()) ||
                   (type == "number" && value.is_number()) || (type == "null" && value.is_null());
        };
        return types.is_array() ? std::ranges::any_of(types, one) : one(types);
    }

    nlohmann::json document_;
    std::set<std::string> met_;
};

/// A target of the route's, for one that is there.
std::string target_of(const Route& route) {
    std::string target = route.pattern;
    const std::size_t open = target.find('{');
    if (open != std::string::npos) {
        target.replace(open, target.find('}') - open + 1, "x");
    }
    return target;
}

void good_and_wrong(Contract& contract, ServiceBench& bench) {
    const std::string one = bench.evaluation("good");
    contract.ask(bench, "POST", "/v1/evaluations", one);
    contract.ask(bench, "POST", "/v1/evaluations", "{");
    Request keyed = bench.request("POST", "/v1/evaluations", one);
    keyed.header["idempotency-key"] = "k";
    contract.ask(bench, keyed);
    keyed.body = bench.evaluation("another");
    contract.ask(bench, keyed);
    contract.ask(
        bench,
        "POST",
        "/v1/evaluations/batch",
        R"({"evaluations":[{"task":"scale_add","source":"x"},{}]})");
    contract.ask(bench, "POST", "/v1/evaluations/batch", "{}");
    contract.ask(bench, "GET", "/v1/evaluations/e-1");
    contract.ask(bench, "GET", "/v1/evaluations/e-1?wait=x");
    contract.ask(bench, "GET", "/v1/evaluations/e-99");
    contract.ask(bench, "DELETE", "/v1/evaluations/e-3");
    contract.ask(bench, "DELETE", "/v1/evaluations/e-3");
    contract.ask(bench, "DELETE", "/v1/evaluations/e-99");
    for (int i = 0; i < 2; ++i) {
        const auto claimed =
            bench.json(contract.ask(bench, "POST", "/v1/leases", bench.claim_text()));
        const Lease lease = must(lease_from_json(claimed));
        const std::string path = "/v1/leases/" + lease.id;
        contract.ask(bench, "POST", path + "/heartbeat");
        contract.ask(bench, "POST", path + "/result", "{}");
        contract.ask(
            bench,
            "POST",
            path + "/result",
            to_json(judge_lease(lease, bench.device, bench.tasks, false)).dump());
    }
    contract.ask(bench, "GET", "/v1/evaluations/e-1");
    contract.ask(bench, "GET", "/v1/evaluations/e-1?wait=30s");
    bench.submit("give back");
    const auto claimed = bench.json(contract.ask(bench, "POST", "/v1/leases", bench.claim_text()));
    const std::string lease = "/v1/leases/" + claimed["lease"].get<std::string>();
    contract.ask(bench, "GET", "/v1/queue");
    contract.ask(bench, "DELETE", lease);
    contract.ask(bench, "DELETE", lease);
    contract.ask(bench, "POST", lease + "/heartbeat");
    contract.ask(bench, "POST", lease + "/result", R"({"kind":"outage","error":"e"})");
    contract.ask(bench, "POST", "/v1/leases", "{}");
    while (bench.work_once()) {
    }
    contract.ask(bench, "POST", "/v1/leases", bench.claim_text());
    contract.ask(bench, "GET", "/v1/board");
    contract.ask(bench, "GET", "/v1/board?limit=0");
    const auto job = bench.json(contract.ask(bench, "GET", "/v1/evaluations/e-1"));
    contract.ask(bench, "GET", "/v1/kernels/" + job["kernel"].get<std::string>());
    contract.ask(bench, "GET", "/v1/kernels/kffffffff");
    contract.ask(bench, "GET", "/v1/tasks/scale_add");
    contract.ask(bench, "GET", "/v1/tasks/none");
    contract.ask(bench, "GET", "/v1/campaigns/service-scale_add");
    contract.ask(bench, "GET", "/v1/campaigns/none");
    contract.ask(bench, "GET", "/v1/campaigns/none/events");
    contract.ask(bench, "POST", "/v1/campaigns", R"({"task":"scale_add"})");
    for (const char* path :
         {"/v1/queue",
          "/v1/workers",
          "/v1/tasks",
          "/v1/campaigns",
          "/healthz",
          "/metrics",
          "/v1/openapi.json",
          "/",
          "/app.js",
          "/nowhere.js"}) {
        contract.ask(bench, "GET", path);
    }
    Request events = bench.request("GET", "/v1/campaigns/service-scale_add/events");
    contract.ask(bench, events);
    events.header["last-event-id"] = "x";
    contract.ask(bench, events);
}

/// What every route does alike.
void refusals(Contract& contract) {
    ApiSettings locked;
    locked.anonymous = false;
    ServiceBench strangers(locked);
    const std::string worker = strangers.new_token("w", "worker");
    const std::string submit = strangers.new_token("s", "submit");
    ApiSettings strict;
    strict.requests_per_s = 0.001;
    strict.request_burst = 1;
    ServiceBench hurried(strict);
    hurried.ask("GET", "/healthz");
    ServiceBench bench;
    for (const Route& route : route_table()) {
        const std::string target = target_of(route);
        Request renamed = bench.request(route.method, target, "{}");
        renamed.header["host"] = "evil.example";
        contract.ask(bench, renamed);
        contract.ask(hurried, route.method, target, "{}");
        if (route.scope != Scope::open) {
            strangers.token.clear();
            contract.ask(strangers, route.method, target, "{}");
        }
        if (route.scope != Scope::open && route.scope != Scope::any) {
            strangers.token = route.scope == Scope::worker ? submit : worker;
            contract.ask(strangers, route.method, target, "{}");
        }
        if (!route.body.empty()) {
            Request form = bench.request(route.method, target, "a=b");
            form.header["content-type"] = "text/plain";
            contract.ask(bench, form);
        }
        contract.ask(bench, route.method, target, std::string(route.body_limit + 1, ' '));
    }
}

/// Our outage: the tables are gone.
void outages(Contract& contract) {
    ServiceBench bench;
    bench.submit("x");
    const std::string claimed =
        bench.json(bench.ask("POST", "/v1/leases", bench.claim_text()))["lease"];
    sqlite3* raw = nullptr;
    REQUIRE(sqlite3_open((bench.folder / "k.db").c_str(), &raw) == SQLITE_OK);
    REQUIRE(
        sqlite3_exec(
            raw,
            "PRAGMA foreign_keys = OFF; DROP TABLE IF EXISTS board_entry; "
            "DROP TABLE IF EXISTS board_group; DROP TABLE job; DROP TABLE worker; DROP TABLE "
            "evaluation; "
            "DROP TABLE campaign; DROP TABLE candidate",
            nullptr,
            nullptr,
            nullptr) == SQLITE_OK);
    sqlite3_close(raw);
    for (const Route& route : route_table()) {
        std::string body = bench.evaluation("x");
        std::string target = target_of(route);
        if (route.pattern == "/v1/evaluations/batch") {
            body = R"({"evaluations":[)" + body + "]}";
        } else if (route.pattern == "/v1/evaluations/{id}") {
            target = "/v1/evaluations/e-1";
        } else if (route.pattern == "/v1/leases") {
            body = bench.claim_text();
        } else if (route.pattern == "/v1/leases/{id}/result") {
            body = R"({"kind":"outage","error":"e"})";
        } else if (route.pattern == "/v1/kernels/{id}") {
            target = "/v1/kernels/k12345678";
        }
        const Response response =
            contract.ask(bench, route.method, target, route.body.empty() ? "" : body);
        const bool needs_no_table = route.pattern == "/v1/openapi.json" || route.pattern == "/" ||
                                    route.pattern == "/{file}" ||
                                    route.pattern.starts_with("/v1/tasks") ||
                                    (route.pattern == "/v1/campaigns" && route.method == "POST");
        INFO(route.method << " " << route.pattern << " " << response.status << response.body);
        CHECK((response.status == 503 || needs_no_table));
    }
}

void full(Contract& contract) {
    db::QueueSettings settings;
    settings.max_queued = 1;
    ServiceBench bench({}, settings);
    bench.submit("x");
    contract.ask(bench, "POST", "/v1/evaluations", bench.evaluation("y"));
}

}  // namespace

TEST_CASE(
    "openapi: what is answered is in the document and what is in it is answered", "[server]") {
    Contract contract;
    ServiceBench bench;
    good_and_wrong(contract, bench);
    refusals(contract);
    outages(contract);
    full(contract);
    std::set<std::string> left = contract.never_met();
    // Answered by tests of their own: campaigns_test.cpp starts one, and these need no table.
    for (const char* elsewhere :
         {"post /v1/campaigns 202",
          "post /v1/campaigns 400",
          "post /v1/campaigns 503",
          "get /v1/tasks 503",
          "get /v1/tasks/{name} 503",
          "get /v1/openapi.json 503",
          "get / 503",
          "get /{file} 503"}) {
        left.erase(elsewhere);
    }
    for (const std::string& one : left) {
        INFO("in the document and never answered: " << one);
        CHECK(false);
    }
    CHECK(left.empty());
}
