// SPDX-License-Identifier: Apache-2.0
// board, show, diff, campaign list, watch on a database filled with awkward values: nothing may
// crash, no JSON may be broken, no file may change, nothing may steer the terminal.
#include "core/hash.hpp"
#include "db/store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"
#include "tests/support/rows.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace kw;
using namespace kw::test;
using nlohmann::json;

namespace {

/// A campaign of accepted and rejected kernels with random contents; returns the kernels.
std::vector<CandidateRow> fill(const std::filesystem::path& file, std::uint64_t seed) {
    auto store = db::Store::open(file, db::Access::write);
    REQUIRE(store.ok());
    RandomRows random(seed);
    CampaignRow campaign = random.campaign("awkward");
    campaign.task = "some_task";
    campaign.state = "finished";
    auto created = store->create_campaign(campaign);
    REQUIRE(created.ok());
    campaign = *created;
    std::vector<CandidateRow> kernels;
    for (int i = 0; i < 12; ++i) {
        CandidateRow kernel = random.candidate();
        kernel.task = campaign.task;
        REQUIRE(store->put_candidate(kernel).ok());
        EvaluationRow row = random.row(campaign.id, i, 0);
        row.candidate_hash = kernel.hash;
        row.parent_hash = kernels.empty() ? "" : kernels.back().hash;
        row.state = "judged";
        row.result.verdict = i % 3 == 0 ? Verdict::accepted : row.result.verdict;
        REQUIRE(store->put_evaluation(row, campaign).ok());
        kernels.push_back(std::move(kernel));
    }
    return kernels;
}

bool steers_terminal(const std::string& text) {
    return std::ranges::any_of(text, [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
    });
}

}  // namespace

TEST_CASE("viewers: any stored value is shown and the file stays as it is", "[cli][slow]") {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const Folder folder;
        const std::vector<CandidateRow> kernels = fill(folder / "kwright.db", seed);
        const std::string before = read_file(folder / "kwright.db");
        Program kwright(folder.path());
        kwright.environment["PATH"] = "";  // no compiler, no sandbox, and no need of them
        std::vector<std::vector<std::string>> calls{
            {"board"},
            {"board", "--all", "--task", "some_task"},
            {"show", "awkward"},
            {"show", "awkward", "--tree"},
            {"campaign", "list"}};
        for (const CandidateRow& kernel : kernels) {
            calls.push_back({"show", short_id('k', kernel.hash)});
        }
        for (const auto& call : calls) {
            const Outcome plain = kwright(call);
            INFO(call.front() << " " << call.back() << " " << plain.err);
            CHECK(plain.code == 0);
            CHECK(!steers_terminal(plain.out));
            std::vector<std::string> machine = call;
            machine.emplace_back("--json");
            const Outcome document = kwright(machine);
            CHECK(document.code == 0);
            const json parsed = json::parse(document.out, nullptr, false);
            REQUIRE(!parsed.is_discarded());
            CHECK(parsed.at("schema").get<std::string>().starts_with("kwright."));
        }
        CHECK(kwright({"watch", "awkward"}).code == 0);
        CHECK(read_file(folder / "kwright.db") == before);
    }
}

TEST_CASE("viewers: a kernel is found by a prefix of its name", "[cli]") {
    const Folder folder;
    const std::vector<CandidateRow> kernels = fill(folder / "kwright.db", 9);
    const Program kwright(folder.path());
    const std::string id = short_id('k', kernels.front().hash);
    const Outcome source = kwright({"show", id.substr(0, 6), "--source"});
    CHECK(source.code == 0);
    CHECK(source.out == kernels.front().source + "\n");
    CHECK(kwright({"show", kernels.front().hash, "--source"}).out == source.out);
    CHECK(kwright({"show", "k12"}).code == 2);
    CHECK(kwright({"diff", id}).code == 2);
    const Outcome diff = kwright({"diff", short_id('k', kernels[1].hash)});
    CHECK(diff.code == 0);
    CHECK(diff.out.starts_with("--- " + id + "\n+++ "));
}

TEST_CASE("viewers: a backup of the database holds the same board", "[cli]") {
    const Folder folder;
    fill(folder / "kwright.db", 4);
    const Program kwright(folder.path());
    REQUIRE(kwright({"gc", "--backup", "copy.db"}).code == 0);
    CHECK(kwright({"gc", "--backup", "copy.db"}).code == 2);
    CHECK(kwright({"board", "--all", "--db", "copy.db"}).out == kwright({"board", "--all"}).out);
}

TEST_CASE("viewers: what was withdrawn does not look sound in its campaign", "[cli]") {
    const Folder folder;
    CampaignRow campaign;
    campaign.name = campaign.task = "c";
    CandidateRow kernel;
    kernel.hash = std::string(64, 'a');
    kernel.task = "c";
    EvaluationRow row;
    row.candidate_hash = kernel.hash;
    row.state = "judged";
    row.new_best = true;
    row.result.verdict = Verdict::accepted;
    row.result.speedup = {2, 2, 2};
    {
        auto store = db::Store::open(folder / "kwright.db", db::Access::write);
        REQUIRE(store.ok());
        REQUIRE(store->put_candidate(kernel).ok());
        campaign = store->create_campaign(campaign).value();
        row.campaign_id = campaign.id;
        REQUIRE(store->put_evaluation(row, campaign).ok());
    }
    const Program kwright(folder.path());
    CHECK(kwright({"show", "c"}).out.find("new best") != std::string::npos);
    CHECK(
        kwright({"dev", "review", "kaaaa", "--revoke"}).out.find(": 1 judging revoked") !=
        std::string::npos);
    const Outcome revoked = kwright({"show", "c"});
    CHECK(revoked.out.find("new best") == std::string::npos);
    CHECK(revoked.out.find("revoked") != std::string::npos);
    const json shown = json::parse(kwright({"show", "c", "--json"}).out);
    CHECK(shown.at("evaluations")[0].at("state") == "revoked");
    CHECK(
        kwright({"dev", "review", "kaaaa", "--revoke"}).out.find("nothing to revoke") !=
        std::string::npos);
    CHECK(kwright({"dev", "review", "kaaaa", "--finding", "x", "--as", "open"}).code == 2);
    CHECK(kwright({"dev", "rejudge", "--campaign", "d"}).code == 2);
}
