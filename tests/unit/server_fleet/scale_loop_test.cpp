// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/scale_loop.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/server_fleet/settings.hpp"

#include <map>

using namespace kw;
using namespace kw::server;
using namespace kw::test;

namespace {

class StepClock final : public Clock {
public:
    std::chrono::nanoseconds steady() override { return now_; }
    std::int64_t utc_ms() override { return now_.count() / 1'000'000; }
    void sleep(std::chrono::nanoseconds duration) override { now_ += duration; }
    [[nodiscard]] double seconds() const { return static_cast<double>(now_.count()) * 1e-9; }

private:
    std::chrono::nanoseconds now_{0};
};

/// A cluster that starts at once what is asked for. Workers end when they are told to drain.
struct FakeCluster {
    StepClock clock;
    QueueLoad load;
    bool broken = false;       ///< squeue fails
    bool workers_die = false;  ///< as soon as they have started
    int submitted = 0;
    std::map<std::string, double> workers;  ///< id -> started at
    std::vector<std::string> lines;
    double end_s = 0;

    Result<ProgramEnd> run(const std::vector<std::string>& argv, const std::string& input) {
        if (argv[0] == "sbatch") {
            ++submitted;
            const std::size_t at = input.find("--array=0-") + 10;
            const int last = std::stoi(input.substr(at));
            for (int task = 0; task <= last && !workers_die; ++task) {
                workers[std::to_string(submitted) + "_" + std::to_string(task)] = clock.seconds();
            }
            return ProgramEnd{0, std::to_string(submitted) + "\n", ""};
        }
        if (argv[0] == "scancel") {
            for (const std::string& id : argv) {
                workers.erase(id);
            }
            return ProgramEnd{};
        }
        if (broken) {
            return ProgramEnd{1, "", "squeue: error: cannot reach the controller"};
        }
        std::string out;
        for (const auto& [id, since] : workers) {
            out += id + "|RUNNING|0:" + std::to_string(static_cast<int>(clock.seconds() - since)) +
                   "|n1|None\n";
        }
        return ProgramEnd{0, out, ""};
    }

    Result<void> scale(const ScaleSettings& settings, double for_s) {
        end_s = clock.seconds() + for_s;
        Slurm slurm([this](const auto& argv, const auto& input) { return run(argv, input); });
        ScaleWorld world{
            slurm,
            clock,
            [this]() -> Result<QueueLoad> { return load; },
            [this] { return clock.seconds() >= end_s; },
            [this](const std::string& line) {
                lines.push_back(line);
            }};
        return keep_scaled(plain_fleet(), settings, world);
    }
};

const ScaleSettings k_settings{{0, 3, 2, 60}, 15, false};

}  // namespace

TEST_CASE("scale loop: follows the queue up and down", "[server]") {
    FakeCluster cluster;
    cluster.load = {100, 0};
    REQUIRE(cluster.scale(k_settings, 100));
    CHECK(cluster.workers.size() == 3);
    CHECK(cluster.submitted == 1);
    cluster.load = {0, 0};
    REQUIRE(cluster.scale(k_settings, 50));
    CHECK(cluster.workers.size() == 3);
    REQUIRE(cluster.scale(k_settings, 100));
    CHECK(cluster.workers.empty());
}

TEST_CASE("scale loop: workers that die at once are not started in a storm", "[server]") {
    FakeCluster cluster;
    cluster.load = {100, 0};
    cluster.workers_die = true;
    REQUIRE(cluster.scale(k_settings, 3600));
    CHECK(cluster.submitted <= 10);
    CHECK(cluster.submitted >= 3);
}

TEST_CASE("scale loop: what does not answer is asked again and told once", "[server]") {
    FakeCluster cluster;
    cluster.load = {100, 0};
    cluster.broken = true;
    REQUIRE(cluster.scale(k_settings, 300));
    CHECK(cluster.submitted == 0);
    REQUIRE(cluster.lines.size() == 1);
    CHECK(cluster.lines[0].find("cannot reach the controller") != std::string::npos);
    cluster.broken = false;
    REQUIRE(cluster.scale(k_settings, 30));
    CHECK(cluster.workers.size() == 3);
}

TEST_CASE("scale loop: once is one step and tells what failed", "[server]") {
    FakeCluster cluster;
    cluster.load = {100, 0};
    ScaleSettings once = k_settings;
    once.once = true;
    REQUIRE(cluster.scale(once, 1000));
    CHECK(cluster.submitted == 1);
    CHECK(cluster.clock.seconds() < 1);
    cluster.broken = true;
    CHECK(!cluster.scale(once, 1000));
}

TEST_CASE("scale loop: a minimum above the maximum is a mistake", "[server]") {
    FakeCluster cluster;
    ScaleSettings settings = k_settings;
    settings.rule.min = 4;
    const auto done = cluster.scale(settings, 10);
    REQUIRE(!done);
    CHECK(done.error().code == Errc::usage);
}
