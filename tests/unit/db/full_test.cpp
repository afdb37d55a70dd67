// SPDX-License-Identifier: Apache-2.0
// No room left: by a limit of our own, and on a real file system of 1 MiB.
#include "tests/unit/db/fixture.hpp"
#include "tests/unit/db/process.hpp"

#include <sched.h>
#include <sys/mount.h>

using namespace kw;
using namespace kw::test;

namespace {

/// Writes evaluations until one fails. The rows stored and the Error.
std::pair<int, Error> fill(db::Store& store, CampaignRow campaign) {
    for (int step = 0; step < 100'000; ++step) {
        EvaluationRow row;
        row.campaign_id = campaign.id;
        row.step = step;
        RandomRows random(static_cast<std::uint64_t>(step));
        for (int i = 0; i < 100; ++i) {
            row.result.detail += random.hash();
        }
        campaign.evaluations = step + 1;
        const auto stored = store.put_evaluation(row, campaign);
        if (!stored.ok()) {
            return {step, stored.error()};
        }
    }
    return {0, {}};
}

void put(const char* file, const std::string& text) {
    std::ofstream(file) << text;
}

/// 1 MiB over `folder`, seen by this process alone.
bool mount_small(const fs::path& folder) {
    const uid_t user = geteuid();
    const gid_t group = getegid();
    if (unshare(CLONE_NEWNS | (user == 0 ? 0 : CLONE_NEWUSER)) != 0) {
        return false;
    }
    if (user != 0) {
        put("/proc/self/setgroups", "deny");
        put("/proc/self/uid_map", "0 " + std::to_string(user) + " 1");
        put("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
    }
    return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("none", folder.c_str(), "tmpfs", 0, "size=2m") == 0;
}

}  // namespace

TEST_CASE("full: at the limit the store says so and stays readable and usable", "[db]") {
    const TempDir dir;
    db::OpenOptions small;
    small.max_bytes = 1 << 20;
    db::Store store = open_store(dir / "k.db", db::Access::write, small);
    const CampaignRow campaign = campaign_of(store, "c", "t");
    const auto [stored, error] = fill(store, campaign);
    CHECK(stored > 20);
    CHECK(error.code == Errc::database);
    CHECK(contains(error.what, "storing the evaluation"));
    CHECK(contains(error.what, "the disk is full"));
    CHECK(contains(error.hint, "free some space"));

    CHECK(must(store.evaluations(campaign.id)).size() == static_cast<std::size_t>(stored));
    CHECK(must(store.campaign("c"))->evaluations == stored);
    CHECK(must(store.integrity()) == "ok");

    must(store.remove_campaign("c"));
    const CampaignRow again = campaign_of(store, "d", "t");
    EvaluationRow row;
    row.campaign_id = again.id;
    CHECK(must(store.put_evaluation(row, again)));
    must(store.set_evaluation_state(must(store.evaluations(again.id)).at(0).id, "stale"));
    CHECK(must(store.integrity()) == "ok");
}

TEST_CASE("full: a file system without room loses nothing that was stored", "[db]") {
    const TempDir dir;
    Child child([&](int pipe) {
        std::string said;
        if (!mount_small(dir.path())) {
            said = "cannot mount";
        } else {
            auto store = db::Store::open(dir / "k.db", db::Access::write);
            const auto campaign = store.ok() ? store->create_campaign(named("c")) : store.error();
            if (campaign.ok()) {
                const auto [stored, error] = fill(*store, campaign.value());
                const auto rows = store->evaluations(campaign->id);
                said = error.what + "\n" + error.hint;
                said += rows.ok() && static_cast<int>(rows->size()) == stored && stored > 10
                            ? "\nall there"
                            : "\nlost";
                // The same after a new start, still without room.
                { const db::Store gone = std::move(*store); }
                auto reopened = db::Store::open(dir / "k.db", db::Access::read_only);
                const auto after =
                    reopened.ok() ? reopened->evaluations(campaign->id) : reopened.error();
                said += after.ok() && static_cast<int>(after->size()) == stored ? "\nstill there"
                                                                                : "\nlost";
            } else {
                said = campaign.error().what;
            }
        }
        write_all(pipe, said.data(), said.size());
    });
    const std::string said = child.hear_all();
    if (said == "cannot mount") {
        WARN("no rights to mount a tmpfs: not tried");
        return;
    }
    INFO(said);
    CHECK(contains(said, "the disk is full"));
    CHECK(contains(said, "free some space"));
    CHECK(contains(said, "\nall there"));
    CHECK(contains(said, "\nstill there"));
}
