// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/drain.hpp"
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/judge_again.hpp"
#include "core/clock.hpp"
#include "server/views/views.hpp"

#include <array>
#include <cstdio>

namespace kw::cli {
namespace {

Result<int> list(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
    if (invocation.json) {
        KW_TRY_ASSIGN(const std::string document, server::campaigns_view(store));
        console.print(document);
        return 0;
    }
    KW_TRY_ASSIGN(const std::vector<CampaignRow> rows, store.campaigns());
    Table table;
    table.head = {
        "name",
        "task",
        "device",
        "proposer",
        "strategy",
        "state",
        "evals",
        "usd",
        "started",
        "stop reason"};
    table.right = {false, false, false, false, false, false, true, true};
    for (const CampaignRow& row : rows) {
        std::array<char, 32> usd{};
        std::snprintf(usd.data(), usd.size(), "%.2f", row.spent_usd);
        table.rows.push_back(
            {row.name,
             row.task,
             row.device,
             row.proposer,
             row.strategy,
             row.state,
             std::to_string(row.evaluations),
             usd.data(),
             iso8601(row.created_ms).substr(0, 16),
             row.stop_reason});
    }
    console.print(render(table));
    return 0;
}

Result<int> export_cassette(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
    const std::string to = invocation.text("output");
    KW_TRY(agent::export_cassette(invocation.text("CAMPAIGN"), store, to));
    KW_TRY_ASSIGN(const auto row, store.campaign(invocation.text("CAMPAIGN")));
    const std::string device = row && row->device != "cpu" ? " --device " + row->device : "";
    console.say(
        "wrote     " + to + "   Replay: kwright run " + (row ? row->task : "TASK") + device +
        " --proposer replay:" + to);
    return 0;
}

Result<int> drain(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::write));
    const std::string id = invocation.text("device");
    KW_TRY_ASSIGN(const std::vector<agent::StoredJudging> rows, agent::waiting_judgings(store, id));
    if (rows.empty()) {
        console.say("no candidate waits" + (id.empty() ? "" : " for " + id));
        return 0;
    }
    // Before anything is tried, and once: not a line for every candidate.
    std::string opened;
    for (const agent::StoredJudging& row : rows) {
        if (row.device_id != opened) {
            opened = row.device_id;
            if (const auto device = open_device(opened, evaluator_config(invocation.config));
                !device) {
                Error error = device.error();
                error.what = std::to_string(rows.size()) + " candidates wait: " + error.what;
                return error;
            }
        }
    }
    return judge_all_again(
        rows,
        {agent::rejudge},
        "kwright.drain/1",
        store,
        invocation,
        console,
        Unclear::queued_again);
}

}  // namespace

CommandSpec campaign_drain_command() {
    CommandSpec spec;
    spec.name = "campaign drain";
    spec.group = "Search";
    spec.summary = "time the candidates that wait for a device that was absent";
    spec.examples = {"kwright campaign drain --device cuda:0"};
    spec.options = {
        {"--device", "ID", "only those that wait for it", "", false, "Options", {}},
        {"--judge-cap",
         "S",
         "seconds one judgement may take, 0 = the task's own",
         "judge.cap_s",
         false,
         "Options",
         {}}};
    spec.run = drain;
    return spec;
}

CommandSpec campaign_list_command() {
    CommandSpec spec;
    spec.name = "campaign list";
    spec.group = "Look";
    spec.summary = "all campaigns of the database";
    spec.examples = {"kwright campaign list"};
    spec.run = list;
    return spec;
}

CommandSpec campaign_export_command() {
    CommandSpec spec;
    spec.name = "campaign export-cassette";
    spec.group = "Look";
    spec.summary = "a campaign's replies, unedited, as a file for `replay:`";
    spec.examples = {"kwright campaign export-cassette w4a16_gemv -o w4a16.cassette.jsonl"};
    spec.positionals = {{"CAMPAIGN", "name", true, false, "campaign"}};
    spec.options = {{"-o,--output", "FILE", "file to write", "", false, "Options", {}}};
    spec.run = export_cassette;
    return spec;
}

}  // namespace kw::cli
