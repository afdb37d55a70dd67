// SPDX-License-Identifier: Apache-2.0
// Judges the judge: the same kernel against itself must come out the same, a kernel made slower on
// purpose must come out slower.
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "core/text_file.hpp"
#include "evaluator/made_kernels.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace kw::cli {
namespace {

constexpr double k_max_false_noise = 0.04;
constexpr double k_min_recognised = 0.90;

/// What became of N judgements of one kernel.
struct Series {
    std::vector<Comparison> comparisons;
    std::vector<double> ratios;

    [[nodiscard]] std::int64_t count(Comparison wanted) const {
        return std::ranges::count(comparisons, wanted);
    }
    [[nodiscard]] std::int64_t size() const {
        return static_cast<std::int64_t>(comparisons.size());
    }
    [[nodiscard]] double median() const {
        std::vector<double> sorted = ratios;
        std::ranges::sort(sorted);
        const std::size_t half = sorted.size() / 2;
        return sorted.empty()           ? 0
               : sorted.size() % 2 == 1 ? sorted[half]
                                        : (sorted[half - 1] + sorted[half]) / 2;
    }
};

std::string ratio_text(double ratio) {
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%.4f (%+.2f %%)", ratio, (ratio - 1) * 100);
    return text.data();
}

nlohmann::json noise_json(const Series& series) {
    return {
        {"runs", series.size()},
        {"faster", series.count(Comparison::faster)},
        {"slower", series.count(Comparison::slower)},
        {"same", series.count(Comparison::same)},
        {"unclear", series.count(Comparison::unclear)},
        {"median_ratio", series.median()},
        {"ratios", series.ratios}};
}

class Noise {
public:
    Noise(const Task& task, Device& device, const Config& config, Console& console)
        : task_(task)
        , device_(device)
        , console_(console)
        , options_(judge_options(config)) {
        options_.keep_baselines_warm = false;  // fresh processes and inputs every time
        options_.hot = false;
    }

    /// The source that the first timed shape is compared with: the fastest there.
    Result<Baseline> fastest() {
        KW_TRY_ASSIGN(const std::string naive, read_text_file(task_.baselines.front().file));
        KW_TRY_ASSIGN(const Evaluation first, judged(naive, "finding the fastest baseline"));
        for (const Baseline& baseline : task_.baselines) {
            if (baseline.name == first.shapes.front().baseline) {
                if (!baseline.link.empty()) {
                    return Error{
                        Errc::usage,
                        "the fastest baseline of " + task_.name + " is a library's (" +
                            baseline.name + ")",
                        "choose a task whose fastest baseline is a source"};
                }
                return baseline;
            }
        }
        return Error{Errc::no, "the fastest baseline of " + task_.name + " has no source", ""};
    }

    Result<Series> series(const std::string& source, int runs, const std::string& label) {
        Series result;
        for (int run = 0; run < runs && stop_control().level == 0; ++run) {
            const std::string text =
                label + ", " + std::to_string(run + 1) + " of " + std::to_string(runs);
            KW_TRY_ASSIGN(const Evaluation judgement, judged(source, text));
            result.comparisons.push_back(judgement.comparison);
            result.ratios.push_back(judgement.speedup.value);
            console_.say(
                label + "  " + std::to_string(run + 1) + "  " +
                show_ratio(judgement.speedup.value, judgement.speedup.lo, judgement.speedup.hi) +
                "  " + std::string(name(judgement.comparison)));
        }
        return result;
    }

private:
    Result<Evaluation> judged(const std::string& source, const std::string& text) {
        console_.redraw({"  " + text});
        KW_TRY_ASSIGN(
            Evaluation result, judge(device_, task_, make_candidate(task_.name, source), options_));
        console_.redraw({});
        if (result.verdict != Verdict::accepted || result.shapes.empty()) {
            return Error{
                Errc::no,
                "a kernel that must be right was rejected: " + result.summary,
                result.detail.empty() ? "see `kwright task check " + task_.name + "`"
                                      : result.detail.substr(0, 400)};
        }
        return result;
    }

    const Task& task_;
    Device& device_;
    Console& console_;
    JudgeOptions options_;
};

struct NoiseWishes {
    int runs = 50;
    int slower_runs = 20;
    int percent = 5;
};

Result<NoiseWishes> noise_wishes(const Invocation& invocation) {
    NoiseWishes wishes;
    const auto small = [&](const char* name, int fallback, int least, int most) -> Result<int> {
        KW_TRY_ASSIGN(const std::int64_t value, invocation.integer(name, fallback));
        if (value < least || value > most) {
            return Error{
                Errc::usage,
                std::string("--") + name + " takes " + std::to_string(least) + " to " +
                    std::to_string(most),
                ""};
        }
        return static_cast<int>(value);
    };
    KW_TRY_ASSIGN(wishes.runs, small("runs", wishes.runs, 0, 100000));
    KW_TRY_ASSIGN(wishes.slower_runs, small("slower-runs", wishes.slower_runs, 0, 100000));
    KW_TRY_ASSIGN(wishes.percent, small("percent", wishes.percent, 1, 100));
    return wishes;
}

Result<int> bench_noise(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(const NoiseWishes wishes, noise_wishes(invocation));
    KW_TRY_ASSIGN(
        const Task task, open_task(invocation.text("task", "w4a16_gemv"), invocation.config));
    KW_TRY_ASSIGN(const auto device, open_cpu_device(evaluator_config(invocation.config)));
    Noise noise(task, *device, invocation.config, console);
    KW_TRY_ASSIGN(const Baseline baseline, noise.fastest());
    KW_TRY_ASSIGN(const std::string source, read_text_file(baseline.file));
    KW_TRY_ASSIGN(const std::string slowed, slowed_kernel(task, source, wishes.percent));
    KW_TRY_ASSIGN(const Series same, noise.series(source, wishes.runs, "itself"));
    KW_TRY_ASSIGN(const Series slower, noise.series(slowed, wishes.slower_runs, "slowed"));
    const auto wrong = same.count(Comparison::faster) + same.count(Comparison::slower);
    const auto recognised = slower.count(Comparison::slower);
    const bool quiet =
        static_cast<double>(wrong) <= k_max_false_noise * static_cast<double>(same.size());
    const bool sharp =
        static_cast<double>(recognised) >= k_min_recognised * static_cast<double>(slower.size());
    if (invocation.json) {
        const nlohmann::json document = {
            {"schema", "kwright.bench-noise/1"},
            {"task", task.name},
            {"baseline", baseline.name},
            {"device", device->description()},
            {"itself", noise_json(same)},
            {"slowed", noise_json(slower)},
            {"percent", wishes.percent},
            {"good", quiet && sharp}};
        console.print(json_text(document));
        return quiet && sharp ? 0 : 1;
    }
    Table table;
    table.head = {"kernel", "runs", "faster", "slower", "same", "unclear", "median ratio"};
    table.right = {false, true, true, true, true, true};
    const std::string slowed_name = "made " + std::to_string(wishes.percent) + " % slower";
    for (const auto& [label, series] :
         {std::pair{std::string("itself"), &same}, {slowed_name, &slower}}) {
        table.rows.push_back(
            {label,
             std::to_string(series->size()),
             std::to_string(series->count(Comparison::faster)),
             std::to_string(series->count(Comparison::slower)),
             std::to_string(series->count(Comparison::same)),
             std::to_string(series->count(Comparison::unclear)),
             ratio_text(series->median())});
    }
    console.print(task.name + ", baseline " + baseline.name + ", fresh starts");
    console.print(render(table));
    console.print(
        quiet && sharp ? "the judge is steady here"
                       : "the judge is too noisy here: at most 4 % false decisions and at least "
                         "90 % recognised are wanted");
    return quiet && sharp ? 0 : 1;
}

}  // namespace

CommandSpec bench_noise_command() {
    CommandSpec spec;
    spec.name = "dev bench noise";
    spec.group = "Hidden";
    spec.summary = "judge the judge: a kernel against itself, and one made slower on purpose";
    spec.examples = {"kwright dev bench noise --runs 50 --slower-runs 20"};
    spec.options = {
        {"--task", "TASK", "w4a16_gemv when not given", "", false, "Options", {}},
        {"--runs",
         "N",
         "judgements of the fastest baseline against itself (50)",
         "",
         false,
         "Options",
         {}},
        {"--slower-runs", "N", "judgements of the slowed kernel (20)", "", false, "Options", {}},
        {"--percent", "P", "how much slower, percent of the work (5)", "", false, "Options", {}},
        {"--judge-cap", "S", "seconds one judgement may take", "judge.cap_s", false, "Options", {}},
    };
    spec.run = bench_noise;
    spec.hidden = true;
    return spec;
}

}  // namespace kw::cli
