// SPDX-License-Identifier: Apache-2.0
// The sequential test on machines whose truth is known: how often it is wrong, what it sees, and
// how soon.
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "evaluator/simulated_pairs.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace kw::cli {
namespace {

constexpr double k_max_false_statistics = 0.005;

struct StatisticsWishes {
    std::int64_t runs = 2000;
    double sigma = 0;
    double call_ns = 0;
    int max_pairs = 0;
};

/// One noise: equal kernels, a true 2 % and a true 5 %.
struct StatisticsRow {
    std::string_view noise;
    stats::SimulationTally equal, two, five;

    [[nodiscard]] std::int64_t wrong() const { return equal.faster + equal.slower; }
    [[nodiscard]] double wrong_at_most() const { return stats::at_most(wrong(), equal.runs); }
    [[nodiscard]] double coverage() const {
        return static_cast<double>(std::min({equal.covered, two.covered, five.covered})) /
               static_cast<double>(equal.runs);
    }
};

Result<StatisticsWishes> statistics_wishes(const Invocation& invocation) {
    const auto bounded =
        [&](const char* name, std::int64_t fallback, std::int64_t most) -> Result<std::int64_t> {
        KW_TRY_ASSIGN(const std::int64_t value, invocation.integer(name, fallback));
        if (value < 1 || value > most) {
            return Error{
                Errc::usage, std::string("--") + name + " takes 1 to " + std::to_string(most), ""};
        }
        return value;
    };
    StatisticsWishes wishes;
    KW_TRY_ASSIGN(wishes.runs, bounded("runs", wishes.runs, 1'000'000));
    KW_TRY_ASSIGN(const std::int64_t sigma, bounded("sigma", 30, 1000));
    KW_TRY_ASSIGN(const std::int64_t call, bounded("call", 20'000, 1'000'000'000));
    KW_TRY_ASSIGN(const std::int64_t pairs, bounded("max-pairs", 1000, 10'000));
    wishes.sigma = static_cast<double>(sigma) / 1000;
    wishes.call_ns = static_cast<double>(call);
    wishes.max_pairs = static_cast<int>(pairs);
    return wishes;
}

StatisticsRow measure_statistics(stats::Noise noise, const StatisticsWishes& wishes) {
    stats::SimulationPlan plan;
    plan.machine.noise = noise;
    plan.machine.sigma = wishes.sigma;
    plan.machine.call_ns = wishes.call_ns;
    plan.test.max_pairs = wishes.max_pairs;
    plan.test.min_placements = 2;  // as a judgement asks for
    plan.runs = wishes.runs;
    StatisticsRow row;
    row.noise = stats::name(noise);
    row.equal = stats::simulate(plan);
    plan.speedup = 1.02;
    row.two = stats::simulate(plan);
    plan.speedup = 1.05;
    row.five = stats::simulate(plan);
    return row;
}

std::string percent(double share, int digits) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.*f %%", digits, share * 100);
    return text.data();
}

double share(std::int64_t hits, const stats::SimulationTally& tally) {
    return static_cast<double>(hits) / static_cast<double>(tally.runs);
}

/// "97.1 % (>= 96.4 %)"
std::string power(std::int64_t hits, const stats::SimulationTally& tally) {
    return percent(share(hits, tally), 1) +
           " (>= " + percent(stats::at_least(hits, tally.runs), 1) + ")";
}

std::int64_t mean_pairs(const stats::SimulationTally& tally) {
    return (tally.pairs + tally.runs / 2) / tally.runs;
}

nlohmann::json statistics_json(const stats::SimulationTally& tally) {
    return {
        {"faster", tally.faster},
        {"slower", tally.slower},
        {"same", tally.same},
        {"unclear", tally.unclear},
        {"faster_within_100", tally.soon},
        {"faster_at_least", stats::at_least(tally.faster, tally.runs)},
        {"covered", tally.covered},
        {"mean_pairs", mean_pairs(tally)},
        {"most_pairs", tally.most_pairs}};
}

void print_statistics_json(
    const std::vector<StatisticsRow>& rows,
    const StatisticsWishes& wishes,
    bool good,
    Console& console) {
    nlohmann::json document = {
        {"schema", "kwright.bench-statistics/1"},
        {"runs", wishes.runs},
        {"sigma", wishes.sigma},
        {"call_ns", wishes.call_ns},
        {"max_pairs", wishes.max_pairs},
        {"noises", nlohmann::json::array()},
        {"good", good}};
    for (const StatisticsRow& row : rows) {
        document["noises"].push_back(
            {{"noise", row.noise},
             {"equal", statistics_json(row.equal)},
             {"wrong_at_most", row.wrong_at_most()},
             {"two_percent", statistics_json(row.two)},
             {"five_percent", statistics_json(row.five)},
             {"coverage", row.coverage()}});
    }
    console.print(json_text(document));
}

void print_statistics_table(
    const std::vector<StatisticsRow>& rows,
    const StatisticsWishes& wishes,
    bool good,
    Console& console) {
    Table table;
    table.head = {
        "noise",
        "false faster",
        "false slower",
        "(both <=)",
        "sees 2 %",
        "pairs",
        "sees 5 % in 100",
        "pairs",
        "interval holds"};
    table.right = {false, true, true, true, true, true, true, true, true};
    for (const StatisticsRow& row : rows) {
        table.rows.push_back(
            {std::string(row.noise),
             percent(share(row.equal.faster, row.equal), 2),
             percent(share(row.equal.slower, row.equal), 2),
             percent(row.wrong_at_most(), 2),
             power(row.two.faster, row.two),
             std::to_string(mean_pairs(row.two)),
             power(row.five.soon, row.five),
             std::to_string(mean_pairs(row.five)),
             percent(row.coverage(), 1)});
    }
    console.print(
        std::to_string(wishes.runs) + " simulated runs each, spread of a pair " +
        percent(wishes.sigma, 1) + ", at most " + std::to_string(wishes.max_pairs) +
        " pairs; limits are exact 95 % ones");
    console.print(render(table));
    console.print(
        good ? "false decisions: at most 0.5 % under every noise"
             : "false decisions: not shown to be at most 0.5 % under every noise");
}

Result<int> bench_statistics(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(const StatisticsWishes wishes, statistics_wishes(invocation));
    std::vector<StatisticsRow> rows;
    for (const stats::Noise noise : stats::all_noises()) {
        console.redraw({"  " + std::string(stats::name(noise))});
        rows.push_back(measure_statistics(noise, wishes));
    }
    console.redraw({});
    const bool good = std::ranges::all_of(rows, [](const StatisticsRow& row) {
        return row.wrong_at_most() <= k_max_false_statistics;
    });
    (invocation.json ? print_statistics_json : print_statistics_table)(rows, wishes, good, console);
    return good ? 0 : 1;
}

}  // namespace

CommandSpec bench_statistics_command() {
    CommandSpec spec;
    spec.name = "dev bench statistics";
    spec.group = "Hidden";
    spec.summary = "the paired test on simulated machines: errors, power, pairs";
    spec.examples = {"kwright dev bench statistics --runs 5000 --sigma 60 --json"};
    spec.options = {
        {"--runs", "N", "runs of each noise and speed-up (2000)", "", false, "Options", {}},
        {"--sigma", "PERMILLE", "spread of a pair, in thousandths (30)", "", false, "Options", {}},
        {"--call", "NS", "length of a call (20000)", "", false, "Options", {}},
        {"--max-pairs", "N", "pairs a run may have (1000)", "", false, "Options", {}},
    };
    spec.run = bench_statistics;
    spec.hidden = true;
    return spec;
}

}  // namespace kw::cli
