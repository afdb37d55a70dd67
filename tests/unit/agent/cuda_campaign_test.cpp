// SPDX-License-Identifier: Apache-2.0
// A campaign for target cuda on a device that is scripted: seeds, replies, cassettes, resume.
#include "agent/campaign/campaign.hpp"
#include "agent/proposers/cassette.hpp"
#include "agent/proposers/proposers.hpp"
#include "core/candidate.hpp"
#include "core/task_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

using namespace kw;
using namespace kw::agent;
using kw::test::contains;
using kw::test::failed;
using kw::test::must;
using kw::test::World;

namespace {

constexpr const char* k_device = "emulated:sm_90a";

/// BLOCK=128 UNROLL=2 is the best point.
Result<Evaluation> modelled_judge(const std::string& source) {
    Evaluation result = test::accepted(1.0, 0);
    result.speedup.value += contains(source, "BLOCK 128") ? 0.5 : 0;
    result.speedup.value += contains(source, "UNROLL = 2") ? 0.25 : 0;
    result.speedup.lo = result.speedup.hi = result.speedup.value;
    result.timing_kind = name(Provenance::modelled);
    return result;
}

struct CudaWorld : World {
    explicit CudaWorld(bool with_seed = true, const test::FakeDevice::Judge& judge = modelled_judge)
        : World(judge)
        , task(must(load_task(test::write_cuda_task(dir.path(), with_seed)))) {
        device.device_id = k_device;
    }
    Task task;
};

CampaignSettings settings_of(const std::string& proposer, int max_evals = 100) {
    CampaignSettings settings;
    settings.proposer = proposer;
    settings.budget.max_evals = max_evals;
    return settings;
}

std::string cuda_reply(const std::string& source, const std::string& language = "cuda") {
    return "NOTE: other tiles\n\n```" + language + "\n" + source + "```\n";
}

std::string with_block(const std::string& value) {
    std::string source = test::k_cuda_seed;
    const std::string was = "#define BLOCK 64";
    return source.replace(source.find(was), was.size(), "#define BLOCK " + value);
}

/// A cassette of one slot a step that edits the seed.
CampaignSettings replay(
    World& world,
    const Task& task,
    const std::vector<std::string>& replies,
    const std::string& target = "cuda",
    const std::string& device = k_device) {
    Cassette cassette;
    cassette.task = task.name;
    cassette.task_hash = hash_for(task, target);
    cassette.isa = "native";
    cassette.target = target;
    cassette.device = device;
    const Candidate start =
        make_candidate(task.name, test::k_cuda_seed, "native", "cuda", "sm_90a");
    for (std::size_t i = 0; i < replies.size(); ++i) {
        CassetteReply reply;
        reply.step = static_cast<int>(i) + 1;
        reply.parent_hash = start.hash;
        reply.raw = replies[i];
        reply.model = "scripted";
        cassette.replies.push_back(reply);
    }
    test::write_text(world.dir / "c.jsonl", to_json_lines(cassette));
    return settings_of("replay:" + (world.dir / "c.jsonl").string());
}

std::vector<EvaluationRow> rows_of(World& world, const CampaignSummary& summary) {
    return must(world.store.evaluations(summary.row.id));
}

}  // namespace

TEST_CASE("cuda campaign: the tuner searches the parameters of the task's CUDA seed") {
    CudaWorld world;
    auto context = world.context();
    const CampaignSummary summary = must(run_campaign(settings_of("tune"), world.task, context));
    CHECK(summary.stop_reason == "search finished");
    CHECK(summary.evaluations == 6);
    CHECK(summary.best_speedup.value == Approx(1.75));
    REQUIRE(world.device.candidates.size() == 6);
    CHECK(world.device.candidates.front().source == test::k_cuda_seed);
    for (const Candidate& candidate : world.device.candidates) {
        CHECK(candidate.target == "cuda");
        CHECK(candidate.arch == "sm_90a");
        CHECK(contains(candidate.source, "//!launch twice_kernel"));
    }
    const auto row = must(world.store.campaign(summary.row.name));
    REQUIRE(row);
    CHECK(row->target == "cuda");
    CHECK(row->device == k_device);
    const CandidateRow stored = must(world.store.candidate(summary.best_candidate));
    CHECK(stored.target == "cuda");
    CHECK(stored.isa == "sm_90a");
    const auto board = must(world.store.board({}));
    REQUIRE(board.size() == 1);
    CHECK(board[0].timing_kind == "modelled");
    CHECK(board[0].device_id == k_device);
    CHECK(board[0].isa == "sm_90a");
}

TEST_CASE("cuda campaign: without a seed it starts from the CUDA baseline and cannot be tuned") {
    CudaWorld world(false);
    auto context = world.context();
    const CampaignSummary summary =
        must(run_campaign(replay(world, world.task, {}), world.task, context));
    CHECK(summary.evaluations == 1);
    CHECK(contains(world.device.judged.at(0), "// plain"));
    const auto tuned = run_campaign(settings_of("tune"), world.task, context);
    REQUIRE_FALSE(tuned.ok());
    CHECK(tuned.error().code == Errc::usage);
    CHECK(contains(tuned.error().what, "has no seed source for target cuda"));
    CHECK(contains(tuned.error().hint, "[cuda]"));
}

TEST_CASE("cuda campaign: replies in any fence and edits are judged and duplicates are found") {
    CudaWorld world;
    auto context = world.context();
    const std::string edit =
        "NOTE: wider\n\n<<<<<<< SEARCH\n#define BLOCK 64\n=======\n#define BLOCK 512\n>>>>>>> "
        "REPLACE\n";
    std::string renamed = with_block("128");
    renamed.insert(renamed.find("#define"), "// the same tokens\n");
    std::string launch = with_block("128");
    launch.replace(launch.find("block=BLOCK"), 11, "block=(BLOCK)");
    const CampaignSummary summary = must(run_campaign(
        replay(
            world,
            world.task,
            {cuda_reply(with_block("128")),
             cuda_reply(with_block("256"), "cu"),
             cuda_reply(with_block("32"), "cpp"),
             edit,
             cuda_reply(renamed),
             cuda_reply(launch),
             "I cannot do that.\n",
             "```cuda\n__device__ int helper() { return 1; }\n```\n"}),
        world.task,
        context));
    const auto rows = rows_of(world, summary);
    REQUIRE(rows.size() == 9);
    std::string verdicts;
    for (const EvaluationRow& row : rows) {
        verdicts += std::string(code(row.result.verdict)) + " ";
    }
    CHECK(verdicts == "AC AC AC AC AC DU AC NR NR ");
    CHECK(contains(world.device.judged.at(4), "#define BLOCK 512"));
    CHECK(contains(world.device.judged.at(4), "//!launch"));
    CHECK(rows[8].result.summary == "no code block holds a __global__ function");
}

TEST_CASE("cuda campaign: a candidate for another target or architecture is told so") {
    CudaWorld world;
    auto context = world.context();
    std::string other_arch = with_block("128");
    other_arch.replace(other_arch.find("target=cuda"), 11, "target=cuda arch=sm_80");
    std::string same_arch = with_block("256");
    same_arch.replace(same_arch.find("target=cuda"), 11, "target=cuda arch=sm_90a");
    std::string other_target = with_block("512");
    other_target.replace(other_target.find("target=cuda"), 11, "target=cpu");
    const CampaignSummary summary = must(run_campaign(
        replay(
            world,
            world.task,
            {cuda_reply(other_arch), cuda_reply(same_arch), cuda_reply(other_target)}),
        world.task,
        context));
    const auto rows = rows_of(world, summary);
    REQUIRE(rows.size() == 4);
    CHECK(rows[1].result.verdict == Verdict::forbidden);
    CHECK(contains(rows[1].result.summary, "arch=sm_80, and the device is sm_90a"));
    CHECK_FALSE(rows[1].candidate_hash.empty());
    CHECK(rows[2].result.verdict == Verdict::accepted);
    CHECK(rows[3].result.verdict == Verdict::no_reply);
    CHECK(contains(rows[3].result.summary, "cpu"));
    CHECK(world.device.judged.size() == 2);
}

TEST_CASE("cuda campaign: a cassette of one target is refused for the other") {
    CudaWorld world;
    auto context = world.context();
    const auto refused =
        run_campaign(replay(world, world.task, {}, "cpu", "cpu"), world.task, context);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::usage);
    CHECK(contains(refused.error().what, "recorded for target cpu, not cuda"));
    CHECK(contains(refused.error().hint, "--target cpu"));
    world.device.device_id = "cpu";
    const auto other = run_campaign(replay(world, world.task, {}), world.task, context);
    REQUIRE_FALSE(other.ok());
    CHECK(contains(other.error().hint, "--target cuda --device emulated:sm_90a"));
}

TEST_CASE("cuda campaign: a cassette of another device of the target is replayed with a warning") {
    CudaWorld world;
    auto context = world.context();
    must(run_campaign(
        replay(world, world.task, {cuda_reply(with_block("128"))}, "cuda", "emulated:sm_80"),
        world.task,
        context));
    REQUIRE(world.events.count(EventType::warning) == 1);
    CHECK(contains(world.events.all_text(), "recorded on emulated:sm_80, not emulated:sm_90a"));
}

TEST_CASE("cuda campaign: an exported cassette says its device and replays to the same end") {
    CudaWorld world;
    auto context = world.context();
    const CampaignSummary first = must(run_campaign(settings_of("tune", 4), world.task, context));
    must(export_cassette(first.row.name, world.store, world.dir / "out.jsonl"));
    const Cassette cassette = must(load_cassette(world.dir / "out.jsonl"));
    CHECK(cassette.target == "cuda");
    CHECK(cassette.device == k_device);
    const CampaignSummary again = must(run_campaign(
        settings_of("replay:" + (world.dir / "out.jsonl").string()), world.task, context));
    CHECK(again.best_candidate == first.best_candidate);
    CHECK(again.row.device == k_device);
}

TEST_CASE("cuda campaign: resume opens the same device and refuses another") {
    CudaWorld world;
    auto context = world.context();
    const CampaignSummary first = must(run_campaign(settings_of("tune", 2), world.task, context));
    Budget more;
    more.max_evals = 3;
    world.device.device_id = "emulated:sm_80";
    const auto refused = resume_campaign(first.row.name, &more, context);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::usage);
    CHECK(contains(refused.error().what, "runs on emulated:sm_90a, not on emulated:sm_80"));
    world.device.device_id = k_device;
    const CampaignSummary second = must(resume_campaign(first.row.name, &more, context));
    CHECK(second.evaluations == 3);
    CHECK(world.device.candidates.back().arch == "sm_90a");
}

TEST_CASE("cuda campaign: a task without the target names those it has") {
    World world(modelled_judge);
    world.device.device_id = k_device;
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    const auto refused = run_campaign(settings_of("tune"), task, context);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::usage);
    CHECK(refused.error().what == "task twice has no target cuda, it has: cpu");
    CHECK(contains(refused.error().hint, "--target cpu"));
    CHECK(must(world.store.campaigns()).empty());
}

TEST_CASE("cuda campaign: submissions of each device have a campaign of their own") {
    CudaWorld world;
    auto context = world.context();
    const Candidate candidate =
        make_candidate("twice", test::k_cuda_seed, "native", "cuda", "sm_90a");
    must(submit_candidate(world.task, candidate, context, {}));
    const auto row = must(world.store.campaign("user-twice-emulated-sm_90a"));
    REQUIRE(row);
    CHECK(row->target == "cuda");
    CHECK(row->device == k_device);
    CHECK_FALSE(must(world.store.campaign("user-twice")));
}

TEST_CASE("cuda campaign: the plan says device and that times are modelled") {
    CudaWorld world;
    auto context = world.context();
    const Plan plan = must(plan_campaign(
        replay(world, world.task, {cuda_reply(with_block("128"))}), world.task, context));
    std::string lines;
    for (const std::string& line : plan.lines) {
        lines += line + "\n";
    }
    CHECK(contains(lines, "emulated:sm_90a: fake; none is measured"));
    CHECK(contains(lines, "baselines plain"));
    CHECK_FALSE(contains(lines, "code for"));
    CHECK(contains(plan.first_prompt, "```cuda\n//!kwright task=twice"));
}
