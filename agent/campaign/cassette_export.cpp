// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/campaign.hpp"
#include "agent/campaign/campaign_settings.hpp"
#include "agent/proposers/cassette.hpp"

#include <fstream>

namespace kw::agent {

Result<void> export_cassette(
    const std::string& campaign, db::Store& store, const std::filesystem::path& to) {
    KW_TRY_ASSIGN(const std::optional<CampaignRow> row, store.campaign(campaign));
    if (!row) {
        return Error{
            Errc::usage,
            "exporting " + campaign + ": no such campaign",
            "kwright campaign list shows them"};
    }
    KW_TRY_ASSIGN(const StoredSettings stored, settings_from_json(row->settings_json));
    Cassette cassette{
        row->task,
        row->task_hash,
        stored.settings.isa,
        row->name,
        // The kind only: "exchange:/some/folder" says where on a machine, which concerns nobody
        // else.
        row->proposer.substr(0, row->proposer.find(':')),
        row->strategy,
        {},
        row->target,
        row->device};
    KW_TRY_ASSIGN(const std::vector<ReplyRow> replies, store.replies(row->id));
    for (const ReplyRow& reply : replies) {
        cassette.replies.push_back(
            {reply.step,
             reply.slot,
             reply.parent_hash,
             reply.prompt_hash,
             reply.raw,
             reply.model,
             reply.tokens_in,
             reply.tokens_out,
             reply.usd});
    }
    std::ofstream out(to, std::ios::binary | std::ios::trunc);
    out << to_json_lines(cassette);
    out.flush();
    if (!out) {
        return Error{
            Errc::environment,
            "writing cassette " + to.string() + ": cannot write",
            "give a path that can be written"};
    }
    return {};
}

}  // namespace kw::agent
