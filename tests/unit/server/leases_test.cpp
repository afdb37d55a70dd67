// SPDX-License-Identifier: Apache-2.0
#include "server/work/lane.hpp"
#include "tests/unit/server/fixture.hpp"

#include <thread>

using namespace kw;
using namespace kw::test;
using namespace kw::server;

namespace {

std::string lease_of(ServiceBench& bench, const std::string& worker = "w1") {
    const Response response = bench.ask("POST", "/v1/leases", bench.claim_text(worker));
    REQUIRE(response.status == 200);
    return bench.json(response)["lease"];
}

const char* const k_outage = R"({"kind":"outage","error":"gone"})";

}  // namespace

TEST_CASE("leases: a worker keeps one by its heartbeats", "[server]") {
    ServiceBench bench;
    bench.submit("x");
    const std::string lease = lease_of(bench);
    CHECK(bench.ask("POST", "/v1/leases", bench.claim_text("w2")).status == 204);
    for (int i = 0; i < 5; ++i) {
        bench.clock.now += 50'000;
        CHECK(bench.ask("POST", "/v1/leases/" + lease + "/heartbeat").status == 200);
    }
    bench.clock.now += 60'000;
    const std::string second = lease_of(bench, "w2");
    const Response gone = bench.ask("POST", "/v1/leases/" + lease + "/heartbeat");
    CHECK(gone.status == 410);
    CHECK(bench.ask("POST", "/v1/leases/" + lease + "/result", k_outage).status == 410);
    CHECK(bench.ask("DELETE", "/v1/leases/" + lease).status == 410);
    CHECK(bench.ask("DELETE", "/v1/leases/" + second).status == 200);
    CHECK(bench.work_once("w3"));
}

TEST_CASE("leases: a result that was answered and not heard may be sent again", "[server]") {
    ServiceBench bench;
    bench.submit("bad");
    const Response claimed = bench.ask("POST", "/v1/leases", bench.claim_text());
    const Lease lease = must(lease_from_json(bench.json(claimed)));
    const std::string result = to_json(judge_lease(lease, bench.device, bench.tasks, false)).dump();
    const auto send = [&] {
        return bench.json(bench.ask("POST", "/v1/leases/" + lease.id + "/result", result));
    };
    CHECK(send()["what"] == "stored");
    CHECK(send()["what"] == "repeated");
    CHECK(must(bench.store.evaluations(1)).size() == 1);
}

TEST_CASE("leases: what is not a claim or a result is refused", "[server]") {
    ServiceBench bench;
    bench.submit("x");
    for (const char* wrong :
         {"",
          "[]",
          "{}",
          R"({"worker":"w","devices":[],"kinds":["time"]})",
          R"({"worker":"w","devices":["cpu"],"kinds":["rest"]})",
          R"({"worker":"local/cpu","devices":["cpu"],"kinds":["time"]})",
          R"({"worker":"a b","devices":["cpu"],"kinds":["time"]})",
          R"({"worker":"w","devices":["cpu"],"kinds":["time"],"trusted":true})",
          R"({"worker":"w","devices":"cpu","kinds":["time"]})"}) {
        INFO(wrong);
        CHECK(bench.ask("POST", "/v1/leases", wrong).status == 400);
    }
    const std::string lease = lease_of(bench);
    for (const char* wrong :
         {"{}", R"({"kind":"judged"})", R"({"kind":"judged","evaluation":{"verdict":"AC"}})"}) {
        CHECK(bench.ask("POST", "/v1/leases/" + lease + "/result", wrong).status == 400);
    }
    CHECK(bench.ask("POST", "/v1/leases/none/result", k_outage).status == 410);
    CHECK(bench.ask("POST", "/v1/leases/..%2Fx/heartbeat").status == 404);
}

TEST_CASE("leases: a claim may wait for work", "[server]") {
    ServiceBench bench;
    const Response waiting = bench.ask("POST", "/v1/leases?wait=20s", bench.claim_text());
    REQUIRE(waiting.wait);
    CHECK(waiting.wait->topic == k_topic_queue);
    CHECK_FALSE(waiting.wait->again(false));
    bench.submit("x");
    const auto given = waiting.wait->again(false);
    REQUIRE(given);
    CHECK(given->status == 200);
    CHECK(waiting.wait->again(true)->status == 204);
}

TEST_CASE("leases: a lane of this process judges what comes and stops when told", "[server]") {
    ServiceBench bench;
    LaneSettings settings;
    settings.self.name = "local/cpu";
    settings.self.trusted = true;
    settings.self.devices = {"cpu"};
    settings.self.kinds = {"time", "build"};
    settings.self.evaluator_hash = "abc";
    std::vector<std::string> ids;
    {
        Lane lane(
            bench.dispatch,
            bench.tasks,
            [&](const Lease&) -> Result<Device*> { return &bench.device; },
            settings);
        for (int i = 0; i < 5; ++i) {
            ids.push_back(bench.submit("bad " + std::to_string(i)));
        }
        while (lane.finished() < 5) {
            std::this_thread::yield();
        }
        lane.stop();
        bench.dispatch.interrupt();
        lane.join();
        CHECK(lane.ended());
    }
    for (const std::string& id : ids) {
        CHECK(bench.json(bench.ask("GET", "/v1/evaluations/" + id))["state"] == "done");
    }
    CHECK(contains(must(bench.store.evaluations(1))[0].note, "local/cpu, evaluator abc"));
    CHECK(must(bench.queue.workers())[0].done == 5);
}

TEST_CASE("leases: an abandoned lane gives back what it has in hand", "[server]") {
    struct Stuck final : Device {
        [[nodiscard]] std::string id() const override { return "cpu"; }
        [[nodiscard]] std::string description() const override { return "cpu: stuck"; }
        Result<Evaluation> judge(
            const Task&, const Candidate&, const JudgeOptions&, const StageObserver&) override {
            begun = true;
            begun.notify_all();
            free.wait(false);
            return Error{Errc::environment, "late", ""};
        }
        std::atomic<bool> begun{false};
        std::atomic<bool> free{false};
    };
    ServiceBench bench;
    Stuck device;
    LaneSettings settings;
    settings.self.name = "local/cpu";
    settings.self.devices = {"cpu"};
    settings.self.kinds = {"time", "build"};
    const std::string id = bench.submit("x");
    Lane lane(
        bench.dispatch,
        bench.tasks,
        [&](const Lease&) -> Result<Device*> { return &device; },
        settings);
    device.begun.wait(false);
    lane.abandon();
    const auto job = bench.json(bench.ask("GET", "/v1/evaluations/" + id));
    CHECK(job["state"] == "queued");
    CHECK(job["attempts"] == 0);
    device.free = true;
    device.free.notify_all();
    lane.join();
    CHECK(bench.json(bench.ask("GET", "/v1/evaluations/" + id))["state"] == "queued");
}

TEST_CASE("leases: a builder only builds and its lane times what it let pass", "[server]") {
    ServiceBench bench;
    const std::string id = bench.submit("fine");
    const auto claim = [&](const char* kind) {
        return bench.ask(
            "POST",
            "/v1/leases",
            nlohmann::json({{"worker", "b"}, {"devices", {"cpu"}}, {"kinds", {kind}}}).dump());
    };
    CHECK(claim("time").status == 204);
    const Lease lease = must(lease_from_json(bench.json(claim("build"))));
    const db::JobOutcome outcome = judge_lease(lease, bench.device, bench.tasks, true);
    CHECK(outcome.kind == db::JobOutcome::Kind::passed);
    const auto result =
        bench.ask("POST", "/v1/leases/" + lease.id + "/result", to_json(outcome).dump());
    CHECK(bench.json(result)["what"] == "passed");
    CHECK(claim("time").status == 200);
}
