// SPDX-License-Identifier: Apache-2.0
// The leaderboard. What stands on it is kept beside the evaluations (board_upkeep.hpp), ranked
// within groups of one task, device and kind of timing; here the groups are chosen and merged.
#include "db/store_impl.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <unordered_map>

namespace kw::db {

namespace {

constexpr std::string_view k_reading_board = "reading the board";

constexpr int k_board_since = 8;

/// One that stands on the board. Ranked by the lower end of the interval: by what was shown, so
/// that a disturbed run of 8.0x [1.6, 37] does not stand above 4.6x [4.5, 5.9].
struct Standing {
    std::size_t section = 0;  ///< of its task, kind of timing and device: never ranked with others
    double lo = 0;
    double speedup = 0;
    std::int64_t evaluation_id = 0;
};

bool ranks_before(const Standing& left, const Standing& right) {
    return std::tuple(left.section, -left.lo, -left.speedup, left.evaluation_id) <
           std::tuple(right.section, -right.lo, -right.speedup, right.evaluation_id);
}

struct Group {
    std::int64_t id = 0;
    std::size_t section = 0;
};

void bind_filter(Statement& query, int& index, const BoardFilter& filter) {
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
}

/// The device of the campaign, or its kind: the id's part before the colon.
std::string is_device(const std::string& column) {
    return "(" + column + " = ? OR substr(" + column + ", 1, instr(" + column +
           ", ':')) = ? || ':')";
}

std::string marks(std::size_t count) {
    std::string out = "?";
    for (std::size_t i = 1; i < count; ++i) {
        out += ", ?";
    }
    return out;
}

/// In the order of the board.
Result<std::vector<Group>> groups_of(Connection& connection, const BoardFilter& filter) {
    std::string sql = "SELECT id, task, timing_kind, device FROM board_group WHERE 1";
    sql += filter.task ? " AND task = ?" : "";
    sql += filter.target ? " AND target = ?" : "";
    sql += filter.device ? " AND " + is_device("device_id") : "";
    Statement query(connection, k_reading_board, sql + " ORDER BY task, timing_kind, device, id");
    int index = 0;
    bind_filter(query, index, filter);
    std::vector<Group> groups;
    std::tuple<std::string, std::string, std::string> before;
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return groups;
        }
        std::tuple place(query.text(1), query.text(2), query.text(3));
        const std::size_t last = groups.empty() ? 0 : groups.back().section;
        const bool same = !groups.empty() && place == before;
        groups.push_back({query.integer(0), same || groups.empty() ? last : last + 1});
        before = std::move(place);
    }
}

Standing read_standing(const Statement& query, std::size_t section) {
    const double lo = query.is_null(1) ? -std::numeric_limits<double>::infinity() : query.real(1);
    return {section, lo, query.real(2), query.integer(0)};
}

/// The best `limit` of each group, negative: all; sections one after the other until `wanted` are
/// there.
Result<std::vector<Standing>> best_of_groups(
    Connection& connection,
    const std::vector<Group>& groups,
    std::int64_t limit,
    std::size_t wanted) {
    Statement query(
        connection,
        k_reading_board,
        "SELECT evaluation_id, speedup_lo, speedup FROM board_entry WHERE group_id = ?"
        " ORDER BY speedup_lo DESC, speedup DESC, evaluation_id LIMIT ?");
    std::vector<Standing> out;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (out.size() >= wanted && groups[i].section != groups[i - 1].section) {
            break;
        }
        query.reset();
        query.bind_all(groups[i].id, limit);
        while (true) {
            KW_TRY_ASSIGN(const bool found, query.step());
            if (!found) {
                break;
            }
            out.push_back(read_standing(query, groups[i].section));
        }
    }
    return out;
}

/// All of the named campaigns: they hold little of a large file.
Result<std::vector<Standing>> all_of_campaigns(
    Connection& connection,
    const std::vector<Group>& groups,
    const std::vector<std::string>& campaigns) {
    std::unordered_map<std::int64_t, std::size_t> sections;
    for (const Group& group : groups) {
        sections[group.id] = group.section;
    }
    Statement query(
        connection,
        k_reading_board,
        "SELECT evaluation_id, speedup_lo, speedup, group_id FROM board_entry WHERE campaign_id IN"
        " (SELECT id FROM campaign WHERE name IN (" +
            marks(campaigns.size()) + "))");
    int index = 0;
    for (const std::string& campaign : campaigns) {
        query.bind(index++, std::string_view(campaign));
    }
    std::vector<Standing> out;
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return out;
        }
        const auto group = sections.find(query.integer(3));
        if (group != sections.end()) {
            out.push_back(read_standing(query, group->second));
        }
    }
}

/// What the filter lets through, in the order of the board, cut at its limit.
Result<std::vector<Standing>> standings(Connection& connection, const BoardFilter& filter) {
    KW_TRY_ASSIGN(const std::vector<Group> groups, groups_of(connection, filter));
    const auto wanted = filter.limit > 0 ? static_cast<std::size_t>(filter.limit)
                                         : std::numeric_limits<std::size_t>::max();
    const auto every = std::numeric_limits<std::size_t>::max();
    const std::int64_t of_group = !filter.all ? 1 : filter.limit > 0 ? filter.limit : -1;
    Result<std::vector<Standing>> found =
        filter.campaigns.empty()
            ? best_of_groups(connection, groups, of_group, filter.all ? wanted : every)
            : all_of_campaigns(connection, groups, filter.campaigns);
    KW_TRY(found);
    std::vector<Standing> out = std::move(found).value();
    std::ranges::sort(out, ranks_before);
    if (!filter.all) {
        const auto same_section = [](const Standing& left, const Standing& right) {
            return left.section == right.section;
        };
        out.erase(std::unique(out.begin(), out.end(), same_section), out.end());
    }
    out.resize(std::min(out.size(), wanted));
    return out;
}

/// In the order in which read_board_row() takes them.
std::string columns(const std::string& device_id) {
    return "candidate.task AS task, evaluation.candidate_hash,"
           " campaign.name AS campaign, coalesce(reply.model, campaign.proposer) AS model,"
           " candidate.target, " +
           device_id +
           " AS device_id, evaluation.device AS device, evaluation.timing_kind, candidate.isa,"
           " evaluation.speedup AS speedup, evaluation.speedup_lo, evaluation.speedup_hi,"
           " evaluation.vs_naive, evaluation.vs_naive_lo, evaluation.vs_naive_hi,"
           " evaluation.min_speedup, evaluation.sol, evaluation.comparison, evaluation.state,"
           " candidate.lines_of_code, evaluation.step, evaluation.slot,"
           " evaluation.id AS evaluation_id, evaluation.created_ms";
}

constexpr std::string_view k_joined =
    " JOIN candidate ON candidate.hash = evaluation.candidate_hash"
    " JOIN campaign ON campaign.id = evaluation.campaign_id"
    " LEFT JOIN reply ON reply.campaign_id = evaluation.campaign_id"
    " AND reply.step = evaluation.step AND reply.slot = evaluation.slot"
    " WHERE evaluation.verdict = 'AC' AND evaluation.state = 'judged' ";

/// For files from before the board was kept: computed from all of their evaluations.
/// Of the judgings of one evaluation on one device the newest that counts speaks for it. Files of
/// schema 1 have no campaign.device: all of their rows are of the CPU.
std::string ranked_sql(const BoardFilter& filter, int schema) {
    const std::string device_id = schema >= 2 ? "campaign.device" : "'cpu'";
    std::string sql =
        "WITH counted AS (SELECT id AS newest, row_number() OVER (PARTITION BY " +
        std::string(schema >= 3 ? "coalesce(reproduces, id)" : "id") +
        ", device, timing_kind ORDER BY id DESC) AS age FROM evaluation WHERE state = 'judged'),"
        " ranked AS (SELECT " +
        columns(device_id) +
        ","
        " row_number() OVER (PARTITION BY candidate.task, evaluation.device,"
        " evaluation.timing_kind ORDER BY evaluation.speedup_lo DESC, evaluation.speedup DESC,"
        " evaluation.id) AS place"
        " FROM evaluation"
        " JOIN counted ON counted.newest = evaluation.id AND counted.age = 1" +
        std::string(k_joined) +
        " AND candidate.origin <> 'baseline' AND evaluation.speedup < 1e300";
    if (filter.task) {
        sql += " AND candidate.task = ?";
    }
    if (filter.target) {
        sql += " AND candidate.target = ?";
    }
    if (filter.device) {
        sql += " AND " + is_device(device_id);
    }
    if (!filter.campaigns.empty()) {
        sql += " AND campaign.name IN (" + marks(filter.campaigns.size()) + ")";
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

Result<std::vector<BoardRow>> ranked(
    Connection& connection, int schema, const BoardFilter& filter) {
    Statement query(connection, k_reading_board, ranked_sql(filter, schema));
    int index = 0;
    bind_filter(query, index, filter);
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

}  // namespace

Result<std::vector<BoardRow>> Store::board(const BoardFilter& filter) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    if (impl_->schema < k_board_since) {
        return ranked(*connection, impl_->schema, filter);
    }
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_reading_board, Transaction::Kind::read));
    KW_TRY_ASSIGN(const std::vector<Standing> chosen, standings(*connection, filter));
    Statement query(
        *connection,
        k_reading_board,
        "SELECT " + columns("campaign.device") + " FROM evaluation" + std::string(k_joined) +
            "AND evaluation.id = ?");
    std::vector<BoardRow> rows;
    for (const Standing& standing : chosen) {
        query.reset();
        query.bind(0, standing.evaluation_id);
        KW_TRY_ASSIGN(const bool found, query.step());
        if (found) {  // else an outsider's file: what does not count is not shown
            KW_TRY_ASSIGN(BoardRow row, read_board_row(query));
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

}  // namespace kw::db
