// SPDX-License-Identifier: Apache-2.0
// Follows a campaign of another process through the database, read-only.
#include "agent/campaign/promotion.hpp"
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/progress.hpp"
#include "core/clock.hpp"
#include "core/hash.hpp"

#include <algorithm>
#include <iterator>
#include <set>

namespace kw::cli {
namespace {

constexpr auto k_poll = std::chrono::milliseconds(500);

/// An evaluation, or its promotion: `first` is the judging it repeats.
Event event_of(
    const EvaluationRow& row,
    const EvaluationRow* first,
    const CampaignRow& campaign,
    int ordinal) {
    Event event;
    event.type = first == nullptr ? EventType::judged : EventType::promoted;
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
    if (first != nullptr) {
        event.text = agent::promotion_text(first->result, row.result, first->new_best);
    }
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
        seen.insert(row->id);
        const auto first = std::ranges::find(rows, row->reproduces, &EvaluationRow::id);
        const EvaluationRow* repeated = first == rows.end() ? nullptr : &*first;
        const auto ordinal = std::ranges::count_if(rows, [&](const EvaluationRow& other) {
            return other.reproduces == 0 && other.id < (repeated ? repeated->id : row->id);
        });
        Event event = event_of(*row, repeated, campaign, static_cast<int>(ordinal));
        sink.on_event(event);
        // A campaign of before promotions has bests that were judged once.
        const bool now_best =
            repeated != nullptr ? repeated->new_best : row->new_best && row->state == "judged";
        if (now_best) {
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
    std::int64_t shown_ms = -1;
    for (;;) {
        KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
        KW_TRY_ASSIGN(const std::optional<CampaignRow> campaign, store.campaign(name));
        if (!campaign) {
            return Error{
                Errc::usage,
                "no campaign is called \"" + name + "\"",
                "see `kwright campaign list`"};
        }
        if (shown_ms < 0) {
            console.say("campaign  " + name + ": " + campaign->task + " on " + campaign->device);
        }
        if (campaign->updated_ms != shown_ms || campaign->state != "running") {
            KW_TRY_ASSIGN(std::vector<EvaluationRow> rows, store.evaluations(campaign->id));
            KW_TRY_ASSIGN(std::vector<EvaluationRow> later, store.judgings(campaign->id));
            std::ranges::copy_if(later, std::back_inserter(rows), [](const EvaluationRow& row) {
                return row.purpose == "promotion";
            });
            show_new(rows, *campaign, seen, sink);
            shown_ms = campaign->updated_ms;
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
