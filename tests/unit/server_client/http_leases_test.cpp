// SPDX-License-Identifier: Apache-2.0
#include "server/client/http_leases.hpp"

#include "server/wire/wire.hpp"
#include "tests/unit/server_client/fakes.hpp"

#include <nlohmann/json.hpp>

#include <deque>

using namespace kw;
using namespace kw::server;
using namespace kw::test;
using nlohmann::json;
using What = db::Finished::What;

namespace {

/// Answers in order, the last one for ever; what was asked stays readable.
struct Script {
    std::vector<Result<ApiAnswer>> answers;
    LeapClock clock;
    FakeLink* link = nullptr;
    std::unique_ptr<HttpLeases> leases;

    explicit Script(std::vector<Result<ApiAnswer>> given)
        : answers(std::move(given)) {
        auto made = std::make_unique<FakeLink>([this, at = std::size_t{0}](const ApiCall&) mutable {
            return answers[std::min(at++, answers.size() - 1)];
        });
        link = made.get();
        leases = std::make_unique<HttpLeases>(std::move(made), clock);
    }
};

json good_lease() {
    Lease lease;
    lease.id = "0123456789abcdef0123456789abcdef";
    lease.job_id = 41;
    lease.task = "scale_add";
    lease.task_hash = "ab";
    lease.device = "cpu";
    lease.candidate = make_candidate("scale_add", "void f() {}");
    return to_json(lease);
}

db::Claim claim() {
    db::Claim claim;
    claim.worker.name = "n1";
    claim.worker.devices = {"cpu"};
    claim.worker.kinds = {"time", "build"};
    claim.worker.evaluator_hash = "e1";
    claim.task_hashes = {"ab"};
    return claim;
}

db::JobOutcome outage() {
    db::JobOutcome outcome;
    outcome.error = "no compiler";
    return outcome;
}

}  // namespace

TEST_CASE("http leases: a claim says who asks and waits at the server", "[server]") {
    Script script({answer(200, good_lease().dump())});
    const auto lease = script.leases->claim(claim(), std::chrono::seconds(25));
    REQUIRE(lease);
    REQUIRE(*lease);
    CHECK((*lease)->job_id == 41);
    CHECK((*lease)->candidate.source == "void f() {}");
    const ApiCall& call = script.link->calls.at(0);
    CHECK(call.method == "POST");
    CHECK(call.path == "/v1/leases?wait=25s");
    CHECK(call.timeout_s > 25);
    const json body = json::parse(call.body);
    CHECK(body["worker"] == "n1");
    CHECK(body["evaluator_hash"] == "e1");
    CHECK(body["task_hashes"] == json::array({"ab"}));
}

TEST_CASE("http leases: nothing to do, a stop and a server that is away", "[server]") {
    Script nothing({answer(204, "")});
    CHECK(!nothing.leases->claim(claim(), std::chrono::seconds(1))->has_value());
    Script stopped({Error{Errc::interrupted, "stopped", ""}});
    const auto none = stopped.leases->claim(claim(), std::chrono::seconds(1));
    REQUIRE(none);
    CHECK(!none->has_value());
    Script away({no_connection()});
    CHECK(!away.leases->claim(claim(), std::chrono::seconds(1)));
    CHECK(away.link->calls.size() == 1);
    Script refused({answer(401)});
    const auto lease = refused.leases->claim(claim(), std::chrono::seconds(1));
    REQUIRE(!lease);
    CHECK(lease.error().hint.find("KWRIGHT_TOKEN") != std::string::npos);
}

TEST_CASE("http leases: interrupt stops the claim that waits", "[server]") {
    Script script({answer(204, "")});
    REQUIRE(script.leases->claim(claim(), std::chrono::seconds(1)));
    CHECK(!script.link->calls[0].stop());
    script.leases->interrupt();
    CHECK(script.link->calls[0].stop());
}

TEST_CASE("http leases: hostile leases are refused and never acted on", "[server]") {
    const auto with = [](const char* name, const json& value) {
        json lease = good_lease();
        lease[name] = value;
        return lease.dump();
    };
    json other_source = good_lease();
    other_source["candidate"]["source"] = "void g() {}";
    for (const std::string& body :
         {std::string(""),
          std::string("{}"),
          std::string("[1]"),
          std::string("\xff"),
          std::string(100'000, '['),
          with("lease", "../../v1/tokens"),
          with("lease", "a b"),
          with("lease", "x\r\nHost: evil"),
          with("lease", ""),
          with("lease", std::string(5000, 'a')),
          with("lease", 7),
          with("lease_ms", 0),
          with("lease_ms", -1),
          with("lease_ms", 1e300),
          with("stage", "rm -rf"),
          with("candidate", json::object()),
          with("options", json{{"cap_s", 1e9}}),
          with("options", json{{"layers", "none"}}),
          other_source.dump()}) {
        Script script({answer(200, body)});
        INFO(body.substr(0, 300));
        CHECK(!script.leases->claim(claim(), std::chrono::seconds(1)));
    }
}

TEST_CASE("http leases: a heartbeat keeps the lease, or says that it is lost", "[server]") {
    Script kept({answer(200, "{}")});
    CHECK(*kept.leases->heartbeat("l1"));
    CHECK(kept.link->calls[0].path == "/v1/leases/l1/heartbeat");
    Script lost({answer(410)});
    CHECK(!*lost.leases->heartbeat("l1"));
    Script away({no_connection()});
    const double begin = away.clock.seconds();
    CHECK(!away.leases->heartbeat("l1"));
    CHECK(away.clock.seconds() - begin <= 11);
}

TEST_CASE("http leases: a result is delivered when the server is back", "[server]") {
    Script script(
        {no_connection(),
         no_connection(),
         answer(503),
         no_connection(),
         answer(200, R"({"what":"stored"})")});
    const auto what = script.leases->finish("l1", outage());
    REQUIRE(what);
    CHECK(*what == What::stored);
    CHECK(script.link->calls.size() == 5);
    for (const ApiCall& call : script.link->calls) {
        CHECK(call.body == script.link->calls[0].body);
        CHECK(call.path == "/v1/leases/l1/result");
    }
}

TEST_CASE("http leases: a result whose lease was given away is dropped", "[server]") {
    Script script({no_connection(), answer(410)});
    CHECK(*script.leases->finish("l1", outage()) == What::lost);
    CHECK(script.link->calls.size() == 2);
}

TEST_CASE("http leases: every word of the server is known and others are refused", "[server]") {
    for (const auto& [word, what] : std::vector<std::pair<std::string, What>>{
             {"stored", What::stored},
             {"passed", What::passed},
             {"requeued", What::requeued},
             {"failed", What::failed},
             {"repeated", What::repeated},
             {"lost", What::lost}}) {
        Script script({answer(200, json{{"what", word}}.dump())});
        CHECK(*script.leases->finish("l1", outage()) == what);
    }
    for (const std::string body : {"", "{}", R"({"what":1})", R"({"what":"won"})", "[]"}) {
        Script script({answer(200, body)});
        CHECK(!script.leases->finish("l1", outage()));
    }
}

TEST_CASE("http leases: giving back is a DELETE, also of what is gone", "[server]") {
    Script given({answer(200)});
    CHECK(given.leases->give_back("l1"));
    CHECK(given.link->calls[0].method == "DELETE");
    CHECK(given.link->calls[0].path == "/v1/leases/l1");
    Script gone({answer(410)});
    CHECK(gone.leases->give_back("l1"));
    Script refused({answer(403)});
    CHECK(!refused.leases->give_back("l1"));
}
