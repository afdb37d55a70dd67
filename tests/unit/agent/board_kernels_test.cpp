// SPDX-License-Identifier: Apache-2.0
// Kernels of the board in a campaign's prompts: examples of similar tasks, and what is carried
// over.
#include "agent/campaign/board_kernels.hpp"

#include "agent/campaign/campaign.hpp"
#include "core/task_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::contains;
using kw::test::kernel;
using kw::test::must;
using kw::test::World;

namespace {

namespace fs = std::filesystem;

const char* k_preset =
    "schema = \"kwright.strategy/1\"\nname = \"mine\"\nwidth = 2\ntranspile = 1\n"
    "[selection]\nkind = \"start\"\n[observation]\nsections = [\"parent\", \"examples\"]\n";

/// The task of write_task() under another name.
fs::path write_named(const fs::path& root, const std::string& name) {
    const fs::path made = test::write_task(root / name);
    std::string toml = test::read_text(made / "task.toml");
    toml.replace(toml.find("\"twice\""), 7, "\"" + name + "\"");
    const fs::path folder = root / "tasks" / name;
    fs::create_directories(folder.parent_path());
    fs::rename(made, folder);
    test::write_text(folder / "task.toml", toml);
    return folder;
}

/// A store with campaigns whose kernels are as fast as is said, and answers of a person.
struct Bench {
    Bench()
        : world([this](const std::string&) -> Result<Evaluation> {
            Evaluation result = accepted(speedup);
            result.timing_kind = modelled ? "modelled" : "measured";
            return result;
        })
        , task(must(load_task(test::write_cuda_task(world.dir.path())))) {
        world.clock.on_sleep = [this] {
            answer_all();
        };
    }

    /// A kernel of that speed for the board: the campaign judges a source that nobody else has.
    void best(
        const std::string& name,
        double is,
        const std::string& device = "cpu",
        const std::string& isa = "native") {
        const Task of =
            name == task.name ? task : must(load_task(write_named(world.dir.path(), name)));
        const std::string note = "// best of " + name + " on " + device + " " + isa + "\n";
        speedup = is;
        modelled = device != "cpu";
        world.device.device_id = device;
        auto context = world.context();
        const std::string target = target_of_device(device);
        const Candidate candidate =
            make_candidate(name, note + kernel("b"), isa, target, arch_of_device(device));
        REQUIRE(
            must(submit_candidate(of, candidate, context, {})).result.verdict == Verdict::accepted);
        world.device.device_id = "cpu";
        modelled = false;
        speedup = 1;
    }

    CampaignSummary search(const std::string& isa = "native", int width = 2) {
        CampaignSettings settings;
        settings.name = "camp";
        settings.proposer = "exchange:" + (world.dir / "exchange").string();
        settings.strategy = "mine";
        settings.strategy_text = k_preset;
        settings.isa = isa;
        settings.width = width;
        settings.budget.max_evals = 1 + 2 * width;
        auto context = world.context();
        return must(run_campaign(settings, task, context));
    }
    std::string prompt(int step, int slot) {
        const auto campaign = must(world.store.campaign("camp"));
        const auto reply = must(world.store.reply_at(campaign->id, step, slot));
        REQUIRE(reply);
        return reply->prompt;
    }

    void answer_all() {
        std::error_code none_yet;
        for (const auto& entry :
             fs::directory_iterator(world.dir / "exchange" / "camp", none_yet)) {
            std::string name = entry.path().string();
            const std::size_t at = name.rfind(".prompt.md");
            if (at == std::string::npos) {
                continue;
            }
            name.replace(at, std::string::npos, ".reply.md");
            if (!fs::exists(name)) {
                const std::string tag = "k" + std::to_string(answers++);
                test::write_text(name, test::reply_with(kernel(tag), tag));
            }
        }
    }

    double speedup = 1;
    bool modelled = false;
    int answers = 0;
    World world;
    Task task;
};

}  // namespace

TEST_CASE("examples: a campaign's prompts show the best kernels of similar tasks") {
    Bench bench;
    bench.best("thrice", 2);
    bench.best("twice", 3);
    bench.best("fourfold", 0.8);
    bench.search();
    const std::string prompt = bench.prompt(1, 0);
    CHECK(contains(prompt, "Best known kernel of thrice (native, 2.00x)"));
    CHECK(contains(prompt, "// best of thrice on cpu native"));
    CHECK_FALSE(contains(prompt, "best of twice"));  // its own: no example, nothing to copy
    CHECK_FALSE(contains(prompt, "fourfold"));       // slower than its baseline
    CHECK(contains(bench.prompt(2, 1), "// best of thrice"));
}

TEST_CASE("examples: a resumed campaign shows those that it began with") {
    Bench bench;
    bench.best("thrice", 2);
    bench.search();
    bench.best("fourfold", 5);
    auto context = bench.world.context();
    const Budget more{9};
    CHECK(must(resume_campaign("camp", &more, context)).evaluations == 9);
    CHECK(contains(bench.prompt(4, 0), "// best of thrice"));
    CHECK_FALSE(contains(bench.prompt(4, 0), "fourfold"));
    const auto now =
        must(choose_examples(bench.task, "cpu", bench.world.store, {bench.world.dir / "tasks"}));
    REQUIRE(now.size() == k_max_examples);
    CHECK(now[0].speedup == 5);
}

TEST_CASE("examples: measured kernels come before modelled ones and each task once") {
    Bench bench;
    bench.best("thrice", 2);
    CHECK(must(choose_examples(bench.task, "cuda", bench.world.store, {})).empty());
    std::vector<Example> rows(2);
    for (Example& row : rows) {
        row.signature = signature_of(bench.task);
        row.source = "x();";
    }
    rows[0].speedup = 9;
    rows[0].modelled = true;
    rows[1].speedup = 2;
    const auto near = nearest_examples(bench.task, "cpu", rows, 5);
    REQUIRE(near.size() == 1);
    CHECK_FALSE(near[0].modelled);
}

TEST_CASE("examples: a task or a kernel that is gone is left out") {
    Bench bench;
    bench.best("thrice", 2);
    const std::vector<fs::path> roots = {bench.world.dir / "tasks"};
    const auto chosen = must(choose_examples(bench.task, "cpu", bench.world.store, roots));
    REQUIRE(chosen.size() == 1);
    fs::remove_all(bench.world.dir / "tasks" / "thrice");
    CHECK(must(choose_examples(bench.task, "cpu", bench.world.store, roots)).empty());
    CHECK(must(examples_of(chosen, bench.world.store)).size() == 1);
    CHECK(must(examples_of({{std::string(64, 'a'), 2, false}}, bench.world.store)).empty());
    CHECK(must(foreign_of({std::string(64, 'a'), 2, false}, bench.world.store)).source.empty());
}

TEST_CASE("carried over: the last slot of the first step starts from the other target's kernel") {
    Bench bench;
    bench.best("twice", 4, "emulated:sm_90a");
    bench.search();
    const std::string carried = bench.prompt(1, 1);
    CHECK(contains(carried, "The kernel to carry over (target cuda, sm_90a, 4.00x, modelled)"));
    CHECK(contains(carried, "// best of twice on emulated:sm_90a"));
    CHECK_FALSE(contains(carried, "## Start from this source"));
    for (const std::string& other : {bench.prompt(1, 0), bench.prompt(2, 0), bench.prompt(2, 1)}) {
        CHECK_FALSE(contains(other, "carry over"));
        CHECK(contains(other, "## Start from this source"));
    }
    const auto rows =
        must(bench.world.store.evaluations(must(bench.world.store.campaign("camp"))->id));
    CHECK(rows.at(1).parent_hash == rows.at(0).candidate_hash);
    CHECK(rows.at(2).parent_hash.empty());
}

TEST_CASE("carried over: of the same target what this instruction set cannot run") {
    Bench bench;
    bench.best("twice", 3, "cpu", "x86-64-v4");
    bench.best("twice", 2, "cpu", "x86-64-v3");
    bench.best("twice", 9, "emulated:sm_90a");
    db::Store& store = bench.world.store;
    CHECK(must(choose_foreign(bench.task, "cpu", "x86-64-v3", store)).speedup == 3);
    CHECK(must(choose_foreign(bench.task, "cpu", "x86-64-v2", store)).speedup == 3);
    CHECK(must(choose_foreign(bench.task, "cpu", "x86-64-v4", store)).speedup == 9);
    CHECK(must(choose_foreign(bench.task, "cpu", "native", store)).speedup == 9);
    CHECK(must(choose_foreign(bench.task, "cuda", "sm_80", store)).speedup == 9);
    CHECK(must(choose_foreign(bench.task, "cuda", "sm_90a", store)).speedup == 3);
}

TEST_CASE("carried over: nothing without such a kernel or with one proposal a step") {
    Bench bench;
    bench.best("twice", 0.5, "emulated:sm_90a");
    bench.search();
    CHECK_FALSE(contains(bench.prompt(1, 1), "carry over"));
    Bench narrow;
    narrow.best("twice", 4, "emulated:sm_90a");
    narrow.search("native", 1);
    CHECK_FALSE(contains(narrow.prompt(1, 0), "carry over"));
}
