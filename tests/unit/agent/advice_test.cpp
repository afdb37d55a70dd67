// SPDX-License-Identifier: Apache-2.0
// What a preset names besides the search, in the campaign loop: sections, critics, estimates. One
// scripted model proposes, criticises and estimates.
#include "agent/campaign/campaign_critiques.hpp"
#include "agent/campaign/campaign_loop.hpp"
#include "agent/campaign/past_attempts.hpp"
#include "core/task_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/search_fakes.hpp"

#include <algorithm>
#include <cmath>

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::Bomb;
using kw::test::contains;
using kw::test::Crash;
using kw::test::kernel;
using kw::test::must;
using kw::test::reply_with;
using kw::test::World;

namespace {

namespace fs = std::filesystem;

constexpr double k_worst_usd = 0.5;
constexpr double k_usd = 0.25;

std::string tag_of(const ProposeRequest& request) {
    return "k" + std::to_string(request.step) + "_" + std::to_string(request.slot);
}

std::string critique_of(const ProposeRequest& request, double gain) {
    return R"({"diagnosis": "waits at )" + tag_of(request) + R"(", "bottleneck": "cause )" +
           tag_of(request) + R"(", "change": "unroll )" + tag_of(request) +
           R"(", "expected_gain": )" + std::to_string(gain) + "}";
}

/// Whether the request is a proposal, or whose call it is.
std::string role_of(const ProposeRequest& request) {
    const std::size_t dash = request.campaign.rfind('-');
    return dash == std::string::npos ? "proposal" : request.campaign.substr(dash + 1);
}

class Model final : public Proposer {
public:
    Model(db::Store& store, std::int64_t campaign_id, Bomb& bomb)
        : store_(store)
        , campaign_id_(campaign_id)
        , bomb_(bomb) {}
    [[nodiscard]] std::string label() const override { return "scripted"; }
    [[nodiscard]] double worst_case_usd(const ProposeRequest&) const override {
        return k_worst_usd;
    }
    Result<Reply> propose(const ProposeRequest& request, const std::atomic<int>&) override {
        const std::string role = role_of(request);
        if (role == "proposal") {
            REQUIRE_FALSE(must(store_.reply_at(campaign_id_, request.step, request.slot)));
        }
        asked.push_back(request);
        bomb_.tick();
        Reply reply;
        reply.model = "scripted";
        reply.usd = k_usd;
        reply.tokens_in = 10;
        if (role == "critic") {
            if (critic_fails) {
                return Error{Errc::model, "the critic is tired", ""};
            }
            reply.text = critique_of(request, expected_gain(request.step));
        } else if (role == "value" || contains(request.campaign, "-verify-")) {
            reply.text = estimate(request.slot);
        } else {
            reply.text = reply_with(kernel(tag_of(request)), "idea " + tag_of(request));
        }
        return reply;
    }
    [[nodiscard]] int count(const std::string& role) const {
        return static_cast<int>(std::ranges::count(asked, role, role_of));
    }
    [[nodiscard]] const ProposeRequest& proposal(int step, int slot) const {
        const auto found = std::ranges::find_if(asked, [&](const ProposeRequest& one) {
            return role_of(one) == "proposal" && one.step == step && one.slot == slot;
        });
        REQUIRE(found != asked.end());
        return *found;
    }

    std::vector<ProposeRequest> asked;
    bool critic_fails = false;
    std::function<double(int step)> expected_gain = [](int) {
        return 1.5;
    };
    std::function<std::string(int slot)> estimate = [](int) {
        return "no idea";
    };

private:
    db::Store& store_;
    std::int64_t campaign_id_;
    Bomb& bomb_;
};

/// Speed-up of the kernel of a step: what the step made of it, later steps a little faster.
Result<Evaluation> judge_by_step(const std::string& source) {
    const std::size_t at = source.find("// k");
    const double step = at == std::string::npos ? 0 : std::atof(source.c_str() + at + 4);
    return accepted(std::exp(0.005 * step * step), 0.0001);
}

struct Advised {
    explicit Advised(const std::string& preset_text, int crash_at = -1)
        : world(judge_by_step, &bomb)
        , task(must(load_task(test::write_task(world.dir.path()))))
        , preset(must(parse_preset(
              "schema = \"kwright.strategy/1\"\nname = \"mine\"\n" + preset_text, "mine.toml")))
        , prompts(must(load_prompts(fs::path(KW_SOURCE_DIR) / "prompts", "cpu")))
        , patterns(must(load_patterns({fs::path(KW_SOURCE_DIR) / "prompts/patterns"}))) {
        stored.settings.budget = {9, 0, 0, 0};
        stored.task_folder = task.folder;
        CampaignRow row;
        row.name = "camp";
        row.task = task.name;
        row.target = "cpu";
        row.task_hash = hash_for(task, row.target);
        row.settings_json = to_json(stored);
        row.state = "running";
        id = must(world.store.create_campaign(row)).id;
        model = std::make_unique<Model>(world.store, id, bomb);
        bomb.at = crash_at;
    }

    void limit(const Budget& budget) {
        stored.settings.budget = budget;
        CampaignRow row = *must(world.store.campaign("camp"));
        row.settings_json = to_json(stored);
        must(world.store.update_campaign(row));
    }

    Result<CampaignSummary> run() { return run(*model); }
    Result<CampaignSummary> run(Proposer& proposer) {
        auto context = world.context();
        const CampaignRow row = *must(world.store.campaign("camp"));
        const auto strategy = make_strategy(preset, {preset.width, preset.depth, 1});
        const AdviceParts advice{
            sections_of(preset), preset.critic, preset.value, &patterns, nullptr};
        CampaignLoop loop(
            must(settings_from_json(row.settings_json)),
            task,
            context,
            {proposer, *strategy, prompts, {test::read_text(task.seed), "seed"}, advice},
            row);
        return loop.run();
    }

    /// Rows of replies and evaluations; what calls cost that a crash cut off is left out.
    std::string outline() {
        const std::string text = test::outline(world.store, "camp");
        std::ostringstream out;
        out << text.substr(text.find('\n'));
        for (const CritiqueRow& row : must(world.store.critiques(id))) {
            out << "critique " << row.step << " " << row.slot << " " << row.kind << " "
                << row.usable << " " << row.diagnosis << " " << row.expected_gain << "\n";
        }
        for (const EstimateRow& row : must(world.store.estimates(id))) {
            out << "estimate " << row.step << " " << row.slot << " " << row.kept << " "
                << row.speedup << " " << row.chance << "\n";
        }
        return out.str();
    }
    double charged(const std::string& purpose = "") {
        double usd = 0;
        for (const ModelCallRow& call : must(world.store.model_calls(id))) {
            REQUIRE(call.state != "reserved");
            usd += purpose.empty() || call.purpose == purpose ? charged_usd(call) : 0;
        }
        return usd;
    }

    Bomb bomb;
    World world;
    Task task;
    StrategyPreset preset;
    PromptBook prompts;
    PatternBook patterns;
    StoredSettings stored;
    std::int64_t id = 0;
    std::unique_ptr<Model> model;
};

const char* k_independent =
    "width = 2\n[selection]\nkind = \"start\"\n"
    "[observation]\nsections = [\"hints\", \"hint\", \"parent\"]\n";
const char* k_chain = "width = 1\n[selection]\nkind = \"newest\"\n";
const std::string k_criticised =
    "width = 2\n[selection]\nkind = \"trajectory\"\n[critic]\nkind = \"model\"\n";
const std::string k_reranked =
    "width = 2\n[selection]\nkind = \"trajectory\"\n[value]\nkind = \"model\"\nrerank = 5\n";

std::string chances(double fails) {
    return R"({"fails": )" + std::to_string(fails) + R"(, "to_5": )" + std::to_string(1 - fails) +
           "}";
}

/// Crashes at every `stride`-th moment of those that differ, goes on, and compares with a campaign
/// that never crashed.
void check_crashes(
    const std::string& preset,
    const std::function<void(Advised&)>& prepare,
    std::size_t stride,
    double most_usd = 0) {
    Advised plain(preset);
    prepare(plain);
    must(plain.run());
    const std::string want = plain.outline();
    const std::vector<int>& moments = plain.bomb.moments;
    REQUIRE(plain.bomb.ticks > 50);
    REQUIRE(moments.size() > 25);
    for (std::size_t i = 0; i < moments.size(); i += stride) {
        const int moment = moments[i];
        Advised crashed(preset, moment);
        prepare(crashed);
        INFO("crashed at moment " << moment);
        REQUIRE_THROWS_AS(crashed.run(), Crash);
        const CampaignSummary summary = must(crashed.run());
        REQUIRE(crashed.charged() == Approx(summary.row.spent_usd));
        if (most_usd > 0) {
            REQUIRE(crashed.charged() <= most_usd + 1e-9);
        } else {
            REQUIRE(crashed.outline() == want);
        }
    }
}

}  // namespace

TEST_CASE("advice: independent proposals hear nothing of each other") {
    Advised independent(k_independent);
    must(independent.run());
    Advised chain(k_chain);
    must(chain.run());
    const ProposeRequest& second = independent.model->proposal(3, 0);
    CHECK(contains(second.prompt, "## Start from this source (step 0"));
    CHECK(contains(second.prompt, "Load wide."));
    for (const char* other : {"idea k1_0", "k1_1", "k2_0", "What was tried", "Best so far"}) {
        INFO(other);
        CHECK_FALSE(contains(second.prompt, other));
    }
    const ProposeRequest& third = chain.model->proposal(3, 0);
    CHECK(contains(third.prompt, "idea k1_0"));
    CHECK(contains(third.prompt, "## Start from this source (step 2"));
    CHECK(contains(third.prompt, "## This step\nMake the start source faster."));
}

TEST_CASE("advice: the parents of a wave are criticised once and its prompts show it") {
    Advised advised(k_criticised);
    must(advised.run());
    const auto stored = must(advised.world.store.critiques(advised.id));
    REQUIRE(stored.size() == 4);  // the start and a parent of each later step
    for (const CritiqueRow& row : stored) {
        CHECK((row.usable && row.kind == "model" && row.usd == k_usd && row.tokens_in == 10));
        CHECK(row.model == "scripted");
    }
    CHECK(advised.model->count("critic") == 4);
    CHECK(advised.world.events.count(EventType::critique) == 4);
    CHECK(advised.charged("critic") == Approx(4 * k_usd));
    for (int slot = 0; slot < 2; ++slot) {
        const std::string& prompt = advised.model->proposal(1, slot).prompt;
        CHECK(contains(prompt, "## What holds the start source back"));
        CHECK(contains(prompt, "change: unroll k0_0"));
    }
    CHECK_FALSE(contains(advised.model->proposal(3, 0).prompt, "change: unroll k0_0"));
    CHECK(contains(advised.model->proposal(3, 0).prompt, "change: unroll k2_0"));
}

TEST_CASE("advice: a refuted claim is told to later prompts") {
    Advised advised(k_criticised);
    must(advised.run());
    // The first step gains less than is told apart from nothing.
    CHECK(contains(advised.model->proposal(3, 0).prompt, "tried, refuted: unroll k0_0"));
}

TEST_CASE("advice: each critique is told later with what its children made of it") {
    Advised advised(k_criticised);
    must(advised.run());
    const CampaignRow row = *must(advised.world.store.campaign("camp"));
    const auto judged = must(judged_critiques(advised.world.store, row));
    REQUIRE(judged.size() == 4);
    CHECK(judged[0].row.change == "unroll k0_0");
    CHECK(judged[0].state == HypothesisState::refuted);
    CHECK(judged[0].gain.value == Approx(std::exp(0.005)));
    CHECK(judged[3].state == HypothesisState::confirmed);
    CampaignRow other = row;
    other.id = 99;
    CHECK(must(judged_critiques(advised.world.store, other)).empty());
}

TEST_CASE("advice: rules cost nothing and their critique is stored") {
    Advised advised(
        "width = 2\n[selection]\nkind = \"trajectory\"\n[critic]\nkind = \"rules\"\n"
        "[observation]\nsections = [\"parent\", \"critique\", \"patterns\"]\n");
    must(advised.run());
    const auto stored = must(advised.world.store.critiques(advised.id));
    CHECK(stored.size() == 4);
    CHECK(std::ranges::all_of(stored, [](const auto& row) { return row.kind == "rules"; }));
    CHECK(advised.model->count("critic") == 0);
}

TEST_CASE(
    "advice: a campaign crashed at any moment shows the critiques and prompts it would have",
    "[slow]") {
    // The start, a wave, and one whose parents the first wave left.
    check_crashes(
        k_criticised,
        [](Advised& advised) {
            advised.limit({5, 0, 0, 0});
        },
        1);
}

TEST_CASE("advice: calls of a critic never pass the limit in money", "[slow]") {
    const auto limited = [](Advised& advised) {
        advised.limit({0, 3.1, 0, 0});
    };
    Advised plain(k_criticised);
    limited(plain);
    const CampaignSummary summary = must(plain.run());
    CHECK(summary.stop_reason == "budget: usd");
    CHECK(plain.charged("critic") > 0);
    CHECK(plain.charged() <= 3.1);
    check_crashes(k_criticised, limited, 2, 3.1);
}

TEST_CASE("advice: without room for the critic's call its parent goes without") {
    Advised advised(k_criticised);
    advised.limit({9, k_worst_usd - 0.01, 0, 0});
    const CampaignSummary summary = must(advised.run());
    CHECK(summary.stop_reason == "budget: usd");
    CHECK(advised.model->asked.empty());
    CHECK(must(advised.world.store.critiques(advised.id)).empty());
}

TEST_CASE("advice: a critic that fails is warned about and the search goes on") {
    Advised advised(k_criticised);
    advised.model->critic_fails = true;
    const CampaignSummary summary = must(advised.run());
    CHECK(summary.evaluations == 9);
    CHECK(advised.model->count("critic") == 4);
    CHECK(advised.world.events.count(EventType::warning) == 4);
    CHECK(contains(advised.world.events.all_text(), "going on without a critique"));
    CHECK_FALSE(contains(advised.model->proposal(2, 0).prompt, "What holds the start source back"));
    CHECK(advised.charged("critic") == Approx(4 * k_worst_usd));  // it may have been billed
    advised.limit({11, 0, 0, 0});
    advised.model->critic_fails = false;
    must(advised.run());
    CHECK(advised.model->count("critic") == 5);  // the old parents are not asked about again
}

TEST_CASE("advice: a critic whose claims point the wrong way is switched off once") {
    Advised advised(std::string(k_chain) + "[critic]\nkind = \"model\"\n");
    advised.model->expected_gain = [](int step) {
        return 3 - 0.05 * step;
    };
    advised.limit({40, 0, 0, 0});
    must(advised.run());
    CHECK(advised.world.events.count(EventType::warning) == 1);
    CHECK(contains(advised.world.events.all_text(), "the critic is switched off: its claims"));
    CHECK(advised.model->count("critic") >= 20);
    CHECK(advised.model->count("critic") < 30);
    CHECK_FALSE(
        contains(advised.model->proposal(38, 0).prompt, "What holds the start source back"));
}

TEST_CASE("advice: of the proposals that are asked for the estimate's best are judged") {
    Advised advised(k_reranked);
    advised.model->estimate = [](int slot) {
        return chances(slot == 1 || slot == 4 ? 0.1 : 0.9);
    };
    const CampaignSummary summary = must(advised.run());
    CHECK(summary.evaluations == 9);
    CHECK(must(advised.world.store.replies(advised.id)).size() == 20);
    CHECK(advised.model->count("value") == 20);
    CHECK(advised.world.device.judged.size() == 9);  // what is not kept costs no evaluation
    for (const EvaluationRow& row : must(advised.world.store.evaluations(advised.id))) {
        CHECK((row.step == 0 || row.slot == 1 || row.slot == 4));
    }
    for (const EstimateRow& row : must(advised.world.store.estimates(advised.id))) {
        CHECK(row.kept == (row.slot == 1 || row.slot == 4));
        CHECK(row.judged == row.kept);
    }
    advised.limit({11, 0, 0, 0});
    must(advised.run());
    CHECK(advised.model->count("proposal") == 25);
}

TEST_CASE(
    "advice: a ranked wave that is crashed at any moment is judged as it would have been",
    "[slow]") {
    const auto prepare = [](Advised& advised) {
        advised.limit({5, 0, 0, 0});  // two waves of five proposals each
        advised.model->estimate = [](int slot) {
            return chances(slot % 2 == 0 ? 0.3 : 0.6);
        };
    };
    check_crashes(k_reranked, prepare, 1);
    check_crashes(
        "width = 2\n[selection]\nkind = \"trajectory\"\n[value]\nkind = \"features\"\nrerank = 4\n",
        [](Advised& advised) {
            advised.limit({5, 0, 0, 0});
        },
        2);
}

TEST_CASE(
    "advice: a limit that is met while a wave is asked for leaves what arrived to be judged") {
    Advised advised(
        "width = 2\n[selection]\nkind = \"trajectory\"\n[value]\nkind = \"features\"\n"
        "rerank = 4\n");
    advised.limit({0, 3 * k_usd + 0.01, 0, 0});  // the third call does not fit at its worst case
    const CampaignSummary summary = must(advised.run());
    CHECK(summary.stop_reason == "budget: usd");
    CHECK(must(advised.world.store.replies(advised.id)).size() == 2);
    CHECK(summary.evaluations == 3);
    advised.limit({5, 0, 0, 0});
    CHECK(must(advised.run()).evaluations == 5);
    CHECK(must(advised.world.store.replies(advised.id)).size() == 6);  // two of step 1 are judged
}

TEST_CASE("advice: soft verifiers choose what is judged and their votes are kept beside it") {
    Advised advised(
        "width = 2\n[selection]\nkind = \"trajectory\"\n[value]\nkind = \"verifiers\"\n"
        "rerank = 3\n");
    advised.model->estimate = [](int slot) {
        return "{\"problem\": \"?\", \"chance\": " + std::to_string(slot == 0 ? 0.1 : 0.8) + "}";
    };
    CHECK(must(advised.run()).evaluations == 9);
    const auto rows = must(advised.world.store.estimates(advised.id));
    REQUIRE(rows.size() == 4 * 3 * 4);  // steps, proposals, the whole and three votes
    for (const EstimateRow& row : rows) {
        CHECK(row.kept == (row.slot != 0));
        CHECK(row.judged == row.kept);
        CHECK(row.usd == (row.part == "value" ? 0 : k_usd));
    }
    CHECK(advised.charged("value") == Approx(4 * 3 * 3 * k_usd));
}

TEST_CASE("advice: a critic asks a model that answers many calls at once") {
    struct Many final : Proposer, ConcurrentProposer {
        explicit Many(Model& that)
            : model(that) {}
        [[nodiscard]] std::string label() const override { return model.label(); }
        [[nodiscard]] double worst_case_usd(const ProposeRequest& request) const override {
            return model.worst_case_usd(request);
        }
        Result<Reply> propose(const ProposeRequest&, const std::atomic<int>&) override {
            return Error{Errc::model, "a concurrent proposer is not asked in turn", ""};
        }
        [[nodiscard]] ConcurrentProposer* concurrent() override { return this; }
        void start(const ProposeRequest& request, CallMeter&, Done done) override {
            const std::atomic<int> never{0};
            done({model.propose(request, never), true, {}});
        }
        void stop_retrying() override {}
        void cancel() override {}
        Model& model;
    };
    Advised in_turn(k_criticised);
    must(in_turn.run());
    Advised at_once(k_criticised);
    Many many(*at_once.model);
    must(at_once.run(many));
    CHECK(at_once.outline() == in_turn.outline());
    CHECK(at_once.charged("critic") == Approx(4 * k_usd));
}

TEST_CASE("advice: the features estimate learns from older campaigns of the same task") {
    const std::string preset =
        "width = 1\n[selection]\nkind = \"start\"\n[value]\nkind = \"features\"\nrerank = 2\n";
    Advised first(preset);
    must(first.run());
    const CampaignRow older = *must(first.world.store.campaign("camp"));
    CampaignRow row = older;
    row.name = "next";
    row.evaluations = 0;
    row = must(first.world.store.create_campaign(row));
    const auto past = must(past_attempts(first.world.store, row, 300));
    REQUIRE(past.size() == 9);  // the start source and what was judged
    CHECK(past.front().reward == 1);
    CHECK(past.front().parent_source.empty());
    CHECK(past.back().parent_reward == 1);
    CHECK(contains(past.back().proposal.source, "k8_"));
    CHECK(must(past_attempts(first.world.store, row, 2)).size() == 2);
    CHECK(must(past_attempts(first.world.store, older, 300)).empty());
    CampaignRow elsewhere = row;
    elsewhere.device = "emulated:sm_80";
    CHECK(must(past_attempts(first.world.store, elsewhere, 300)).empty());
    elsewhere = row;
    elsewhere.task_hash = std::string(64, 'e');
    CHECK(must(past_attempts(first.world.store, elsewhere, 300)).empty());
}
