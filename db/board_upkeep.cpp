// SPDX-License-Identifier: Apache-2.0
#include "db/board_upkeep.hpp"

#include <vector>

namespace kw::db {

namespace {

/// The judgings of evaluation ?1 that stand on the board: of those on one device the newest that
/// counts speaks for it, whatever it says, so that a kernel whose second measurement failed is not
/// shown by its first. A speed-up that is not a finite number is a broken record, not rank 1.
constexpr std::string_view k_standing =
    " FROM evaluation"
    " JOIN candidate ON candidate.hash = evaluation.candidate_hash"
    " JOIN campaign ON campaign.id = evaluation.campaign_id"
    " WHERE (evaluation.id = ?1 OR evaluation.reproduces = ?1)"
    " AND evaluation.state = 'judged' AND evaluation.verdict = 'AC'"
    " AND candidate.origin <> 'baseline' AND evaluation.speedup < 1e300"
    " AND NOT EXISTS (SELECT 1 FROM evaluation AS later WHERE later.reproduces = ?1"
    " AND later.id > evaluation.id AND later.state = 'judged'"
    " AND later.device = evaluation.device AND later.timing_kind = evaluation.timing_kind)";

Result<void> run(
    Connection& connection, std::string_view doing, const std::string& sql, std::int64_t first_id) {
    Statement statement(connection, doing, sql);
    statement.bind_all(first_id);
    return statement.run();
}

}  // namespace

Result<void> settle_board(Connection& connection, std::string_view doing, std::int64_t first_id) {
    KW_TRY(run(connection, doing, "DELETE FROM board_entry WHERE first_id = ?1", first_id));
    KW_TRY(
        run(connection,
            doing,
            "INSERT INTO board_group (task, timing_kind, device, target, device_id)"
            " SELECT candidate.task, evaluation.timing_kind, evaluation.device, candidate.target,"
            " campaign.device" +
                std::string(k_standing) + " ON CONFLICT DO NOTHING",
            first_id));
    return run(
        connection,
        doing,
        "INSERT INTO board_entry"
        " (evaluation_id, first_id, campaign_id, group_id, speedup_lo, speedup)"
        " SELECT evaluation.id, ?1, evaluation.campaign_id, (SELECT board_group.id FROM board_group"
        " WHERE board_group.task = candidate.task"
        " AND board_group.timing_kind = evaluation.timing_kind"
        " AND board_group.device = evaluation.device AND board_group.target = candidate.target"
        " AND board_group.device_id = campaign.device),"
        " evaluation.speedup_lo, evaluation.speedup" +
            std::string(k_standing),
        first_id);
}

Result<void> settle_board_of(
    Connection& connection, std::string_view doing, const std::string& candidate_hash) {
    std::vector<std::int64_t> firsts;
    Statement query(
        connection,
        doing,
        "SELECT DISTINCT coalesce(reproduces, id) FROM evaluation WHERE candidate_hash = ?");
    query.bind_all(std::string_view(candidate_hash));
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            break;
        }
        firsts.push_back(query.integer(0));
    }
    for (const std::int64_t first_id : firsts) {
        KW_TRY(settle_board(connection, doing, first_id));
    }
    return {};
}

}  // namespace kw::db
