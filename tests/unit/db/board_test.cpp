// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/db/fixture.hpp"

#include <algorithm>

using namespace kw;
using namespace kw::test;

namespace {

/// A store with rows made one by one; every candidate is new.
struct Board {
    TempDir dir;
    db::Store store = open_store(dir / "k.db");
    RandomRows random{31};
    int step = 0;

    std::string put(
        const CampaignRow& campaign,
        const std::string& device,
        double speedup,
        const std::function<void(CandidateRow&, EvaluationRow&)>& change = {}) {
        CandidateRow candidate = random.candidate();
        candidate.task = campaign.task;
        candidate.target = "cpu";
        EvaluationRow row;
        row.campaign_id = campaign.id;
        row.step = step++;
        row.result.verdict = Verdict::accepted;
        row.result.device = device;
        row.result.speedup = {speedup, speedup * 0.99, speedup * 1.01};
        row.result.comparison = Comparison::faster;
        if (change) {
            change(candidate, row);
        }
        must(store.put_candidate(candidate));
        row.candidate_hash = candidate.hash;
        CHECK(must(store.put_evaluation(row, campaign)));
        return candidate.hash;
    }
    std::vector<BoardRow> rows(const BoardFilter& filter = {}) { return must(store.board(filter)); }
};

std::vector<std::string> hashes(const std::vector<BoardRow>& rows) {
    std::vector<std::string> out;
    for (const BoardRow& row : rows) {
        out.push_back(row.candidate_hash);
    }
    return out;
}

}  // namespace

TEST_CASE("board: a wide interval does not stand above a shown speed-up", "[db]") {
    Board board;
    const CampaignRow gemv = campaign_of(board.store, "one", "gemv");
    board.put(gemv, "cpu A", 8.0, [](CandidateRow&, EvaluationRow& row) {
        row.result.speedup = {8.0, 1.6, 37.0};
    });
    const auto shown = board.put(gemv, "cpu A", 4.6);
    CHECK(hashes(board.rows()) == std::vector<std::string>{shown});
}

TEST_CASE("board: the best of each task and device is shown and all when asked", "[db]") {
    Board board;
    const CampaignRow gemv = campaign_of(board.store, "one", "gemv");
    const CampaignRow norm = campaign_of(board.store, "two", "norm");
    const auto slow = board.put(gemv, "cpu A", 1.5);
    const auto best = board.put(gemv, "cpu A", 2.5);
    const auto other = board.put(gemv, "cpu B", 0.8);
    const auto last = board.put(norm, "cpu A", 1.1);
    CHECK(hashes(board.rows()) == std::vector{best, other, last});
    BoardFilter all;
    all.all = true;
    CHECK(hashes(board.rows(all)) == std::vector{best, slow, other, last});
    all.limit = 2;
    CHECK(hashes(board.rows(all)) == std::vector{best, slow});
    all.limit = 0;
    CHECK(board.rows(all).size() == 4);
}

TEST_CASE("board: a row carries what the screen shows", "[db]") {
    Board board;
    const CampaignRow campaign = campaign_of(board.store, "one", "gemv");
    ReplyRow reply = board.random.reply(campaign.id, 1, 0);
    reply.model = "openai:some-model";
    must(board.store.put_reply(reply));
    board.put(campaign, "cpu A", 1.5);  // step 0: no reply
    board.put(campaign, "cpu A", 2.0, [](CandidateRow& candidate, EvaluationRow& row) {
        candidate.source = "\n  \t\nint a;\r\n\r\n  // b\n}\n\n";
        candidate.isa = "x86-64-v3";
        row.created_ms = 77;
        row.result.vs_naive = {9, 8, 10};
        row.result.min_speedup = 1.25;
        row.result.sol = 0.5;
        row.result.comparison = Comparison::same;
    });
    BoardFilter all;
    all.all = true;
    const auto rows = board.rows(all);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].task == "gemv");
    CHECK(rows[0].campaign == "one");
    CHECK(rows[0].model == "openai:some-model");
    CHECK(rows[0].device == "cpu A");
    CHECK(rows[0].isa == "x86-64-v3");
    CHECK(rows[0].speedup == Ratio{2.0, 2.0 * 0.99, 2.0 * 1.01});
    CHECK(rows[0].vs_naive == Ratio{9, 8, 10});
    CHECK(rows[0].min_speedup == 1.25);
    CHECK(rows[0].sol == 0.5);
    CHECK(rows[0].comparison == Comparison::same);
    CHECK(rows[0].state == "judged");
    CHECK(rows[0].lines_of_code == 3);
    CHECK(rows[0].step == 1);
    CHECK(rows[0].created_ms == 77);
    CHECK(rows[0].evaluation_id == must(board.store.evaluations(campaign.id)).at(1).id);
    CHECK(rows[1].model == "tune");  // the campaign's proposer
}

TEST_CASE("board: what was not accepted and judged never shows however fast it claims", "[db]") {
    Board board;
    const CampaignRow campaign = campaign_of(board.store, "one", "gemv");
    const auto honest = board.put(campaign, "cpu", 1.2);
    for (int verdict = 1; verdict < k_verdict_count; ++verdict) {
        board.put(campaign, "cpu", 50, [&](CandidateRow&, EvaluationRow& row) {
            row.result.verdict = static_cast<Verdict>(verdict);
        });
    }
    for (const char* state : {"queued", "waiting_device", "stale", "unverified", "revoked"}) {
        board.put(
            campaign, "cpu", 50, [&](CandidateRow&, EvaluationRow& row) { row.state = state; });
    }
    board.put(campaign, "cpu", 50, [](CandidateRow& candidate, EvaluationRow&) {
        candidate.origin = "baseline";
    });
    for (const double broken :
         {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
        board.put(campaign, "cpu", broken);
    }
    BoardFilter all;
    all.all = true;
    CHECK(hashes(board.rows(all)) == std::vector{honest});
    CHECK(hashes(board.rows()) == std::vector{honest});
}

TEST_CASE("board: the newest judging that counts speaks for a kernel", "[db]") {
    Board board;
    const CampaignRow campaign = campaign_of(board.store, "one", "gemv");
    const auto steady = board.put(campaign, "cpu", 2.0);
    const auto lucky = board.put(campaign, "cpu", 3.0);
    REQUIRE(hashes(board.rows()) == std::vector{lucky});
    const EvaluationRow first = must(board.store.evaluations(campaign.id)).at(1);
    const auto judge_again = [&](const std::string& device,
                                 double speedup,
                                 Verdict verdict,
                                 db::Earlier earlier = db::Earlier::keep) {
        EvaluationRow row = first;
        row.purpose = "reverify";
        row.reproduces = first.id;
        row.result.verdict = verdict;
        row.result.device = device;
        row.result.speedup = {speedup, speedup * 0.99, speedup * 1.01};
        must(board.store.put_judging(row, earlier));
    };
    judge_again("cpu", 1.5, Verdict::accepted);
    CHECK(hashes(board.rows()) == std::vector{steady});
    BoardFilter all;
    all.all = true;
    REQUIRE(hashes(board.rows(all)) == std::vector{steady, lucky});
    CHECK(board.rows(all)[1].speedup.value == 1.5);
    judge_again("another cpu", 7, Verdict::accepted);  // a machine of its own, a place of its own
    CHECK(hashes(board.rows()) == std::vector{lucky, steady});
    judge_again("cpu", 0, Verdict::wrong_result);
    CHECK(hashes(board.rows(all)) == std::vector{lucky, steady});
    judge_again("cpu", 2.5, Verdict::accepted, db::Earlier::stale);
    REQUIRE(hashes(board.rows(all)) == std::vector{lucky, steady});
    CHECK(board.rows(all)[0].speedup.value == 2.5);
}

TEST_CASE("board: a revoked best gives way to the next", "[db]") {
    Board board;
    const CampaignRow campaign = campaign_of(board.store, "one", "gemv");
    const auto second = board.put(campaign, "cpu", 1.2);
    const auto first = board.put(campaign, "cpu", 3.0);
    const auto rows = board.rows();
    REQUIRE(hashes(rows) == std::vector{first});
    must(board.store.set_evaluation_state(rows[0].evaluation_id, "revoked"));
    CHECK(hashes(board.rows()) == std::vector{second});
}

TEST_CASE("board: modelled times are ranked apart from measured ones", "[db]") {
    Board board;
    const CampaignRow campaign = campaign_of(board.store, "one", "gemv");
    const auto measured = board.put(campaign, "gpu", 1.2);
    const auto modelled = board.put(campaign, "gpu", 9, [](CandidateRow&, EvaluationRow& row) {
        row.result.timing_kind = "modelled";
    });
    CHECK(hashes(board.rows()) == std::vector{measured, modelled});
    CHECK(board.rows()[0].timing_kind == "measured");
    CHECK(board.rows()[1].timing_kind == "modelled");
}

TEST_CASE("board: filters by the device of the campaign or its kind", "[db]") {
    Board board;
    const auto on = [&](const std::string& name, const std::string& device) {
        CampaignRow row = named(name);
        row.task = "gemv";
        row.target = device == "cpu" ? "cpu" : "cuda";
        row.device = device;
        row.state = "running";
        return must(board.store.create_campaign(row));
    };
    const CampaignRow cpu = on("c", "cpu");
    const CampaignRow ampere = on("a", "emulated:sm_80");
    const CampaignRow hopper = on("h", "emulated:sm_90a");
    const auto in_cpu = board.put(cpu, "cpu: x", 1);
    const auto modelled = [](CandidateRow& candidate, EvaluationRow& row) {
        candidate.target = "cuda";
        row.result.timing_kind = "modelled";
    };
    const auto in_ampere = board.put(ampere, "emulated sm_80", 7, modelled);
    const auto in_hopper = board.put(hopper, "emulated sm_90a", 8, modelled);
    const auto at = [&](const std::string& device) {
        BoardFilter filter;
        filter.device = device;
        return hashes(board.rows(filter));
    };
    CHECK(at("cpu") == std::vector{in_cpu});
    CHECK(at("emulated:sm_80") == std::vector{in_ampere});
    CHECK(at("emulated") == std::vector{in_ampere, in_hopper});
    CHECK(at("emulated:").empty());
    CHECK(at("").empty());
    CHECK(at("' OR 1=1 --").empty());
    const auto rows = board.rows();
    REQUIRE(hashes(rows) == std::vector{in_cpu, in_ampere, in_hopper});
    CHECK(rows[0].target == "cpu");
    CHECK(rows[2].target == "cuda");
    CHECK(rows[2].device_id == "emulated:sm_90a");
}

TEST_CASE("board: filters by task and target and campaign", "[db]") {
    Board board;
    const CampaignRow a = campaign_of(board.store, "a", "gemv");
    const CampaignRow b = campaign_of(board.store, "b", "gemv");
    const CampaignRow c = campaign_of(board.store, "c", "norm");
    const auto in_a = board.put(a, "cpu", 3);
    const auto in_b = board.put(b, "cpu", 2);
    const auto in_c = board.put(
        c, "cpu", 1, [](CandidateRow& candidate, EvaluationRow&) { candidate.target = "cuda"; });
    BoardFilter filter;
    filter.task = "gemv";
    CHECK(hashes(board.rows(filter)) == std::vector{in_a});
    filter.campaigns = {"b"};
    CHECK(hashes(board.rows(filter)) == std::vector{in_b});
    filter.campaigns = {"b", "c", "' OR 1=1 --"};
    filter.task.reset();
    CHECK(hashes(board.rows(filter)) == std::vector{in_b, in_c});
    filter.target = "cuda";
    CHECK(hashes(board.rows(filter)) == std::vector{in_c});
    filter.task = "gemv";
    CHECK(board.rows(filter).empty());
    filter = {};
    filter.task = "' OR '1'='1";
    CHECK(board.rows(filter).empty());
}

TEST_CASE("board: of equal speed-ups the first one found stays", "[db]") {
    Board board;
    const CampaignRow campaign = campaign_of(board.store, "one", "gemv");
    const auto first = board.put(campaign, "cpu", 2);
    board.put(campaign, "cpu", 2);
    CHECK(hashes(board.rows()) == std::vector{first});
}

TEST_CASE("board: it agrees with a plain scan over random rows", "[db]") {
    Board board;
    std::vector<CampaignRow> campaigns;
    for (const char* task : {"a", "b", "c"}) {
        campaigns.push_back(campaign_of(board.store, task, task));
    }
    std::map<std::pair<std::string, std::string>, std::pair<double, std::string>> best;
    for (int i = 0; i < 200; ++i) {
        const CampaignRow& campaign = campaigns[board.random.below(3)];
        const std::string device = board.random.flag() ? "x" : "y";
        const double speedup = static_cast<double>(board.random.below(1000)) / 100;
        const bool good = board.random.below(3) != 0;
        const auto hash =
            board.put(campaign, device, speedup, [&](CandidateRow&, EvaluationRow& row) {
                row.result.verdict = good ? Verdict::accepted : Verdict::wrong_result;
            });
        auto& entry = best[{campaign.task, device}];
        if (good && (entry.second.empty() || speedup > entry.first)) {
            entry = {speedup, hash};
        }
    }
    std::vector<std::string> expected;
    for (const auto& [key, entry] : best) {
        expected.push_back(entry.second);
    }
    CHECK(hashes(board.rows()) == expected);
}
