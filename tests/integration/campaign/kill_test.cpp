// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <random>
#include <set>

using namespace kw::test;

namespace {

constexpr int k_kills = 20;
constexpr int k_evaluations = 10;

/// (step, slot) of every evaluation that the killed processes said was stored.
std::set<std::pair<int, int>> announced(const std::filesystem::path& events) {
    std::set<std::pair<int, int>> seen;
    std::ifstream stream(events);
    for (std::string line; std::getline(stream, line);) {
        const auto event = nlohmann::json::parse(line, nullptr, false);
        if (event.is_object() && event.value("type", "") == "judged") {
            seen.emplace(event.value("step", -1), event.value("slot", -1));
        }
    }
    return seen;
}

}  // namespace

TEST_CASE(
    "campaign: killed at 20 random instants it loses nothing and does nothing twice",
    "[campaign]") {
    const Folder folder;
    const Program kwright(folder.path());
    const std::string task = std::string(KW_SOURCE_DIR) + "/tests/support/tasks/scale_add/";
    std::vector<std::string> start{
        "run",
        task,
        "--proposer",
        "tune",
        "--name",
        "k",
        "--max-evals",
        std::to_string(k_evaluations),
        "--judge-cap",
        "0.1",
        "--events",
        "events.jsonl"};
    const std::vector<std::string> again{"resume", "k", "--events", "events.jsonl"};
    // Calibration and the precompiled header take seconds once; later they come from the cache.
    REQUIRE(kwright({"verify", task + "seed.cpp", "--task", task, "--no-timing"}).code == 0);

    std::mt19937 random(20261122);
    int most_ms = 700;  // longer on a machine where a campaign takes longer to begin
    int kills = 0;
    bool created = false;
    while (kills < k_kills) {
        std::uniform_int_distribution<int> instant(30, most_ms);
        const Outcome ended =
            kwright.run_for(created ? again : start, std::chrono::milliseconds(instant(random)));
        kills += ended.killed ? 1 : 0;
        if (!created) {
            created = kwright({"show", "k", "--json"}).code == 0;
            most_ms *= created ? 1 : 2;
        }
        if (!ended.killed) {
            INFO(ended.err);
            REQUIRE(ended.code == 0);
            break;  // the machine was fast enough to finish
        }
    }
    CHECK(kills >= 5);
    const Outcome last = kwright(again);
    INFO(last.err);
    REQUIRE(last.code == 0);

    const Outcome shown = kwright({"show", "k", "--json"});
    REQUIRE(shown.code == 0);
    const auto document = nlohmann::json::parse(shown.out);
    std::map<std::pair<int, int>, int> times;
    std::set<std::string> kernels;
    for (const auto& row : document.at("evaluations")) {
        ++times[{row.at("step").get<int>(), row.at("slot").get<int>()}];
        kernels.insert(row.at("kernel").get<std::string>());
    }
    CHECK(document.at("evaluations").size() == k_evaluations);
    CHECK(times.size() == k_evaluations);
    CHECK(kernels.size() == k_evaluations);  // the tuner never repeats a point
    for (const auto& key : announced(folder.path() / "events.jsonl")) {
        CHECK(times.contains(key));
    }
}
