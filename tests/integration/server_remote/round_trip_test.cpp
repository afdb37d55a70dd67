// SPDX-License-Identifier: Apache-2.0
#include "server/client/http_leases.hpp"
#include "server/client/http_link.hpp"
#include "server/client/remote_device.hpp"
#include "server/http/server.hpp"
#include "tests/unit/server/fixture.hpp"

#include <condition_variable>
#include <future>
#include <mutex>

using namespace kw;
using namespace kw::test;
using namespace kw::server;

namespace {

/// Holds each judgement until it is let go.
class HeldDevice final : public Device {
public:
    [[nodiscard]] std::string id() const override { return "cpu"; }
    [[nodiscard]] std::string description() const override { return "cpu: made up"; }
    Result<Evaluation> judge(
        const Task& task,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer) override {
        {
            std::unique_lock lock(mutex_);
            ++begun_;
            changed_.notify_all();
            changed_.wait(lock, [this] { return open_; });
        }
        return inner_.judge(task, candidate, options, observer);
    }
    void await_begun(int count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return begun_ >= count; });
    }
    void open() {
        const std::lock_guard guard(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    int judged() { return inner_.judged; }

private:
    TextDevice inner_;
    std::mutex mutex_;
    std::condition_variable changed_;
    int begun_ = 0;
    bool open_ = false;
};

/// A server that can be away for a while, and be back on its port.
struct Site {
    ServiceBench bench;
    HttpSettings settings;
    std::unique_ptr<HttpServer> http;

    Site() {
        settings.port = 0;
        settings.recheck = std::chrono::milliseconds(20);
        settings.threads = 2;
        settings.drain_time = std::chrono::milliseconds(200);
        start();
        settings.port = http->port();
    }
    void start() { http = must(HttpServer::start(settings, bench.api, bench.wakeups)); }

    [[nodiscard]] std::unique_ptr<ServerLink> link() const {
        return must(open_link({"http://127.0.0.1:" + std::to_string(settings.port), "", {}, 5}));
    }
    std::unique_ptr<RemoteDevice> remote() const {
        return must(RemoteDevice::open(link(), {"cpu", "http://here", 60, {}}, system_clock()));
    }
};

/// A worker with one lane.
struct Worker {
    Worker(const Site& site, Device& device, const std::string& name)
        : tasks({fs::path(KW_SOURCE_DIR) / "tests/support/tasks"}, system_clock())
        , leases(site.link(), system_clock()) {
        LaneSettings settings;
        settings.self.name = name;
        settings.self.devices = {"cpu"};
        settings.self.machines = {{"cpu", device.description(), "", "L1 48 KiB"}};
        settings.self.kinds = {"time", "build"};
        settings.self.evaluator_hash = "e1";
        settings.poll = std::chrono::seconds(5);
        lane = std::make_unique<Lane>(
            leases,
            tasks,
            [&device](const Lease&) -> Result<Device*> { return &device; },
            settings);
    }
    ~Worker() {
        lane->stop();
        leases.interrupt();
        lane->join();
    }
    TaskShelf tasks;
    HttpLeases leases;
    std::unique_ptr<Lane> lane;
};

Task scale_add() {
    return must(load_task(fs::path(KW_SOURCE_DIR) / "tests/support/tasks/scale_add"));
}

Result<Evaluation> judge_source(Device& device, const std::string& source) {
    const Task task = scale_add();
    JudgeOptions options;
    options.request = "round/" + source;
    return judge(device, task, make_candidate("scale_add", source), options);
}

int rows_of(ServiceBench& bench) {
    int rows = 0;
    for (const CampaignRow& campaign : must(bench.store.campaigns())) {
        rows += static_cast<int>(must(bench.store.evaluations(campaign.id)).size());
    }
    return rows;
}

}  // namespace

TEST_CASE("round trip: verdicts of a worker reach the campaign as they were judged", "[server]") {
    Site site;
    TextDevice device;
    const Worker worker(site, device, "w1");
    const auto remote = site.remote();
    const auto good = judge_source(*remote, "good");
    REQUIRE(good);
    CHECK(good->verdict == Verdict::accepted);
    CHECK(good->speedup == Ratio{1.5, 1.4, 1.6});
    CHECK(good->device == "cpu: made up");
    const auto bad = judge_source(*remote, "bad");
    REQUIRE(bad);
    CHECK(bad->verdict == Verdict::wrong_result);
    // The worker has been seen by now.
    CHECK(site.remote()->facts() == "L1 48 KiB");
    CHECK(site.remote()->workers() == 1);
}

TEST_CASE("round trip: what was asked once is judged once, also by another process", "[server]") {
    Site site;
    TextDevice device;
    const Worker worker(site, device, "w1");
    REQUIRE(judge_source(*site.remote(), "good"));
    REQUIRE(judge_source(*site.remote(), "good"));
    CHECK(device.judged == 1);
    CHECK(rows_of(site.bench) == 1);
}

TEST_CASE("round trip: an outage of every worker is an error of ours", "[server]") {
    Site site;
    TextDevice device;
    const Worker worker(site, device, "w1");
    const auto result = judge_source(*site.remote(), "outage");
    REQUIRE(!result);
    CHECK(result.error().code == Errc::environment);
    CHECK(contains(result.error().what, "the compiler is gone"));
    CHECK(device.judged == 3);
    CHECK(rows_of(site.bench) == 0);
}

TEST_CASE("round trip: a server that restarts loses no judgement", "[server]") {
    Site site;
    HeldDevice device;
    const Worker worker(site, device, "w1");
    const auto remote = site.remote();
    auto result = std::async(std::launch::async, [&] { return judge_source(*remote, "good"); });
    device.await_begun(1);
    site.http.reset();
    device.open();  // judged while nobody listens
    site.start();
    REQUIRE(result.get());
    CHECK(device.judged() == 1);
    CHECK(rows_of(site.bench) == 1);
}

TEST_CASE("round trip: a lease that ran out is judged by another and counted once", "[server]") {
    Site site;
    HeldDevice slow;
    TextDevice quick;
    const auto remote = site.remote();
    auto first = std::make_unique<Worker>(site, slow, "slow");
    auto result = std::async(std::launch::async, [&] { return judge_source(*remote, "good"); });
    slow.await_begun(1);
    site.bench.clock.now += 61'000;
    {
        const Worker second(site, quick, "quick");
        REQUIRE(result.get());
    }
    slow.open();
    first.reset();  // sends its result, is told that it is lost, and drops it
    CHECK(quick.judged == 1);
    CHECK(slow.judged() == 1);
    CHECK(rows_of(site.bench) == 1);
}

TEST_CASE("round trip: a task that differs is refused before it is judged", "[server]") {
    Site site;
    const auto remote = site.remote();
    Task other = scale_add();
    other.hash = std::string(64, 'a');
    other.cpu_hash = other.hash;
    const auto result = remote->judge(other, make_candidate("scale_add", "good"), {}, {});
    REQUIRE(!result);
    CHECK(result.error().code == Errc::usage);
    CHECK(contains(result.error().what, "differs"));
}
