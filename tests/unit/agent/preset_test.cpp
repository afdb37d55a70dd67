// SPDX-License-Identifier: Apache-2.0
#include "agent/search/preset.hpp"

#include "agent/campaign/campaign_settings.hpp"
#include "core/task_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/search_fakes.hpp"

#include <algorithm>

using namespace kw;
using namespace kw::agent;
using kw::test::contains;
using kw::test::must;
namespace fs = std::filesystem;

namespace {

const std::string k_head = "schema = \"kwright.strategy/1\"\nname = \"mine\"\n";

/// The error of head + `rest`, and what its hint must contain.
void refused(const std::string& rest, const std::string& what, const std::string& hint = "") {
    const auto preset = parse_preset(k_head + rest, "mine.toml");
    INFO(rest);
    REQUIRE_FALSE(preset.ok());
    CHECK(preset.error().code == Errc::config);
    CHECK(preset.error().what == "mine.toml:" + what);
    CHECK(contains(preset.error().hint, hint));
}

}  // namespace

TEST_CASE("preset: the shipped ones are read and carry their file's name") {
    const auto names = preset_names(test::presets_folder());
    CHECK(
        names ==
        std::vector<std::string>{"beam", "best-of-n", "chain", "evolve", "fsr", "maxcode", "tune"});
    for (const std::string& name : names) {
        const StrategyPreset preset = test::shipped_preset(name);
        CHECK(preset.name == name);
        CHECK_FALSE(preset.about.empty());
        CHECK(preset.text == test::read_text(test::presets_folder() / (name + ".toml")));
    }
}

TEST_CASE("preset: maxcode carries its numbers and its critique") {
    const StrategyPreset preset = test::shipped_preset("maxcode");
    CHECK(preset.width == 4);
    CHECK(preset.depth == 8);
    CHECK(preset.gamma == 0.95);
    CHECK(preset.selection.kind == "trajectory");
    CHECK(preset.selection.patience == 3);
    CHECK(preset.critic == "rules");
    CHECK(preset.value == "none");
    CHECK(preset.rerank == 0);
    CHECK(std::ranges::count(preset.sections, "critique") == 1);  // or the critic speaks to nobody
}

TEST_CASE("preset: proposals of best-of-n are independent") {
    for (const std::string& section : test::shipped_preset("best-of-n").sections) {
        INFO(section);
        CHECK((section == "hints" || section == "hint" || section == "parent"));
    }
    CHECK_FALSE(test::shipped_preset("best-of-n").sections.empty());
}

TEST_CASE("preset: every key of every part is read") {
    const StrategyPreset preset = must(parse_preset(
        k_head + R"(about = "mine"
width = 3
depth = 5
gamma = 0.5
[selection]
kind = "weighted"
sharpness = 2.5
inspirations = 4
improve = 1
fresh = 0
crossover = 2
[archive]
kind = "islands"
size = 7
count = 3
migrate_every = 9
migrants = 2
[critic]
kind = "model"
[value]
kind = "features"
rerank = 8
[observation]
sections = ["best", "critique"]
)",
        "mine.toml"));
    CHECK(preset.width == 3);
    CHECK(preset.depth == 5);
    CHECK(preset.gamma == 0.5);
    CHECK(preset.selection.sharpness == 2.5);
    CHECK(preset.selection.inspirations == 4);
    CHECK(preset.selection.improve == 1);
    CHECK(preset.selection.fresh == 0);
    CHECK(preset.selection.crossover == 2);
    CHECK(preset.archive.size == 7);
    CHECK(preset.archive.count == 3);
    CHECK(preset.archive.migrate_every == 9);
    CHECK(preset.archive.migrants == 2);
    CHECK(preset.critic == "model");
    CHECK(preset.value == "features");
    CHECK(preset.rerank == 8);
    CHECK(preset.sections == std::vector<std::string>{"best", "critique"});
}

TEST_CASE("preset: a mistake names its line and column and suggests") {
    const std::string start = "[selection]\nkind = \"start\"\n";
    refused("widht = 4\n" + start, "3:1: unknown key 'widht' in the preset", "'width'");
    refused("width = 0\n" + start, "3:9: width: 0 is outside 1 .. 64");
    refused("width = 65\n" + start, "3:9: width: 65 is outside 1 .. 64");
    refused("width = 1e300\n" + start, "3:9: width must be an integer and is a number");
    refused("gamma = 0\n" + start, "3:9: gamma: 0 is outside 0.01 .. 1");
    refused("gamma = nan\n" + start, "3:9: gamma must be finite");
    refused("gamma = 1.5\n" + start, "3:9: gamma: 1.5 is outside 0.01 .. 1");
    refused(
        "[selection]\nkind = \"wieghted\"\n",
        "4:8: kind must be one of start, single, newest, cascade, spread, weighted, trajectory and "
        "is "
        "'wieghted'",
        "'weighted'");
    refused("width = 2\n", "1:1: the preset lacks the key 'selection'");
    refused("[selection]\n", "3:1: [selection] lacks the key 'kind'");
    refused(start + "patience = 3\n", "5:1: unknown key 'patience' in [selection]");
    refused(
        start + "[archive]\nkind = \"islands\"\nsize = 5\n",
        "5:1: [archive] lacks the key 'count'");
    refused(
        start + "[archive]\nkind = \"elites\"\nsize = -1\n", "7:8: size: -1 is outside 1 .. 10000");
    refused(
        start + "[value]\nkind = \"none\"\nrerank = 8\n",
        "7:10: rerank needs an estimate to rank by");
    refused(
        start + "[value]\nkind = \"features\"\nrerank = 2\n",
        "7:10: rerank is 2 and the width is 4");
    refused(
        start + "[observation]\nsections = [\"bset\"]\n", "6:12: unknown section 'bset'", "'best'");
    refused(
        start + "[observation]\nsections = [\"best\", \"best\"]\n", "6:12: section 'best' twice");
    refused(
        "[selection]\nkind = \"weighted\"\nimprove = 0\nfresh = 0\n",
        "5:11: improve and fresh are both 0");
    refused("selection = 3\n", "3:13: selection must be a table and is an integer");
    refused(
        start + "[critic]\nkind = \"rules\"\n[observation]\nsections = [\"parent\"]\n",
        "5:1: the critic would speak to nobody",
        "\"critique\"");
}

TEST_CASE("preset: files that mean harm are refused") {
    const std::string start = "[selection]\nkind = \"start\"\n";
    const auto broken = [&](const std::string& text) {
        const auto preset = parse_preset(text, "x.toml");
        REQUIRE_FALSE(preset.ok());
        CHECK(preset.error().code == Errc::config);
    };
    broken(k_head + start + std::string(20'000, '#'));
    broken("schema = \"kwright.strategy/2\"\nname = \"a\"\n" + start);
    broken("schema = \"kwright.strategy/1\"\nname = \"../../etc/passwd\"\n" + start);
    broken("schema = \"kwright.strategy/1\"\nname = \"\"\n" + start);
    broken("schema = \"kwright.strategy/1\"\nname = \"a\\u0007\"\n" + start);
    broken(k_head + "about = \"" + std::string(300, 'a') + "\"\n" + start);
    broken(k_head + start + "[observation]\nsections = [" + std::string(4000, ' ') + "1]\n");
    broken(std::string(10'000, '['));
}

TEST_CASE("preset: an unknown name is a usage error that suggests") {
    const auto result = load_preset("maxcod", test::presets_folder());
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::usage);
    CHECK(contains(result.error().hint, "maxcode"));
    const auto nothing = load_preset("zzz", test::presets_folder());
    REQUIRE_FALSE(nothing.ok());
    CHECK(contains(nothing.error().hint, "best-of-n, chain"));
    CHECK_FALSE(load_preset("../strategies/chain", test::presets_folder()).ok());
    CHECK(load_preset("chain", "/nowhere").error().code == Errc::environment);
}

TEST_CASE("preset: a file is found by its path") {
    const test::TempDir dir;
    test::write_text(dir / "mine.toml", k_head + "[selection]\nkind = \"start\"\n");
    CHECK(must(load_preset((dir / "mine.toml").string(), "/nowhere")).name == "mine");
    CHECK_FALSE(load_preset((dir / "other.toml").string(), "/nowhere").ok());
}

TEST_CASE("preset: stored settings keep the whole text and older ones name a shipped preset") {
    StoredSettings stored;
    adopt(test::shipped_preset("beam"), stored.settings);
    stored.settings.proposer = "command:x";
    const StoredSettings back = must(settings_from_json(to_json(stored)));
    CHECK(back.settings.strategy == "beam");
    CHECK(must(preset_of(back.settings, "/nowhere")).archive.distinct_lineages);
    CampaignSettings old = back.settings;
    old.strategy_text.clear();
    const fs::path prompts = fs::path(KW_SOURCE_DIR) / "prompts";
    CHECK(must(preset_of(old, prompts)).archive.distinct_lineages);
    old.proposer = "tune";  // walks its own points
    CHECK(must(preset_of(old, prompts)).name == "tune");
}

TEST_CASE("preset: a campaign goes on when its preset's file has changed or is gone") {
    test::World world([](const std::string&) -> Result<Evaluation> { return test::accepted(1); });
    const Task task = must(load_task(test::write_task(world.dir.path())));
    const fs::path file = world.dir / "mine.toml";
    test::write_text(file, k_head + "width = 2\n[selection]\nkind = \"start\"\n");
    CampaignSettings settings;
    settings.proposer = "command:cat";
    settings.strategy = file.string();
    settings.budget.max_evals = 3;
    auto context = world.context();
    const CampaignSummary summary = must(run_campaign(settings, task, context));
    CHECK(summary.row.strategy == "mine");
    fs::remove(file);
    Budget more;
    more.max_evals = 5;
    CHECK(must(resume_campaign(summary.row.name, &more, context)).evaluations == 5);
}
