// SPDX-License-Identifier: Apache-2.0
#include "core/clock.hpp"
#include "server/views/view_json.hpp"
#include "server/views/views.hpp"

#include <nlohmann/json.hpp>

namespace kw::server {

namespace {

/// The board is asked once a campaign: only as many as a page shows at first.
constexpr std::size_t k_bests = 100;

/// The best kernel of a campaign; a measured one goes before a modelled one.
Result<nlohmann::json> best_of(const std::string& campaign, db::Store& store) {
    BoardFilter filter;
    filter.campaigns = {campaign};
    KW_TRY_ASSIGN(const std::vector<BoardRow> rows, store.board(filter));
    const BoardRow* best = nullptr;
    for (const BoardRow& row : rows) {
        const bool same_kind = best != nullptr && row.timing_kind == best->timing_kind;
        if (best == nullptr || (same_kind && row.speedup.lo > best->speedup.lo)) {
            best = &row;
        }
    }
    if (best == nullptr) {
        return nlohmann::json(nullptr);
    }
    return nlohmann::json{
        {"kernel", best->candidate_hash},
        {"speedup", best->speedup.value},
        {"ci95", {best->speedup.lo, best->speedup.hi}},
        {"timing", best->timing_kind}};
}

}  // namespace

Result<std::string> campaigns_view(db::Store& store) {
    KW_TRY_ASSIGN(const std::vector<CampaignRow> rows, store.campaigns());
    nlohmann::json document = {
        {"schema", "kwright.campaigns/1"}, {"rows", nlohmann::json::array()}};
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const CampaignRow& row = rows[i];
        nlohmann::json best = nullptr;
        if (i + k_bests >= rows.size()) {
            KW_TRY_ASSIGN(best, best_of(row.name, store));
        }
        document["rows"].push_back(
            {{"name", row.name},
             {"task", row.task},
             {"target", row.target},
             {"device", row.device},
             {"strategy", row.strategy},
             {"proposer", row.proposer},
             {"state", row.state},
             {"stop_reason", row.stop_reason},
             {"evaluations", row.evaluations},
             {"usd", row.spent_usd},
             {"tokens", {{"in", row.tokens_in}, {"out", row.tokens_out}}},
             {"best", std::move(best)},
             {"started", iso8601(row.created_ms)},
             {"updated", iso8601(row.updated_ms)}});
    }
    return dump(document);
}

}  // namespace kw::server
