// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/suite.hpp"

#include "agent/campaign/campaign_settings.hpp"
#include "agent/campaign/stored_history.hpp"
#include "core/task_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_server.hpp"
#include "tests/unit/agent/search_fakes.hpp"

#include <nlohmann/json.hpp>

#include <regex>

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::contains;
using kw::test::failed;
using kw::test::must;
using kw::test::World;

namespace {

namespace fs = std::filesystem;

/// The task of fakes.hpp under other names.
void write_tasks(const fs::path& root, const std::vector<std::string>& names) {
    const fs::path twice = test::write_task(root);
    for (const std::string& name : names) {
        const fs::path folder = root / "tasks" / name;
        fs::copy(twice, folder, fs::copy_options::recursive);
        for (const auto& entry : fs::recursive_directory_iterator(folder)) {
            if (entry.is_regular_file()) {
                const std::string text = test::read_text(entry.path());
                test::write_text(entry.path(), std::regex_replace(text, std::regex("twice"), name));
            }
        }
    }
}

/// alpha is as fast as its hash says, beta at the roofline at once, of gamma only the seed works.
Result<Evaluation> by_task(const std::string& source) {
    const int mix = std::stoi(sha256_hex(source).substr(0, 4), nullptr, 16);
    if (contains(source, "void beta")) {
        Evaluation result = accepted(3);
        result.sol = 0.97;
        return result;
    }
    const bool seed = contains(source, "UNROLL 1\n") && contains(source, "BLOCK = 16");
    if (contains(source, "void gamma") && !seed) {
        return failed(Verdict::wrong_result);
    }
    Evaluation result = accepted(1 + mix % 50 / 10.0);
    result.sol = 0.1;
    return result;
}

const Suite k_suite = {"three", "", {"alpha", "beta", "gamma"}};

SuiteSettings tune_settings(int max_evals) {
    SuiteSettings settings;
    adopt(test::shipped_preset("tune"), settings.campaign);
    settings.campaign.proposer = "tune";
    settings.campaign.budget.max_evals = max_evals;
    return settings;
}

int total(World& world) {
    int sum = 0;
    for (const CampaignRow& row : must(world.store.campaigns())) {
        sum += row.evaluations;
    }
    return sum;
}

std::string all_rows(World& world) {
    std::string out;
    for (const std::string& task : k_suite.tasks) {
        const std::string name = "three." + task;
        out += name + "\n" +
               (must(world.store.campaign(name)) ? test::outline(world.store, name) : "");
    }
    return out;
}

}  // namespace

TEST_CASE("suite run: the whole budget is never exceeded however it is cut") {
    for (const int budget : {1, 4, 5, 6, 11, 17, 26}) {
        World world(by_task);
        write_tasks(world.dir.path(), k_suite.tasks);
        auto context = world.context();
        const SuiteSummary summary = must(run_suite(k_suite, tune_settings(budget), context));
        INFO("budget " << budget);
        CHECK(summary.evaluations <= budget);
        CHECK(summary.evaluations == total(world));
        if (budget < 18) {
            CHECK(summary.evaluations == budget);
            CHECK(summary.stop_reason == "budget: evaluations");
        }
        CHECK(must(run_suite(k_suite, tune_settings(budget), context)).evaluations <= budget);
    }
}

TEST_CASE("suite run: what is at the roofline gets no more and the rest is searched to its end") {
    World world(by_task);
    write_tasks(world.dir.path(), k_suite.tasks);
    auto context = world.context();
    const SuiteSummary summary = must(run_suite(k_suite, tune_settings(1000), context));
    CHECK(summary.stop_reason == "every task has stopped");
    REQUIRE(summary.entries.size() == 3);
    CHECK(summary.entries[0].stopped == std::string("search finished"));
    CHECK(summary.entries[0].evaluations == 12);  // 4 x 3 points
    CHECK(summary.entries[0].campaign == "three.alpha");
    CHECK(summary.entries[1].stopped == std::string("at the roofline"));
    CHECK(summary.entries[1].evaluations == 5);  // the start and one slice
    CHECK(summary.entries[2].evaluations == 12);
    CHECK(summary.entries[2].state.successes == 0);
}

TEST_CASE("suite run: a task that only fails gets less than one that gains") {
    World world(by_task);
    write_tasks(world.dir.path(), k_suite.tasks);
    auto context = world.context();
    const SuiteSummary summary = must(run_suite(k_suite, tune_settings(19), context));
    CHECK(summary.entries[0].state.successes > 0);
    CHECK(summary.entries[0].evaluations > summary.entries[2].evaluations);
}

TEST_CASE("suite run: a user's stop is kept and the same call goes on to the same rows") {
    World plain(by_task);
    write_tasks(plain.dir.path(), k_suite.tasks);
    auto plain_context = plain.context();
    must(run_suite(k_suite, tune_settings(20), plain_context));
    const std::string want = all_rows(plain);
    World world(by_task);
    write_tasks(world.dir.path(), k_suite.tasks);
    auto context = world.context();
    int stops = 0;
    world.device.after = [&] {
        world.stop.level = world.device.judged.size() % 3 == 0 ? 1 : 0;
    };
    SuiteSummary summary;
    do {
        world.stop.level = 0;
        summary = must(run_suite(k_suite, tune_settings(20), context));
        REQUIRE(++stops < 20);
    } while (summary.interrupted);
    CHECK(stops > 3);
    CHECK(all_rows(world) == want);
}

TEST_CASE("suite run: crashed at any moment it ends with the rows of one that never was") {
    World plain(by_task);
    write_tasks(plain.dir.path(), k_suite.tasks);
    auto plain_context = plain.context();
    must(run_suite(k_suite, tune_settings(14), plain_context));
    const std::string want = all_rows(plain);
    for (int moment = 0;; moment += 41) {
        test::Bomb bomb;
        bomb.at = moment;
        World world(by_task, &bomb);
        write_tasks(world.dir.path(), k_suite.tasks);
        auto context = world.context();
        bool died = false;
        try {
            (void)run_suite(k_suite, tune_settings(14), context);
        } catch (const test::Crash&) {
            died = true;
        }
        if (!died) {
            CHECK(moment > 200);
            break;
        }
        CHECK(must(run_suite(k_suite, tune_settings(14), context)).evaluations == 14);
        REQUIRE(all_rows(world) == want);
    }
}

TEST_CASE("suite run: money is one budget for all tasks and nothing left is not no limit") {
    const std::string body =
        nlohmann::json({{"choices", {{{"message", {{"content", "no code today"}}}}}},
                        {"usage", {{"prompt_tokens", 0}, {"completion_tokens", 500}}}})
            .dump();
    test::HttpServer server({{200, body, {}, 0, false, false}});
    World world(by_task);
    write_tasks(world.dir.path(), k_suite.tasks);
    world.models.base_url = server.url();
    world.models.usd_per_mtok_in = 0;
    world.models.usd_per_mtok_out = 62.5;
    world.models.max_output_tokens = 500;
    world.models.environment = [](const std::string&) {
        return std::optional<std::string>();
    };
    auto context = world.context();
    SuiteSettings settings;
    adopt(test::shipped_preset("best-of-n"), settings.campaign);
    settings.campaign.proposer = "openai:m";
    settings.campaign.budget = {0, 0.375, 0, 0};  // exactly twelve calls
    const SuiteSummary summary = must(run_suite(k_suite, settings, context));
    CHECK(summary.stop_reason == "budget: usd");
    CHECK(summary.usd == Approx(0.375));
    CHECK(server.requests().size() == 12);
    CHECK(must(run_suite(k_suite, settings, context)).usd == summary.usd);
    CHECK(server.requests().size() == 12);
}

TEST_CASE("suite run: time is one budget for all tasks") {
    World world(by_task);
    write_tasks(world.dir.path(), k_suite.tasks);
    auto context = world.context();
    SuiteSettings settings = tune_settings(0);
    settings.campaign.budget.max_seconds = 100;
    world.device.after = [&] {
        world.clock.advance(std::chrono::seconds(10));
    };
    const SuiteSummary summary = must(run_suite(k_suite, settings, context));
    CHECK(summary.stop_reason == "budget: time");
    CHECK(summary.evaluations <= 11);
    CHECK(must(run_suite(k_suite, settings, context)).evaluations == summary.evaluations);
}

TEST_CASE("suite run: device time is one budget for all tasks") {
    World world([](const std::string& source) {
        Result<Evaluation> result = by_task(source);
        result->wall_s = 4;
        return result;
    });
    write_tasks(world.dir.path(), k_suite.tasks);
    auto context = world.context();
    SuiteSettings settings = tune_settings(0);
    settings.campaign.budget.max_device_seconds = 60;  // two caps of 5 s must be left
    const SuiteSummary summary = must(run_suite(k_suite, settings, context));
    CHECK(summary.stop_reason == "budget: device time");
    double seconds = 0;
    for (const CampaignRow& row : must(world.store.campaigns())) {
        seconds += must(stored_history(world.store, row, 1)).device_s;
    }
    CHECK(seconds > 40);
    CHECK(seconds <= 60);
    CHECK(must(run_suite(k_suite, settings, context)).evaluations == summary.evaluations);
}

TEST_CASE("suite run: by its name it is found again and goes on to the same rows") {
    World plain(by_task);
    write_tasks(plain.dir.path(), k_suite.tasks);
    auto plain_context = plain.context();
    must(run_suite(k_suite, tune_settings(20), plain_context));
    World world(by_task);
    write_tasks(world.dir.path(), k_suite.tasks);
    auto context = world.context();
    world.device.after = [&] {
        world.stop.level = world.device.judged.size() == 7 ? 1 : 0;
    };
    REQUIRE(must(run_suite(k_suite, tune_settings(20), context)).interrupted);
    world.stop.level = 0;
    const auto stored = must(stored_suite("three", world.store));
    REQUIRE(stored);
    CHECK(stored->suite.tasks == k_suite.tasks);
    CHECK(stored->device == "cpu");
    CHECK(stored->settings.campaign.budget.max_evals == 20);
    CHECK(must(run_suite(stored->suite, stored->settings, context)).evaluations == 20);
    CHECK(all_rows(world) == all_rows(plain));
    CHECK_FALSE(must(stored_suite("four", world.store)));
    CHECK_FALSE(must(stored_suite("three.alpha", world.store)));
}

TEST_CASE("suite run: the budget of the last run is what a resume finds") {
    World world(by_task);
    write_tasks(world.dir.path(), k_suite.tasks);
    auto context = world.context();
    must(run_suite(k_suite, tune_settings(4), context));
    must(run_suite(k_suite, tune_settings(9), context));
    const auto stored = must(stored_suite("three", world.store));
    REQUIRE(stored);
    CHECK(stored->settings.campaign.budget.max_evals == 9);
    // A campaign of the run that is resumed alone has its own limits and stays part of it.
    Budget more;
    more.max_evals = 8;
    must(resume_campaign("three.alpha", &more, context));
    CHECK(must(stored_suite("three", world.store))->settings.campaign.budget.max_evals == 9);
}

TEST_CASE("suite run: another search under the same name is refused") {
    World world(by_task);
    write_tasks(world.dir.path(), k_suite.tasks);
    auto context = world.context();
    must(run_suite(k_suite, tune_settings(3), context));
    SuiteSettings other = tune_settings(9);
    other.campaign.proposer = "command:cat";
    adopt(test::shipped_preset("chain"), other.campaign);
    const auto refused = run_suite(k_suite, other, context);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::usage);
    CHECK(contains(refused.error().hint, "--name"));
    other.campaign.name = "again";
    CHECK(must(run_suite(k_suite, other, context)).name == "again");
}

TEST_CASE("suite: an unknown task is an error before anything runs") {
    World world(by_task);
    write_tasks(world.dir.path(), k_suite.tasks);
    auto context = world.context();
    const auto result = run_suite({"x", "", {"alpha", "delta"}}, tune_settings(9), context);
    REQUIRE_FALSE(result.ok());
    CHECK(world.device.judged.empty());
}

TEST_CASE("suite file: the shipped one names tasks that there are") {
    const fs::path benchmarks = fs::path(KW_SOURCE_DIR) / "benchmarks";
    const Suite core = must(find_suite("core", {benchmarks}));
    CHECK(core.name == "core");
    CHECK(core.tasks.size() >= 8);
    for (const std::string& task : core.tasks) {
        CHECK(find_task(task, {benchmarks}).ok());
    }
    const auto unknown = find_suite("cora", {benchmarks});
    REQUIRE_FALSE(unknown.ok());
    CHECK(unknown.error().code == Errc::usage);
    CHECK(contains(unknown.error().hint, "core"));
}

TEST_CASE("suite file: a mistake names its place and hostile names are refused") {
    const auto refused = [](const std::string& rest, const std::string& what) {
        const auto suite = parse_suite("schema = \"kwright.suite/1\"\n" + rest, "s.toml");
        REQUIRE_FALSE(suite.ok());
        CHECK(suite.error().what == "s.toml:" + what);
    };
    refused("name = \"a\"\ntask = [\"x\"]\n", "1:1: a suite needs at least one task");
    refused(
        "name = \"a\"\ntasks = [\"x\"]\nabuot = \"\"\n", "4:1: unknown key 'abuot' in the suite");
    refused("name = \"../a\"\ntasks = [\"x\"]\n", "2:8: name is '../a'");
    refused("name = \"a\"\ntasks = [\"../../x\"]\n", "3:9: '../../x' is no task's name");
    refused("name = \"a\"\ntasks = [\"x\", \"x\"]\n", "3:9: task 'x' twice");
    std::string many = "name = \"a\"\ntasks = [";
    for (int i = 0; i < 300; ++i) {
        many += "\"t" + std::to_string(i) + "\",";
    }
    refused(many + "]\n", "3:9: tasks holds more than 256 entries");
}
