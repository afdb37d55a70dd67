// SPDX-License-Identifier: Apache-2.0
#include "server/client/remote_device.hpp"

#include "core/hash.hpp"
#include "server/wire/wire.hpp"
#include "tests/unit/server_client/fakes.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <set>

using namespace kw;
using namespace kw::server;
using namespace kw::test;
using nlohmann::json;

namespace {

const std::string k_source = "void scale_add() {}";

Candidate candidate() {
    return make_candidate("scale_add", k_source);
}

Task task() {
    Task task;
    task.name = "scale_add";
    return task;
}

Evaluation faster() {
    Evaluation result;
    result.verdict = Verdict::accepted;
    result.speedup = {1.5, 1.4, 1.6};
    result.device = "cpu: Test 9000, 64 cores";
    result.device_hash = "cafe";
    result.sandbox_profile = "bwrap";
    result.wall_s = 2;
    return result;
}

json job(const std::string& state) {
    return {
        {"schema", "kwright.job/1"},
        {"id", "e-7"},
        {"state", state},
        {"kernel", candidate().hash},
        {"position", 3},
        {"estimate_s", 12.5}};
}

json done(const Evaluation& result = faster()) {
    json document = job("done");
    document["evaluation"] = to_json(result);
    return document;
}

json failed() {
    json document = job("failed");
    document["error"] = {{"kind", "environment"}, {"message", "no \x1b[31mcompiler"}};
    return document;
}

/// A server that answers POSTs and GETs from two lists, the last one of each for ever.
struct FakeServer {
    std::vector<Result<ApiAnswer>> posts;
    std::vector<Result<ApiAnswer>> gets;
    json workers = {{"workers", json::array()}};
    LeapClock clock;
    FakeLink* link = nullptr;
    bool abandoned = false;

    std::unique_ptr<RemoteDevice> open(const std::string& id = "cpu") {
        auto made = std::make_unique<FakeLink>(
            [this, post = std::size_t{0}, get = std::size_t{0}](const ApiCall& call) mutable {
                if (call.path == "/v1/workers") {
                    return Result<ApiAnswer>(answer(200, workers.dump()));
                }
                if (call.method == "DELETE") {
                    return Result<ApiAnswer>(answer(200));
                }
                return call.method == "POST" ? posts[std::min(post++, posts.size() - 1)]
                                             : gets[std::min(get++, gets.size() - 1)];
            });
        link = made.get();
        auto device = RemoteDevice::open(
            std::move(made),
            {id,
             "http://head",
             900,
             [this] {
                 return abandoned;
             }},
            clock);
        REQUIRE(device);
        return std::move(device).value();
    }

    [[nodiscard]] std::vector<ApiCall> calls(const std::string& method) const {
        std::vector<ApiCall> found;
        for (const ApiCall& call : link->calls) {
            if (call.method == method && call.path != "/v1/workers") {
                found.push_back(call);
            }
        }
        return found;
    }
    [[nodiscard]] std::set<std::string> keys() const {
        std::set<std::string> keys;
        for (const ApiCall& call : calls("POST")) {
            keys.insert(call.headers.at(0).second);
        }
        return keys;
    }
};

Result<Evaluation> judge_on(
    RemoteDevice& device, const JudgeOptions& options = {}, const StageObserver& observer = {}) {
    return device.judge(task(), candidate(), options, observer);
}

JudgeOptions named(const std::string& request) {
    JudgeOptions options;
    options.request = request;
    return options;
}

}  // namespace

TEST_CASE("remote device: asks, waits and takes over what the worker measured", "[server]") {
    FakeServer server;
    server.posts = {answer(202, job("queued").dump())};
    server.gets = {
        answer(200, job("queued").dump()),
        answer(200, job("leased").dump()),
        answer(200, done().dump())};
    const auto device = server.open();
    std::vector<std::string> told;
    const auto result =
        judge_on(*device, {}, [&](const std::string& stage, const std::string& text) {
            told.push_back(stage + ": " + text);
        });
    REQUIRE(result);
    CHECK(result->verdict == Verdict::accepted);
    CHECK(result->device == "cpu: Test 9000, 64 cores");
    CHECK(result->device_hash == "cafe");
    CHECK(told == std::vector<std::string>{"server: place 3, about 13 s", "server: being judged"});
    const json body = json::parse(server.calls("POST").at(0).body);
    CHECK(body["task"] == "scale_add");
    CHECK(body["device"] == "cpu");
    CHECK(body["source"] == k_source);
    CHECK(body["options"]["promote"] == false);
    CHECK(server.calls("GET").at(0).path == "/v1/evaluations/e-7?wait=30s");
}

TEST_CASE("remote device: the same request of the same asker has the same key", "[server]") {
    FakeServer server;
    server.posts = {no_connection(), answer(503), answer(202, done().dump())};
    const auto device = server.open();
    REQUIRE(judge_on(*device, named("a/1/0")));
    CHECK(server.calls("POST").size() == 3);
    CHECK(server.keys().size() == 1);
    // As after a crash: another process, the same campaign.
    FakeServer later;
    later.posts = {answer(202, done().dump())};
    const auto again = later.open();
    REQUIRE(judge_on(*again, named("a/1/0")));
    CHECK(later.keys() == server.keys());
}

TEST_CASE("remote device: other requests have other keys", "[server]") {
    FakeServer server;
    server.posts = {answer(202, done().dump())};
    const auto device = server.open();
    REQUIRE(judge_on(*device, named("a/1/0")));
    REQUIRE(judge_on(*device, named("a/1/1")));
    JudgeOptions independent = named("a/1/0");
    independent.independent = true;
    REQUIRE(judge_on(*device, independent));
    REQUIRE(judge_on(*device));
    REQUIRE(judge_on(*device));
    CHECK(server.keys().size() == 5);
}

TEST_CASE("remote device: an outage of the server is an error and no verdict", "[server]") {
    FakeServer server;
    server.posts = {answer(202, job("queued").dump())};
    server.gets = {answer(200, failed().dump())};
    const auto device = server.open();
    const auto result = judge_on(*device, named("a"));
    REQUIRE(!result);
    CHECK(result.error().code == Errc::environment);
    CHECK(result.error().what.find("compiler") != std::string::npos);
    CHECK(result.error().what.find('\x1b') == std::string::npos);
}

TEST_CASE("remote device: what had failed before it was asked is asked anew", "[server]") {
    FakeServer server;
    server.posts = {
        answer(202, failed().dump()),
        answer(202, job("cancelled").dump()),
        answer(202, done().dump())};
    const auto device = server.open();
    REQUIRE(judge_on(*device, named("a")));
    CHECK(server.keys().size() == 3);
    FakeServer hopeless;
    hopeless.posts = {answer(202, failed().dump())};
    const auto other = hopeless.open();
    CHECK(!judge_on(*other, named("a")));
    CHECK(hopeless.calls("POST").size() == 5);
}

TEST_CASE("remote device: a server that restarts is waited for", "[server]") {
    FakeServer server;
    server.posts = {answer(202, job("queued").dump())};
    server.gets = {no_connection(), no_connection(), no_connection(), answer(200, done().dump())};
    const auto device = server.open();
    REQUIRE(judge_on(*device));
    CHECK(server.calls("POST").size() == 1);
}

TEST_CASE("remote device: refusals of the server are told in its words", "[server]") {
    FakeServer server;
    server.posts = {answer(
        400, R"({"error":{"kind":"usage","message":"there is no task 'scale_add'","hint":"h"}})")};
    const auto device = server.open();
    const auto result = judge_on(*device);
    REQUIRE(!result);
    CHECK(result.error().code == Errc::usage);
    CHECK(result.error().what.find("there is no task") != std::string::npos);
}

TEST_CASE("remote device: abandoning takes the judgement back", "[server]") {
    FakeServer server;
    server.posts = {answer(202, job("queued").dump())};
    server.gets = {Error{Errc::interrupted, "stopped", ""}};
    const auto device = server.open();
    const auto result = judge_on(*device);
    REQUIRE(!result);
    CHECK(result.error().code == Errc::interrupted);
    REQUIRE(server.calls("DELETE").size() == 1);
    CHECK(server.calls("DELETE")[0].path == "/v1/evaluations/e-7");
    CHECK(!server.calls("DELETE")[0].stop);

    struct Abandoned {};
    const auto throwing = [](const std::string&, const std::string&) {
        throw Abandoned{};
    };
    CHECK_THROWS_AS(judge_on(*device, {}, throwing), Abandoned);
    CHECK(server.calls("DELETE").size() == 2);
}

TEST_CASE("remote device: hostile answers are errors and never results", "[server]") {
    Evaluation modelled = faster();
    modelled.timing_kind = "modelled";
    Evaluation weakened = faster();
    weakened.sandbox_profile += " without: floor";
    Evaluation endless = faster();
    endless.speedup.value = std::numeric_limits<double>::infinity();
    Evaluation inverted = faster();
    inverted.speedup = {1.5, 1.6, 1.4};
    Evaluation nameless = faster();
    nameless.device.clear();
    Evaluation timeless = faster();
    timeless.wall_s = -1;
    json other_id = done();
    other_id["id"] = "e-8";
    json bad_id = done();
    bad_id["id"] = "../x";
    json bad_state = done();
    bad_state["state"] = "won";
    json no_result = job("done");
    json bad_verdict = done();
    bad_verdict["evaluation"]["verdict"] = "QQ";
    for (const std::string& body :
         {done(modelled).dump(),
          done(weakened).dump(),
          done(endless).dump(),
          done(inverted).dump(),
          done(nameless).dump(),
          done(timeless).dump(),
          other_id.dump(),
          bad_id.dump(),
          bad_state.dump(),
          no_result.dump(),
          bad_verdict.dump(),
          std::string(""),
          std::string("[]"),
          std::string("\xff\xff"),
          std::string(50'000, '{')}) {
        FakeServer server;
        server.posts = {answer(202, job("queued").dump())};
        server.gets = {answer(200, body)};
        const auto device = server.open();
        const auto result = judge_on(*device);
        INFO(body.substr(0, 400));
        REQUIRE(!result);
        CHECK(result.error().code == Errc::environment);
        CHECK(result.error().what.size() < 2000);
    }
}

TEST_CASE("remote device: an answer about another kernel is refused", "[server]") {
    json other = done();
    other["kernel"] = make_candidate("scale_add", "void other() {}").hash;
    FakeServer server;
    server.posts = {answer(202, other.dump())};
    const auto device = server.open();
    CHECK(!judge_on(*device));
}

TEST_CASE("remote device: description and facts are those of a worker that is there", "[server]") {
    FakeServer server;
    server.workers = json::parse(R"({"workers":[
        {"name":"gone","alive":false,"devices":["cpu"],
         "machines":[{"device":"cpu","description":"cpu: old","arch":"","facts":"old"}]},
        {"name":"n1","alive":true,"devices":["cpu"],
         "machines":[{"device":"cpu","description":"cpu: Test\u001b[31m 9000","arch":"","facts":"L1 48 KiB\nL2 2 MiB"}]},
        {"name":"n2","alive":true,"devices":["cpu","cuda:0"],
         "machines":[{"device":"cuda:0","description":"H200","arch":"sm_90a","facts":""}]}]})");
    const auto device = server.open();
    CHECK(device->id() == "cpu");
    CHECK(device->workers() == 2);
    CHECK(device->description() == "cpu: Test [31m 9000");
    CHECK(device->facts() == "L1 48 KiB\nL2 2 MiB");
    CHECK(device->arch().empty());
    const auto gpu = server.open("cuda:0");
    CHECK(gpu->arch() == "sm_90a");
    CHECK(gpu->workers() == 1);
}

TEST_CASE("remote device: no worker yet is no error", "[server]") {
    FakeServer server;
    const auto device = server.open("emulated:sm_90a");
    CHECK(device->workers() == 0);
    CHECK(device->description() == "emulated:sm_90a of http://head");
    CHECK(device->facts().empty());
    CHECK(device->arch() == "sm_90a");
}

TEST_CASE("remote device: a weakened judge is not asked for", "[server]") {
    FakeServer server;
    const auto device = server.open();
    JudgeOptions options;
    options.hidden_cases = false;
    CHECK(!judge_on(*device, options));
    CHECK(server.calls("POST").empty());
}

TEST_CASE("remote device: a rival is not judged elsewhere", "[server]") {
    FakeServer server;
    const auto device = server.open();
    const Candidate rival = candidate();
    JudgeOptions options;
    options.rival = &rival;
    const auto result = judge_on(*device, options);
    REQUIRE(!result);
    CHECK(result.error().code == Errc::usage);
    CHECK(server.calls("POST").empty());
}
