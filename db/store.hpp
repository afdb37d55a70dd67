// SPDX-License-Identifier: Apache-2.0
// The store: one SQLite file, WAL, a single writer, forward-only migrations. The only folder that
// knows SQL. Every call is one transaction; what returned ok survives kill -9. A Store may be used
// by several threads (calls queue); it must not be carried across fork().
#pragma once

#include "core/result.hpp"
#include "core/rows.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kw::db {

enum class Access {
    write,      ///< the one writer; creates and migrates the file
    read_only,  ///< viewers: never lock out or change the writer; an older schema is read as it is
};

struct OpenOptions {
    /// How long a call waits for another program that holds the file, e.g. a database browser.
    std::chrono::milliseconds busy_timeout{10'000};
    std::int64_t max_bytes = 0;  ///< the file may not grow beyond; 0 = as the disk allows
};

/// What becomes of the judgings before a new one.
enum class Earlier {
    keep,        ///< they stay as they are; the newest counts
    stale_here,  ///< those of its device and kind of timing do not count any more
    stale,       ///< none counts any more, also when the new one should be withdrawn
};

/// What gc found or removed.
struct GcReport {
    std::int64_t blobs = 0;
    std::int64_t bytes = 0;  ///< as stored, so compressed
};

class Store {
public:
    /// Errors are Errc::database: locked by another writer, unwritable, disk full, not a kwright
    /// database, newer schema (the hint names the version that wrote it).
    static Result<Store> open(
        const std::filesystem::path& file, Access access, const OpenOptions& options = {});
    ~Store();
    Store(Store&&) noexcept;
    Store& operator=(Store&&) noexcept;

    [[nodiscard]] const std::filesystem::path& file() const;
    [[nodiscard]] int schema_version() const;

    // --- campaigns ---
    /// Takes `wanted` or, when it is taken, "wanted-2", "wanted-3", ...; sets id and name in the
    /// row.
    Result<CampaignRow> create_campaign(CampaignRow row);
    Result<void> update_campaign(const CampaignRow& row);
    /// "running" without any writer reads as "interrupted": its process was killed.
    Result<std::optional<CampaignRow>> campaign(const std::string& name);
    Result<std::vector<CampaignRow>> campaigns();  ///< oldest first
    /// With its replies and evaluations. Candidates and prompts stay until gc.
    Result<void> remove_campaign(const std::string& name);

    // --- proposals: stored before they are judged ---
    /// Idempotent by (campaign, step, slot): a second call with the same key keeps the first reply.
    Result<void> put_reply(const ReplyRow& row);
    Result<std::vector<ReplyRow>> replies(std::int64_t campaign_id);
    Result<std::optional<ReplyRow>> reply_at(std::int64_t campaign_id, int step, int slot);
    Result<void> put_candidate(const CandidateRow& row);  ///< idempotent by hash
    /// `hash_prefix` of at least 4 hex digits. Ambiguous or unknown: Errc::usage, naming the
    /// matches.
    Result<CandidateRow> candidate(const std::string& hash_prefix);
    /// The first candidate judged in the campaign that has the same token hash, if there is one.
    /// One that met our own failure (XX) does not count: it was never scored.
    Result<std::optional<std::string>> find_duplicate(
        std::int64_t campaign_id, const std::string& token_hash);

    // --- model calls: reserved before they are made, so that a limit holds whatever happens ---
    /// One transaction; the ids in the same order.
    Result<std::vector<std::int64_t>> reserve_calls(const std::vector<ModelCallRow>& rows);
    /// What became of a reserved call (state, tokens, usd, ended_ms) and its reply, in one
    /// transaction. Null: it brought none. A call that has ended stays as it is; the reply is
    /// stored like put_reply() does.
    Result<void> end_call(const ModelCallRow& row, const ReplyRow* reply);
    /// What was in flight when its process died is lost. How many.
    Result<int> lose_open_calls(std::int64_t campaign_id, std::int64_t ended_ms);
    /// Oldest first; none in a file from before schema 5.
    Result<std::vector<ModelCallRow>> model_calls(std::int64_t campaign_id);

    // --- evaluations ---
    /// The row, its samples, findings and the campaign's counters, in one transaction. Idempotent
    /// by (campaign, step, slot): returns 0 when it was there already, and then changes
    /// nothing, else the row's id. A candidate that is named must have been stored before. Every
    /// double keeps its bits.
    Result<std::int64_t> put_evaluation(const EvaluationRow& row, const CampaignRow& campaign);
    /// The same with the promotion of the row, whose `reproduces` is set here: what was judged
    /// twice before anything of it was stored.
    Result<std::int64_t> put_evaluation(
        const EvaluationRow& row, EvaluationRow promotion, const CampaignRow& campaign);
    /// The second measurement of an evaluation that would be the best, with the evaluations of
    /// which the search thinks otherwise now and the campaign's counters, in one transaction.
    /// Idempotent: an evaluation is promoted once; false when it was, and then nothing changes.
    Result<bool> put_promotion(
        const EvaluationRow& row,
        const std::vector<EvaluationRow>& changed,
        const CampaignRow& campaign);
    /// A later judging of the evaluation that `row.reproduces` names.
    Result<void> put_judging(const EvaluationRow& row, Earlier earlier);
    /// The first judgings, by step, slot; with samples.
    Result<std::vector<EvaluationRow>> evaluations(std::int64_t campaign_id);
    /// The later ones, by step, slot, then oldest first.
    Result<std::vector<EvaluationRow>> judgings(std::int64_t campaign_id);
    Result<std::optional<EvaluationRow>> evaluation(std::int64_t id);
    /// First and later judgings of the campaign with a higher id, in the order they were stored.
    Result<std::vector<EvaluationRow>> evaluations_after(
        std::int64_t campaign_id, std::int64_t after_id, int limit);
    /// First and later judgings in every campaign, in the same order.
    Result<std::vector<EvaluationRow>> evaluations_of(const std::string& candidate_hash);
    /// What somebody made of a kernel's findings of a rule, in all of its judgings: Finding::state.
    /// How many there were.
    Result<int> mark_findings(
        const std::string& candidate_hash, const std::string& rule, const std::string& state);
    /// No judging of the kernel counts any more, in any campaign. How many did.
    Result<int> revoke(const std::string& candidate_hash);
    Result<void> set_evaluation_state(std::int64_t evaluation_id, const std::string& state);

    // --- calibration log: what was said before, beside what came of it ---
    /// Idempotent by (campaign, step, slot, part): the first one stays; false when it was there.
    Result<bool> put_critique(const CritiqueRow& row);
    Result<bool> put_estimate(const EstimateRow& row);
    /// The same for all of a step, in one transaction.
    Result<void> put_estimates(const std::vector<EstimateRow>& rows);
    /// By step, slot, part. None from a file of before they were stored.
    Result<std::vector<CritiqueRow>> critiques(std::int64_t campaign_id);
    /// Likewise, with verdict and reward of the first judging at the same place.
    Result<std::vector<EstimateRow>> estimates(std::int64_t campaign_id);

    // --- leaderboard ---
    /// Accepted and judged kernels, baselines left out, by task, measured before modelled, then by
    /// device, fastest first; modelled ones are ranked apart. Of several judgings of an evaluation
    /// on one device the newest that counts is shown. A row
    /// of a reply carries the reply's model, any other its campaign's proposer.
    Result<std::vector<BoardRow>> board(const BoardFilter& filter);

    // --- calibration and settings of this machine ---
    Result<void> put_device(const std::string& device_hash, const std::string& json);
    Result<std::optional<std::string>> device(const std::string& device_hash);

    // --- housekeeping ---
    /// A consistent copy while a campaign writes (SQLite backup API): one file, no side files. An
    /// existing file is never overwritten (Errc::usage).
    Result<void> backup(const std::filesystem::path& to);
    /// Prompts that no reply names; replies of campaigns that are gone; candidates that no
    /// evaluation, reply or lineage names, unless a campaign of their task can still be resumed.
    Result<GcReport> gc(bool remove);
    /// "ok", or what PRAGMA integrity_check and foreign_key_check say.
    Result<std::string> integrity();

private:
    friend class Queue;  ///< jobs end in the same transaction as their evaluations begin
    struct Impl;
    explicit Store(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::db
