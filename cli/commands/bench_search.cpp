// SPDX-License-Identifier: Apache-2.0
// What the controller of a campaign costs: many model calls in flight against a model stub, and a
// judge that accepts at once. Processor time against wall time.
#include "agent/campaign/campaign.hpp"
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "cli/model_stub.hpp"
#include "cli/scratch.hpp"
#include "core/clock.hpp"
#include "core/text_file.hpp"

#include <nlohmann/json.hpp>

#include <sys/resource.h>

#include <array>
#include <cstdio>

namespace kw::cli {
namespace {

constexpr double k_max_share = 0.01;

class AcceptAll final : public Device {
public:
    [[nodiscard]] std::string id() const override { return "cpu"; }
    [[nodiscard]] std::string description() const override { return "cpu: judges nothing"; }
    Result<Evaluation> judge(
        const Task&, const Candidate&, const JudgeOptions&, const StageObserver&) override {
        Evaluation result;
        result.verdict = Verdict::accepted;
        result.speedup = {1, 1, 1};
        result.vs_naive = result.speedup;
        result.summary = "accepted";
        return result;
    }
};

struct NoEvents final : EventSink {
    void on_event(const Event&) override {}
};

/// User and system time of this process, without children.
double processor_s() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

struct SearchWishes {
    int in_flight = 16;
    int steps = 3;
    double delay_s = 10;  ///< few models are faster
};

struct SearchCost {
    int replies = 0;
    double wall_s = 0;
    double processor_s = 0;
    [[nodiscard]] double share() const { return wall_s > 0 ? processor_s / wall_s : 0; }
};

Result<SearchCost> measure_search(const SearchWishes& wishes, const Invocation& invocation) {
    KW_TRY_ASSIGN(const Task task, open_task("w4a16_gemv", invocation.config));
    KW_TRY_ASSIGN(const std::string source, read_text_file(task.baselines.front().file));
    const auto delay = std::chrono::milliseconds(static_cast<int>(wishes.delay_s * 1000));
    KW_TRY_ASSIGN(const ModelStub stub, ModelStub::start(delay, source));
    KW_TRY_ASSIGN(const auto scratch, Scratch::make());
    KW_TRY_ASSIGN(
        db::Store store, db::Store::open(scratch->path() / "bench.db", db::Access::write));
    AcceptAll device;
    NoEvents events;
    agent::StopControl stop;
    agent::CampaignContext context{
        device,
        store,
        events,
        system_clock(),
        stop,
        find_places(invocation.config).share_dir / "prompts",
        {},
        "",
        {},
        nullptr,
        ""};
    context.models.base_url = stub.url();
    context.models.environment = [](const std::string&) {
        return std::optional<std::string>();
    };
    agent::CampaignSettings settings;
    settings.proposer = "openai:stub";
    settings.width = wishes.in_flight;
    settings.budget.max_evals = 1 + wishes.in_flight * wishes.steps;
    const double before = processor_s();
    const std::chrono::nanoseconds begin = system_clock().steady();
    KW_TRY_ASSIGN(
        const agent::CampaignSummary summary, agent::run_campaign(settings, task, context));
    SearchCost cost;
    cost.replies = summary.evaluations - 1;
    cost.wall_s = std::chrono::duration<double>(system_clock().steady() - begin).count();
    cost.processor_s = processor_s() - before;
    return cost;
}

Result<int> bench_search(const Invocation& invocation, Console& console) {
    SearchWishes wishes;
    KW_TRY_ASSIGN(const auto in_flight, invocation.integer("in-flight", wishes.in_flight));
    KW_TRY_ASSIGN(const auto steps, invocation.integer("steps", wishes.steps));
    KW_TRY_ASSIGN(wishes.delay_s, invocation.number("delay", wishes.delay_s));
    if (in_flight < 1 || in_flight > 64 || steps < 1 || steps > 1000 ||
        !(wishes.delay_s >= 0 && wishes.delay_s <= 600)) {
        return Error{
            Errc::usage, "--in-flight is 1 to 64, --steps 1 to 1000, --delay 0 to 600 s", ""};
    }
    wishes.in_flight = static_cast<int>(in_flight);
    wishes.steps = static_cast<int>(steps);
    KW_TRY_ASSIGN(const SearchCost cost, measure_search(wishes, invocation));
    const bool good = cost.share() <= k_max_share;
    if (invocation.json) {
        console.print(json_text(
            {{"schema", "kwright.bench-search/1"},
             {"in_flight", wishes.in_flight},
             {"delay_s", wishes.delay_s},
             {"replies", cost.replies},
             {"wall_s", cost.wall_s},
             {"processor_s", cost.processor_s},
             {"share", cost.share()},
             {"good", good}}));
        return good ? 0 : 1;
    }
    std::array<char, 200> line{};
    std::snprintf(
        line.data(),
        line.size(),
        "%d replies, %d in flight, each after %.1f s: %.2f s wall, %.3f s processor time, %.2f %%",
        cost.replies,
        wishes.in_flight,
        wishes.delay_s,
        cost.wall_s,
        cost.processor_s,
        cost.share() * 100);
    console.print(line.data());
    console.print(
        good ? "the controller takes at most 1 % of the time"
             : "the controller takes more than 1 % of the time");
    return good ? 0 : 1;
}

}  // namespace

CommandSpec bench_search_command() {
    CommandSpec spec;
    spec.name = "dev bench search";
    spec.group = "Hidden";
    spec.summary = "what the controller of a campaign costs, against a model stub";
    spec.examples = {"kwright dev bench search --in-flight 16 --delay 10"};
    spec.options = {
        {"--in-flight", "N", "model calls at once (16)", "", false, "Options", {}},
        {"--steps", "N", "steps of the campaign (3)", "", false, "Options", {}},
        {"--delay", "S", "seconds until each answer (10)", "", false, "Options", {}},
    };
    spec.run = bench_search;
    spec.hidden = true;
    return spec;
}

}  // namespace kw::cli
