// SPDX-License-Identifier: Apache-2.0
// The leaderboard: a view of evaluations, computed when asked.
#include "db/store_impl.hpp"

namespace kw::db {

namespace {

constexpr std::string_view k_doing = "reading the board";

/// Ranked by the lower end of the interval: by what was shown, so that a disturbed run of 8.0x
/// [1.6, 37] does not stand above 4.6x [4.5, 5.9].
/// Of the judgings of one evaluation on one device the newest that counts speaks for it, whatever
/// it says: a kernel whose second measurement failed is not shown by its first.
/// Measured and modelled times are never ranked together. A speed-up that is not a finite number
/// (NULL, infinity) is a broken record, not rank 1.
/// Files of schema 1 have no campaign.device: all of their rows are of the CPU.
std::string board_sql(const BoardFilter& filter, int schema) {
    const std::string device_id = schema >= 2 ? "campaign.device" : "'cpu'";
    std::string sql =
        "WITH counted AS (SELECT id AS newest, row_number() OVER (PARTITION BY " +
        std::string(schema >= 3 ? "coalesce(reproduces, id)" : "id") +
        ", device, timing_kind ORDER BY id DESC) AS age FROM evaluation WHERE state = 'judged'),"
        " ranked AS (SELECT candidate.task AS task, evaluation.candidate_hash,"
        " campaign.name AS campaign, coalesce(reply.model, campaign.proposer) AS model,"
        " candidate.target, " +
        device_id +
        " AS device_id, evaluation.device AS device, evaluation.timing_kind, candidate.isa,"
        " evaluation.speedup AS speedup, evaluation.speedup_lo, evaluation.speedup_hi,"
        " evaluation.vs_naive, evaluation.vs_naive_lo, evaluation.vs_naive_hi,"
        " evaluation.min_speedup, evaluation.sol, evaluation.comparison, evaluation.state,"
        " candidate.lines_of_code, evaluation.step, evaluation.slot,"
        " evaluation.id AS evaluation_id, evaluation.created_ms,"
        " row_number() OVER (PARTITION BY candidate.task, evaluation.device,"
        " evaluation.timing_kind ORDER BY evaluation.speedup_lo DESC, evaluation.speedup DESC,"
        " evaluation.id) AS place"
        " FROM evaluation"
        " JOIN counted ON counted.newest = evaluation.id AND counted.age = 1"
        " JOIN candidate ON candidate.hash = evaluation.candidate_hash"
        " JOIN campaign ON campaign.id = evaluation.campaign_id"
        " LEFT JOIN reply ON reply.campaign_id = evaluation.campaign_id"
        " AND reply.step = evaluation.step AND reply.slot = evaluation.slot"
        " WHERE evaluation.verdict = 'AC'"
        " AND candidate.origin <> 'baseline' AND evaluation.speedup < 1e300";
    if (filter.task) {
        sql += " AND candidate.task = ?";
    }
    if (filter.target) {
        sql += " AND candidate.target = ?";
    }
    if (filter.device) {
        const std::string kind = "substr(" + device_id + ", 1, instr(" + device_id + ", ':'))";
        sql += " AND (" + device_id + " = ? OR " + kind + " = ? || ':')";
    }
    if (!filter.campaigns.empty()) {
        sql += " AND campaign.name IN (?";
        for (std::size_t i = 1; i < filter.campaigns.size(); ++i) {
            sql += ", ?";
        }
        sql += ")";
    }
    sql += ") SELECT * FROM ranked";
    sql += filter.all ? "" : " WHERE place = 1";
    return sql +
           " ORDER BY task, timing_kind, device, speedup_lo DESC, speedup DESC, evaluation_id "
           "LIMIT ?";
}

Result<BoardRow> read_board_row(const Statement& query) {
    BoardRow row;
    Reader io(query);
    io("task", row.task);
    io("candidate_hash", row.candidate_hash);
    io("campaign", row.campaign);
    io("model", row.model);
    io("target", row.target);
    io("device_id", row.device_id);
    io("device", row.device);
    io("timing_kind", row.timing_kind);
    io("isa", row.isa);
    io("speedup", row.speedup);
    io("vs_naive", row.vs_naive);
    io("min_speedup", row.min_speedup);
    io("sol", row.sol);
    io("comparison", row.comparison);
    io("state", row.state);
    io("lines_of_code", row.lines_of_code);
    io("step", row.step);
    io("slot", row.slot);
    io("evaluation_id", row.evaluation_id);
    io("created_ms", row.created_ms);
    KW_TRY(io.failure());
    return row;
}

}  // namespace

Result<std::vector<BoardRow>> Store::board(const BoardFilter& filter) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    Statement query(*connection, k_doing, board_sql(filter, impl_->schema));
    int index = 0;
    if (filter.task) {
        query.bind(index++, std::string_view(*filter.task));
    }
    if (filter.target) {
        query.bind(index++, std::string_view(*filter.target));
    }
    if (filter.device) {
        query.bind(index++, std::string_view(*filter.device));
        query.bind(index++, std::string_view(*filter.device));
    }
    for (const std::string& campaign : filter.campaigns) {
        query.bind(index++, std::string_view(campaign));
    }
    query.bind(index, filter.limit > 0 ? filter.limit : -1);
    std::vector<BoardRow> rows;
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return rows;
        }
        KW_TRY_ASSIGN(BoardRow row, read_board_row(query));
        rows.push_back(std::move(row));
    }
}

}  // namespace kw::db
