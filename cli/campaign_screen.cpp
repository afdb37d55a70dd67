// SPDX-License-Identifier: Apache-2.0
#include "cli/campaign_screen.hpp"

#include "agent/observation/observation.hpp"
#include "cli/json_text.hpp"
#include "core/hash.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>

namespace kw::cli {
namespace {

std::string dollars(double usd) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f", usd);
    return text.data();
}

void print_json(const agent::CampaignSummary& summary, Console& console) {
    nlohmann::json document = {
        {"schema", "kwright.campaign/1"},
        {"campaign", summary.row.name},
        {"task", summary.row.task},
        {"target", summary.row.target},
        {"device", summary.row.device},
        {"state", summary.row.state},
        {"stop_reason", summary.stop_reason},
        {"evaluations", summary.evaluations},
        {"usd", summary.row.spent_usd},
        {"tokens", {{"in", summary.row.tokens_in}, {"out", summary.row.tokens_out}}},
        {"best", nullptr}};
    if (!summary.best_candidate.empty()) {
        const Ratio& best = summary.best_speedup;
        document["best"] = {
            {"kernel", summary.best_candidate},
            {"speedup", best.value},
            {"ci95", {best.lo, best.hi}}};
    }
    console.print(json_text(document));
}

}  // namespace

Result<std::unique_ptr<Sinks>> open_sinks(const Invocation& invocation, Console& console) {
    auto sinks = std::make_unique<Sinks>(console);
    const std::string events = invocation.text("events");
    if (events != "-") {
        sinks->stream.add(sinks->progress);
    }
    if (!events.empty()) {
        sinks->lines = std::make_unique<JsonLinesSink>(events);
        if (!sinks->lines->ok()) {
            return Error{
                Errc::environment,
                "opening " + events + " for events failed",
                "choose a writable file, or - for stdout"};
        }
        sinks->stream.add(*sinks->lines);
    }
    return sinks;
}

void show_plan(const agent::Plan& plan, Console& console) {
    for (const std::string& line : plan.lines) {
        console.say(line);
    }
    if (!plan.estimate.empty()) {
        console.say("estimate  " + plan.estimate);
    }
}

int finish_campaign(
    const agent::CampaignSummary& summary, const Invocation& invocation, Console& console) {
    const std::string& name = summary.row.name;
    if (invocation.json) {
        print_json(summary, console);
        return summary.interrupted ? 130 : 0;
    }
    const std::string count = std::to_string(summary.evaluations) + " evaluations";
    if (summary.interrupted) {
        console.say(
            "stopped   " + summary.stop_reason + " after " + count +
            "; everything is saved.   Resume: kwright resume " + name);
        return 130;
    }
    console.say(
        "finished  " + name + ": " + summary.stop_reason + ", " + count + ", " +
        dollars(summary.row.spent_usd) + " USD");
    if (summary.best_candidate.empty()) {
        console.say("best      none accepted.   Look at them: kwright show " + name);
        return 0;
    }
    const std::string kernel = short_id('k', summary.best_candidate);
    const Ratio& best = summary.best_speedup;
    console.print(
        "best      " + console.paint(kernel, Ink::bold) + "  " +
        console.paint(show_ratio(best.value, best.lo, best.hi), Ink::green) +
        " over the fastest baseline" +
        (agent::device_models(summary.row.device) ? ", modelled, not measured" : ""));
    console.say(
        "next      kwright show " + kernel + "    kwright diff " + kernel + "    kwright board");
    return 0;
}

}  // namespace kw::cli
