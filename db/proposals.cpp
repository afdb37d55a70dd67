// SPDX-License-Identifier: Apache-2.0
// Replies and candidates: what was proposed, stored before it is judged.
#include "db/store_impl.hpp"

#include <algorithm>

namespace kw::db {

namespace {

constexpr std::string_view k_storing_reply = "storing the reply";
constexpr std::string_view k_storing_candidate = "storing the candidate";
constexpr std::string_view k_reading_replies = "reading the replies";
constexpr std::string_view k_reading_candidate = "reading the candidate";
constexpr std::size_t k_shortest_prefix = 4;
constexpr std::size_t k_matches_named = 5;

Result<void> put_prompt(Connection& connection, const ReplyRow& row) {
    if (row.prompt_hash.empty()) {
        return {};
    }
    KW_TRY_ASSIGN(const Bytes packed, pack_text(row.prompt));
    Statement insert(
        connection,
        k_storing_reply,
        "INSERT INTO prompt (hash, text) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING");
    insert.bind_all(std::string_view(row.prompt_hash), std::span<const std::byte>(packed));
    return insert.run();
}

/// Prompt text first, then the reply's own columns.
std::string reply_select() {
    ColumnNames names;
    const ReplyRow row;
    visit_reply(names, row);
    return "SELECT prompt.text, " + names.list("reply.") +
           " FROM reply LEFT JOIN prompt ON prompt.hash = reply.prompt_hash ";
}

Result<ReplyRow> read_reply(const Statement& query) {
    ReplyRow row;
    Reader reader(query, 1);
    visit_reply(reader, row);
    if (!query.is_null(0)) {
        Reader prompt(query);
        prompt("text", Packed{row.prompt});
        KW_TRY(prompt.failure());
    }
    KW_TRY(reader.failure());
    return row;
}

/// Lines with something on them: what a person would count.
int lines_of_code(std::string_view source) {
    int lines = 0;
    bool counted = false;
    for (const char c : source) {
        if (c == '\n') {
            counted = false;
        } else if (!counted && c != ' ' && c != '\t' && c != '\r') {
            counted = true;
            ++lines;
        }
    }
    return lines;
}

Result<std::string> checked_prefix(std::string prefix) {
    for (char& c : prefix) {
        c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    const bool hex = std::all_of(prefix.begin(), prefix.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
    if (!hex || prefix.size() < k_shortest_prefix) {
        return Error{
            Errc::usage,
            "looking for a candidate: '" + printable(prefix) +
                "' is not a hash of at least 4 hex digits",
            "kwright board shows the ids"};
    }
    return prefix;
}

Result<std::vector<std::string>> hashes_beginning(
    Connection& connection, const std::string& prefix) {
    Statement query(
        connection,
        k_reading_candidate,
        "SELECT hash FROM candidate WHERE hash >= ? AND hash < ? ORDER BY hash LIMIT ?");
    // 'g' follows the last hex digit.
    const std::string beyond = prefix + "g";
    query.bind_all(
        std::string_view(prefix),
        std::string_view(beyond),
        static_cast<std::int64_t>(k_matches_named + 1));
    std::vector<std::string> found;
    while (true) {
        KW_TRY_ASSIGN(const bool row, query.step());
        if (!row) {
            return found;
        }
        found.push_back(query.text(0));
    }
}

Error not_one_candidate(const std::string& prefix, const std::vector<std::string>& found) {
    if (found.empty()) {
        return {
            Errc::usage,
            "looking for a candidate: none begins with " + prefix,
            "kwright board --all shows the ids"};
    }
    std::string matches;
    for (std::size_t i = 0; i < std::min(found.size(), k_matches_named); ++i) {
        matches += (i == 0 ? "" : ", ") + printable(found[i], 16);
    }
    return {
        Errc::usage,
        "looking for a candidate: several begin with " + prefix + ": " + matches +
            (found.size() > k_matches_named ? ", and more" : ""),
        "give more digits"};
}

}  // namespace

Result<void> insert_reply(Connection& connection, const ReplyRow& row) {
    Statement exists(
        connection,
        k_storing_reply,
        "SELECT 1 FROM reply WHERE campaign_id = ? AND step = ? AND slot = ?");
    exists.bind_all(row.campaign_id, row.step, row.slot);
    KW_TRY_ASSIGN(const bool there, exists.step());
    if (there) {
        return {};
    }
    KW_TRY(put_prompt(connection, row));
    ColumnNames names;
    visit_reply(names, row);
    Statement insert(connection, k_storing_reply, names.insert_into("reply"));
    Binder binder(insert);
    visit_reply(binder, row);
    KW_TRY(binder.failure());
    return insert.run();
}

Result<void> Store::put_reply(const ReplyRow& row) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_storing_reply));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_storing_reply, Transaction::Kind::write));
    KW_TRY(insert_reply(*connection, row));
    return transaction.commit();
}

Result<std::vector<ReplyRow>> Store::replies(std::int64_t campaign_id) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    Statement query(
        *connection,
        k_reading_replies,
        reply_select() + "WHERE campaign_id = ? ORDER BY step, slot");
    query.bind_all(campaign_id);
    std::vector<ReplyRow> rows;
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return rows;
        }
        KW_TRY_ASSIGN(ReplyRow row, read_reply(query));
        rows.push_back(std::move(row));
    }
}

Result<std::optional<ReplyRow>> Store::reply_at(std::int64_t campaign_id, int step, int slot) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    Statement query(
        *connection,
        k_reading_replies,
        reply_select() + "WHERE campaign_id = ? AND step = ? AND slot = ?");
    query.bind_all(campaign_id, step, slot);
    KW_TRY_ASSIGN(const bool found, query.step());
    if (!found) {
        return std::optional<ReplyRow>();
    }
    KW_TRY_ASSIGN(ReplyRow row, read_reply(query));
    return std::optional<ReplyRow>(std::move(row));
}

Result<void> Store::put_candidate(const CandidateRow& row) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_storing_candidate));
    return insert_candidate(*connection, row);
}

Result<void> insert_candidate(Connection& connection, const CandidateRow& row) {
    ColumnNames names;
    visit_candidate(names, row);
    Statement insert(
        connection,
        k_storing_candidate,
        "INSERT INTO candidate (" + names.list() + ", lines_of_code) VALUES (" + names.marks() +
            ", ?) ON CONFLICT (hash) DO NOTHING");
    Binder binder(insert);
    visit_candidate(binder, row);
    insert.bind(names.count(), lines_of_code(row.source));
    KW_TRY(binder.failure());
    return insert.run();
}

Result<CandidateRow> Store::candidate(const std::string& hash_prefix) {
    KW_TRY_ASSIGN(const std::string prefix, checked_prefix(hash_prefix));
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    KW_TRY_ASSIGN(const auto found, hashes_beginning(*connection, prefix));
    if (found.size() != 1) {
        return not_one_candidate(prefix, found);
    }
    CandidateRow row;
    ColumnNames names;
    visit_candidate(names, row);
    Statement query(
        *connection,
        k_reading_candidate,
        "SELECT " + names.list() + " FROM candidate WHERE hash = ?");
    query.bind_all(std::string_view(found.front()));
    KW_TRY_ASSIGN(const bool there, query.step());
    if (!there) {
        return not_one_candidate(prefix, {});
    }
    Reader reader(query);
    visit_candidate(reader, row);
    KW_TRY(reader.failure());
    return row;
}

Result<std::optional<std::string>> Store::find_duplicate(
    std::int64_t campaign_id, const std::string& token_hash) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    Statement query(
        *connection,
        "looking for a duplicate",
        "SELECT candidate.hash FROM candidate "
        "JOIN evaluation ON evaluation.candidate_hash = candidate.hash "
        "WHERE candidate.token_hash = ? AND evaluation.campaign_id = ? "
        "AND evaluation.verdict <> 'XX' ORDER BY evaluation.step, evaluation.slot LIMIT 1");
    query.bind_all(std::string_view(token_hash), campaign_id);
    KW_TRY_ASSIGN(const bool found, query.step());
    return found ? std::optional<std::string>(query.text(0)) : std::optional<std::string>();
}

}  // namespace kw::db
