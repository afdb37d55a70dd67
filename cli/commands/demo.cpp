// SPDX-License-Identifier: Apache-2.0
// Recorded campaigns, replayed with real builds, checks and timings on this machine, and a live
// search by the tuner. Bounded in time, so that it is the first thing to try.
#include "agent/proposers/cassette.hpp"
#include "cli/board_table.hpp"
#include "cli/campaign_screen.hpp"
#include "cli/commands/commands.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "core/hash.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

namespace kw::cli {
namespace {

using std::chrono::steady_clock;

constexpr double k_seconds = 46;       // of the whole demo, which may exceed it by one promotion
constexpr double k_tune_share = 0.3;   // of them, kept for the live search
constexpr double k_least_seconds = 4;  // a campaign with less is left out
constexpr double k_judge_cap_s = 1.5;
constexpr int k_max_pairs = 120;
constexpr int k_tune_evals = 12;
constexpr const char* k_tune_task = "rmsnorm_quant";

/// Lets one workshop serve several campaigns, each with a screen of its own.
struct Relay final : EventSink {
    EventSink* to = nullptr;
    void on_event(const Event& event) override {
        if (to != nullptr) {
            to->on_event(event);
        }
    }
};

struct Part {
    agent::CampaignSettings settings;
    Task task;
    std::string title;
};

std::vector<std::filesystem::path> cassettes_of(const Config& config) {
    std::vector<std::filesystem::path> files;
    for (const std::filesystem::path& root : task_roots(config)) {
        std::error_code error;
        for (std::filesystem::directory_iterator at(root / "demo", error), end; !error && at != end;
             at.increment(error)) {
            if (at->path().string().ends_with(".cassette.jsonl")) {
                files.push_back(at->path());
            }
        }
        if (!files.empty()) {
            break;
        }
    }
    std::ranges::sort(files);
    return files;
}

agent::CampaignSettings short_settings() {
    agent::CampaignSettings settings;
    settings.judge_cap_s = k_judge_cap_s;
    settings.max_pairs = k_max_pairs;
    return settings;
}

Result<Part> replay_part(const std::filesystem::path& file, const Config& config) {
    KW_TRY_ASSIGN(const agent::Cassette cassette, agent::load_cassette(file));
    KW_TRY_ASSIGN(Task task, open_task(cassette.task, config));
    Part part;
    part.settings = short_settings();
    part.settings.name = "demo-" + task.name;
    part.settings.proposer = "replay:" + file.string();
    part.settings.isa = cassette.isa.empty() ? "native" : cassette.isa;
    part.settings.budget.max_evals = static_cast<int>(cassette.replies.size()) + 1;
    part.title = "Replaying " + std::to_string(cassette.replies.size()) + " recorded replies (" +
                 cassette.proposer + ") for " + task.name +
                 ": built, checked and timed on this machine.";
    part.task = std::move(task);
    return part;
}

Result<Part> tune_part(const Config& config) {
    KW_TRY_ASSIGN(Task task, open_task(k_tune_task, config));
    Part part;
    part.settings = short_settings();
    part.settings.name = "demo-tune";
    part.settings.proposer = "tune";
    part.settings.budget.max_evals = k_tune_evals;
    part.title = "A live search without a model: the tuner varies the parameters of the seed of " +
                 task.name + ".";
    part.task = std::move(task);
    return part;
}

class Demo {
public:
    Demo(const Invocation& invocation, Console& console, double seconds)
        : invocation_(invocation)
        , console_(console)
        , seconds_(seconds) {}

    Result<int> run() {
        KW_TRY_ASSIGN(workshop_, open_workshop(invocation_.config, relay_, "cpu"));
        const std::vector<std::filesystem::path> files = cassettes_of(invocation_.config);
        if (files.empty()) {
            console_.say(
                "no recorded campaign was found beside the tasks: only the live search runs");
        }
        for (std::size_t i = 0; i < files.size() && !interrupted_; ++i) {
            KW_TRY_ASSIGN(Part part, replay_part(files[i], invocation_.config));
            const double kept = tuned_ ? 0 : k_tune_share * seconds_;
            KW_TRY(play(part, (left() - kept) / static_cast<double>(files.size() - i)));
            // Its weights and baselines are still there.
            if (part.task.name == k_tune_task) {
                KW_TRY(tune(kept));
            }
        }
        KW_TRY(tune(left()));
        return finish();
    }

private:
    [[nodiscard]] double left() const {
        return seconds_ - std::chrono::duration<double>(steady_clock::now() - begin_).count();
    }

    Result<void> tune(double seconds) {
        if (interrupted_ || std::exchange(tuned_, true)) {
            return {};
        }
        KW_TRY_ASSIGN(Part part, tune_part(invocation_.config));
        return play(part, seconds);
    }

    Result<void> play(Part& part, double seconds) {
        if (seconds < k_least_seconds) {
            console_.say("skipped   " + part.settings.name + ": no time is left for it");
            return {};
        }
        console_.say("\n" + console_.paint_err(part.title, Ink::bold));
        part.settings.budget.max_seconds = seconds;
        ProgressSink screen(console_);
        relay_.to = &screen;
        auto played = agent::run_campaign(part.settings, part.task, workshop_->context);
        relay_.to = nullptr;
        if (!played) {
            return played.error();
        }
        interrupted_ = played->interrupted;
        console_.redraw({});
        const std::string best = played->best_candidate.empty()
                                     ? "none accepted"
                                     : short_id('k', played->best_candidate) + " " +
                                           show_ratio(
                                               played->best_speedup.value,
                                               played->best_speedup.lo,
                                               played->best_speedup.hi) +
                                           " over the fastest baseline";
        console_.say(
            "best      " + best + "   (" + played->row.name + ": " + played->stop_reason + ", " +
            std::to_string(played->evaluations) + " evaluations)");
        summaries_.push_back(std::move(*played));
        return {};
    }

    Result<int> finish() {
        const double seconds = seconds_ - left();
        if (interrupted_) {
            console_.say("stopped   everything so far is saved.   Look: kwright campaign list");
            return 130;
        }
        if (invocation_.json) {
            print_json(seconds);
            return 0;
        }
        BoardFilter filter;
        for (const agent::CampaignSummary& summary : summaries_) {
            filter.campaigns.push_back(summary.row.name);
        }
        KW_TRY_ASSIGN(const std::vector<BoardRow> rows, workshop_->store.board(filter));
        console_.say("");
        if (!rows.empty()) {
            console_.print(board_table(rows, console_));
        }
        console_.say(
            "\ndone in " + show_duration(seconds) + "; 0.00 USD; all of it is in " +
            workshop_->store.file().string());
        if (!rows.empty()) {
            const std::string kernel = short_id('k', rows.front().candidate_hash);
            console_.say(
                "next      kwright show " + kernel + "    kwright diff " + kernel +
                " --against baseline    kwright board --all");
        }
        console_.say(
            "          kwright run w4a16_gemv --proposer openai:MODEL   (with OPENAI_API_KEY set)");
        return 0;
    }

    void print_json(double seconds) {
        nlohmann::json document = {
            {"schema", "kwright.demo/1"},
            {"seconds", seconds},
            {"campaigns", nlohmann::json::array()}};
        for (const agent::CampaignSummary& summary : summaries_) {
            nlohmann::json entry = {
                {"campaign", summary.row.name},
                {"task", summary.row.task},
                {"evaluations", summary.evaluations},
                {"stop_reason", summary.stop_reason},
                {"best", nullptr}};
            if (!summary.best_candidate.empty()) {
                entry["best"] = {
                    {"kernel", summary.best_candidate},
                    {"speedup", summary.best_speedup.value},
                    {"ci95", {summary.best_speedup.lo, summary.best_speedup.hi}}};
            }
            document["campaigns"].push_back(std::move(entry));
        }
        console_.print(json_text(document));
    }

    const Invocation& invocation_;
    Console& console_;
    double seconds_;
    Relay relay_;
    std::unique_ptr<Workshop> workshop_;
    std::vector<agent::CampaignSummary> summaries_;
    steady_clock::time_point begin_ = steady_clock::now();
    bool interrupted_ = false;
    bool tuned_ = false;
};

Result<int> demo(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(const double seconds, invocation.number("seconds", k_seconds));
    if (!(seconds >= 10 && seconds <= 3600)) {
        return Error{Errc::usage, "--seconds takes 10 to 3600", ""};
    }
    return Demo(invocation, console, seconds).run();
}

}  // namespace

CommandSpec demo_command() {
    CommandSpec spec;
    spec.name = "demo";
    spec.group = "Start";
    spec.summary = "recorded campaigns and a live search on this machine, in under a minute";
    spec.examples = {"kwright demo"};
    spec.options = {
        {"--seconds", "N", "time for all of it (46)", "", false, "Options", {}},
    };
    spec.run = demo;
    return spec;
}

}  // namespace kw::cli
