// SPDX-License-Identifier: Apache-2.0
// Follows a campaign of another process through the database, read-only.
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/progress.hpp"
#include "core/clock.hpp"
#include "core/hash.hpp"

#include <algorithm>
#include <set>

namespace kw::cli {
namespace {

constexpr auto k_poll = std::chrono::milliseconds(500);

Event event_of(const EvaluationRow& row, const CampaignRow& campaign, int ordinal) {
    Event event;
    event.type = EventType::judged;
    event.utc_ms = row.created_ms;
    event.campaign = campaign.name;
    event.task = campaign.task;
    event.eval = ordinal;
    event.step = row.step;
    event.slot = row.slot;
    event.candidate = row.candidate_hash;
    event.parent = row.parent_hash;
    event.verdict = row.result.verdict;
    event.usd = campaign.spent_usd;
    event.text = row.note.empty() ? row.result.summary : row.note;
    if (row.result.verdict == Verdict::accepted && row.result.speedup.value > 0) {
        event.speedup = row.result.speedup;
    }
    return event;
}

/// Rows not shown yet, in the order they were stored.
void show_new(
    const std::vector<EvaluationRow>& rows,
    const CampaignRow& campaign,
    std::set<std::int64_t>& seen,
    EventSink& sink) {
    std::vector<const EvaluationRow*> fresh;
    for (const EvaluationRow& row : rows) {
        if (!seen.contains(row.id)) {
            fresh.push_back(&row);
        }
    }
    std::ranges::sort(fresh, {}, &EvaluationRow::id);
    for (const EvaluationRow* row : fresh) {
        Event event = event_of(*row, campaign, static_cast<int>(seen.size()));
        seen.insert(row->id);
        sink.on_event(event);
        if (row->new_best) {
            event.type = EventType::best;
            sink.on_event(event);
        }
    }
}

Result<int> watch(const Invocation& invocation, Console& console) {
    const std::string name = invocation.text("CAMPAIGN");
    agent::StopControl& stop = stop_control();
    ProgressSink screen(console);
    JsonLinesSink lines("-");
    EventSink& sink = invocation.json ? static_cast<EventSink&>(lines) : screen;
    std::set<std::int64_t> seen;
    int shown_evaluations = -1;
    for (;;) {
        KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
        KW_TRY_ASSIGN(const std::optional<CampaignRow> campaign, store.campaign(name));
        if (!campaign) {
            return Error{
                Errc::usage,
                "no campaign is called \"" + name + "\"",
                "see `kwright campaign list`"};
        }
        if (shown_evaluations < 0) {
            console.say("campaign  " + name + ": " + campaign->task + " on " + campaign->device);
        }
        if (campaign->evaluations != shown_evaluations || campaign->state != "running") {
            KW_TRY_ASSIGN(const std::vector<EvaluationRow> rows, store.evaluations(campaign->id));
            show_new(rows, *campaign, seen, sink);
            shown_evaluations = campaign->evaluations;
        }
        if (campaign->state != "running" && campaign->state != "planned") {
            console.say(
                campaign->state + "  " + name +
                (campaign->stop_reason.empty() ? "" : ": " + campaign->stop_reason));
            if (campaign->state == "interrupted") {
                console.say("go on with  kwright resume " + name);
            }
            return 0;
        }
        if (stop.level > 0) {
            return 0;
        }
        system_clock().sleep(k_poll);
    }
}

}  // namespace

CommandSpec watch_command() {
    CommandSpec spec;
    spec.name = "watch";
    spec.group = "Search";
    spec.summary = "follow a running campaign from another terminal, read-only";
    spec.examples = {"kwright watch w4a16_gemv"};
    spec.positionals = {{"CAMPAIGN", "name", true, false, "campaign"}};
    spec.run = watch;
    return spec;
}

}  // namespace kw::cli
