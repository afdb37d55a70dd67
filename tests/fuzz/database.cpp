// SPDX-License-Identifier: Apache-2.0
// A database from somebody else, opened to be read. Bytes that begin as a SQLite file are one; any
// others are patches of a sound database: three bytes of offset, one of length, that many bytes.
#include "db/pack.hpp"
#include "db/store.hpp"
#include "tests/fuzz/folder.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/rows.hpp"

#include <algorithm>
#include <sstream>

namespace kw::fuzz {
namespace {

std::string bytes_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

/// A row of everything.
std::string sound_database(const Folder& folder) {
    const std::filesystem::path file = folder.path / "sound.db";
    {
        auto store = db::Store::open(file, db::Access::write);
        KW_CHECK(store.ok());
        test::RandomRows random(55);
        CampaignRow wanted;
        wanted.name = "c";
        wanted.task = "t";
        const auto campaign = store->create_campaign(wanted);
        KW_CHECK(campaign.ok());
        CandidateRow candidate = random.candidate();
        candidate.task = "t";
        KW_CHECK(store->put_candidate(candidate).ok());
        KW_CHECK(store->put_reply(random.reply(campaign->id, 0, 0)).ok());
        for (int step = 0; step < 2; ++step) {
            EvaluationRow row = random.row(campaign->id, step, 0);
            row.candidate_hash = candidate.hash;
            row.parent_hash.clear();
            row.result.verdict = Verdict::accepted;
            KW_CHECK(store->put_evaluation(row, *campaign).ok());
        }
        KW_CHECK(store->put_device("bb", "{}").ok());
    }
    return bytes_of(file);
}

std::string patched(std::string base, std::string_view patches) {
    while (patches.size() >= 4) {
        const auto byte = [&](std::size_t i) {
            return static_cast<std::size_t>(static_cast<unsigned char>(patches[i]));
        };
        const std::size_t at = (byte(0) << 16 | byte(1) << 8 | byte(2)) % base.size();
        const std::size_t length =
            std::min<std::size_t>({byte(3), patches.size() - 4, base.size() - at});
        base.replace(at, length, patches.substr(4, length));
        patches.remove_prefix(4 + length);
    }
    return base;
}

void read_everything(db::Store& store) {
    (void)store.integrity();
    (void)store.device("bb");
    (void)store.board({});
    BoardFilter all;
    all.all = true;
    all.task = "t";
    (void)store.board(all);
    (void)store.campaign("c");
    const auto campaigns = store.campaigns();
    if (!campaigns) {
        return;
    }
    std::size_t read = 0;
    for (const CampaignRow& campaign : *campaigns) {
        if (read++ == 4) {
            break;
        }
        (void)store.replies(campaign.id);
        (void)store.reply_at(campaign.id, 0, 0);
        (void)store.model_calls(campaign.id);
        (void)store.find_duplicate(campaign.id, "");
        const auto evaluations = store.evaluations(campaign.id);
        if (evaluations && !evaluations->empty()) {
            (void)store.candidate(evaluations->front().candidate_hash);
            (void)store.evaluations_of(evaluations->front().candidate_hash);
        }
    }
}

}  // namespace

void database(std::string_view bytes) {
    static const Folder folder;
    static const std::string sound = sound_database(folder);
    const std::string file =
        bytes.starts_with("SQLite format 3") ? std::string(bytes) : patched(sound, bytes);
    folder.write("hostile.db", file);
    {
        auto store = db::Store::open(folder.path / "hostile.db", db::Access::read_only);
        if (store) {
            read_everything(*store);
        } else {
            KW_CHECK(!store.error().what.empty());
        }
    }
    KW_CHECK(bytes_of(folder.path / "hostile.db") == file);  // a reader changes nothing
    std::error_code ignored;
    for (const char* side : {"hostile.db-wal", "hostile.db-shm", "hostile.db-journal"}) {
        std::filesystem::remove(folder.path / side, ignored);
    }
}

}  // namespace kw::fuzz
