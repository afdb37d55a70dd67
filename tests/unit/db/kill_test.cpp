// SPDX-License-Identifier: Apache-2.0
// kill -9 of a writer at a random instant: what it was told is stored is stored, once.
#include "tests/unit/db/fixture.hpp"
#include "tests/unit/db/process.hpp"

#include <map>

using namespace kw;
using namespace kw::test;

namespace {

struct Told {
    int step = 0;
    int slot = 0;
};

EvaluationRow row_of(std::int64_t campaign_id, int step, int slot) {
    RandomRows random(static_cast<std::uint64_t>(step) * 10 + static_cast<std::uint64_t>(slot));
    EvaluationRow row = random.row(campaign_id, step, slot);
    row.result.shapes.assign(2, random.shape());
    row.result.stages.assign(4, StageTime{"time", random.real()});
    return row;
}

/// Goes on where the file is, as a resumed campaign does, and says each row after it is stored.
void write_until_killed(const fs::path& file, int pipe) {
    auto store = db::Store::open(file, db::Access::write);
    if (!store.ok()) {
        _exit(2);
    }
    auto found = store->campaign("c");
    if (!found.ok()) {
        _exit(3);
    }
    CampaignRow campaign;
    if (found.value()) {
        campaign = *found.value();
    } else {
        auto created = store->create_campaign(named("c"));
        if (!created.ok()) {
            _exit(4);
        }
        campaign = std::move(created).value();
    }
    const int done = campaign.evaluations;
    for (int i = done;; ++i) {
        const Told told{i / 4, i % 4};
        const CandidateRow candidate = RandomRows(static_cast<std::uint64_t>(i)).candidate();
        const ReplyRow reply =
            RandomRows(static_cast<std::uint64_t>(i)).reply(campaign.id, told.step, told.slot);
        EvaluationRow row = row_of(campaign.id, told.step, told.slot);
        row.candidate_hash = candidate.hash;
        campaign.evaluations = i + 1;
        if (!store->put_reply(reply).ok() || !store->put_candidate(candidate).ok()) {
            _exit(5);
        }
        const auto stored = store->put_evaluation(row, campaign);
        if (!stored.ok() || !stored.value()) {
            _exit(6);
        }
        write_all(pipe, &told, sizeof told);
    }
}

}  // namespace

TEST_CASE("kill: after 20 deaths at random instants every told row is there once", "[db]") {
    const TempDir dir;
    const fs::path file = dir / "k.db";
    RandomRows random(static_cast<std::uint64_t>(getpid()));
    INFO("seed " << getpid());
    std::map<std::pair<int, int>, int> told;
    for (int round = 0; round < 20; ++round) {
        {
            Child child([&](int pipe) { write_until_killed(file, pipe); });
            // Some rows, then some more work of unknown length: the instant is anywhere in the
            // middle of a commit, a checkpoint, or the opening of the file.
            for (std::uint64_t rows = random.below(8); rows > 0; --rows) {
                const Told one = child.hear_value<Told>();
                ++told[{one.step, one.slot}];
            }
            volatile std::uint64_t spin = random.below(3'000'000);
            while (spin > 0) {
                spin = spin - 1;
            }
            kill(child.pid(), SIGKILL);
            Told one;
            while (read(child.pipe(), &one, sizeof one) == sizeof one) {
                ++told[{one.step, one.slot}];
            }
        }
        db::Store store = open_store(file);
        CHECK(must(store.integrity()) == "ok");
        const auto campaign = must(store.campaign("c"));
        if (!campaign) {
            CHECK(told.empty());
            continue;
        }
        const auto rows = must(store.evaluations(campaign->id));
        CHECK(campaign->evaluations == static_cast<int>(rows.size()));
        std::map<std::pair<int, int>, const EvaluationRow*> there;
        for (const EvaluationRow& row : rows) {
            CHECK(there.emplace(std::pair(row.step, row.slot), &row).second);
        }
        for (const auto& [key, times] : told) {
            CHECK(times == 1);
            const auto found = there.find(key);
            REQUIRE(found != there.end());
            EvaluationRow expected = row_of(campaign->id, key.first, key.second);
            expected.candidate_hash = found->second->candidate_hash;
            CHECK(differences(*found->second, expected) == "");
        }
        CHECK(rows.size() <= told.size() + static_cast<std::size_t>(round) + 1);
        CHECK(must(store.replies(campaign->id)).size() >= rows.size());
    }
    CHECK(told.size() > 20);
}
