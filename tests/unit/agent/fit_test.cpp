// SPDX-License-Identifier: Apache-2.0
// What recorded campaigns say of the synthetic bed.
#include "agent/ablate/fit.hpp"

#include "agent/ablate/bed_file.hpp"
#include "agent/ablate/tune_table.hpp"
#include "db/store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/rows.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <cmath>
#include <string>

using namespace kw;
using namespace kw::agent;
using kw::test::must;

namespace {

/// A campaign told child by child; every candidate is named by its number.
class Recorded {
public:
    Recorded(double speedup, double sol) {
        campaign_.name = "c";
        add(-1, Verdict::accepted, speedup, sol);
    }
    Recorded& add(int parent, Verdict verdict, double speedup = 0, double sol = 0) {
        EvaluationRow row;
        row.step = static_cast<int>(campaign_.evaluations.size());
        row.candidate_hash = verdict == Verdict::no_reply ? "" : "h" + std::to_string(row.step);
        row.parent_hash = parent < 0 ? "" : "h" + std::to_string(parent);
        row.result.verdict = verdict;
        row.result.speedup = {speedup, speedup / std::exp(0.0392), speedup * std::exp(0.0392)};
        row.result.sol = sol;
        row.result.wall_s = 3;
        campaign_.evaluations.push_back(row);
        return *this;
    }
    [[nodiscard]] RecordedCampaign campaign() const { return campaign_; }

private:
    RecordedCampaign campaign_;
};

}  // namespace

TEST_CASE("fit: counts and gains are those of a campaign told by hand") {
    RecordedCampaign campaign = Recorded(1, std::exp(-2.0))
                                    .add(0, Verdict::accepted, std::exp(1.0), std::exp(-1.0))
                                    .add(1, Verdict::compile_error)
                                    .add(2, Verdict::wrong_result)
                                    .add(3, Verdict::accepted, std::exp(1.2), std::exp(-0.8))
                                    .add(4, Verdict::accepted, std::exp(1.6), std::exp(-0.4))
                                    .add(5, Verdict::accepted, std::exp(1.5), std::exp(-0.5))
                                    .add(5, Verdict::no_reply)
                                    .campaign();
    campaign.task_bytes = 8000;
    campaign.reply_bytes = {4000, 8000};
    const BedFit fit = fit_bed({campaign});
    CHECK(fit.campaigns == 1);
    // From working sources: one first try, one CE, two changes, one NR.
    CHECK(fit.failure.count == 5);
    CHECK(fit.failure.hits == 2);
    CHECK(fit.compile_error == 1);
    CHECK(fit.no_reply == 1);
    CHECK(fit.failure.estimate == Approx(2.5 / 6));
    CHECK(fit.repair.count == 2);
    CHECK(fit.repair.hits == 1);
    CHECK(fit.hit.count == 2);
    CHECK(fit.hit.hits == 1);
    REQUIRE(fit.first.count == 1);
    CHECK(fit.first.mean == Approx(std::log(-std::log(0.5))));  // 1 of 2
    REQUIRE(fit.next.count == 1);
    CHECK(fit.next.mean == Approx(std::log(-std::log(0.5))));  // 0.4 of 0.8
    REQUIRE(fit.miss.count == 1);
    CHECK(fit.miss.mean == Approx(-0.1));
    CHECK(fit.headroom.mean == Approx(2));
    CHECK(fit.noise.mean == Approx(0.02));
    CHECK(fit.judge_seconds.mean == Approx(3));
    CHECK(fit.task_tokens.mean == Approx(2000));
    CHECK(fit.source_tokens.mean == Approx(1500));

    const SyntheticParams params = fitted({}, fit);
    CHECK(params.no_reply + params.compile_error + params.wrong == Approx(fit.failure.estimate));
    CHECK(params.compile_error == Approx(params.no_reply));
    CHECK(params.wrong < params.no_reply);
    CHECK(params.first == Spread{});  // one value has no spread
    CHECK(params.hit == Approx(0.5));
}

TEST_CASE("fit: none of few is not never and nothing known changes nothing") {
    const BedFit fit = fit_bed({Recorded(1, 0.5).add(0, Verdict::accepted, 1.5, 0.75).campaign()});
    const SyntheticParams params = fitted({}, fit);
    CHECK(params.wrong > 0);
    CHECK(fit.failure.at_most > 0.9);
    CHECK(fit.repair.count == 0);
    CHECK(fit.repair.at_most == 1);
    SyntheticParams base;
    base.repair = 0.7;
    base.ideas = 9;
    CHECK(fitted(base, fit).repair == 0.7);
    CHECK(fitted(base, fit).ideas == 9);
    CHECK(fitted(base, fit_bed({})) == base);
}

TEST_CASE("fit: a gain at or beyond the roof says nothing of what it closed") {
    const BedFit fit = fit_bed({Recorded(1, 0.25)
                                    .add(0, Verdict::accepted, 3.9, 0.97)
                                    .add(1, Verdict::accepted, 4.4, 1.1)
                                    .add(2, Verdict::accepted, 4.6, 1.15)
                                    .campaign()});
    CHECK(fit.hit.hits == 2);
    CHECK(fit.next.count == 0);
    CHECK(fit.at_roof == 2);
}

TEST_CASE("fit: modelled times and our own failures are left out") {
    RecordedCampaign modelled = Recorded(1, 0.5).add(0, Verdict::wrong_result).campaign();
    for (EvaluationRow& row : modelled.evaluations) {
        row.result.timing_kind = "modelled";
    }
    const RecordedCampaign own =
        Recorded(1, 0.5).add(0, Verdict::internal).add(0, Verdict::duplicate).campaign();
    const BedFit fit = fit_bed({modelled, own});
    CHECK(fit.campaigns == 1);
    CHECK(fit.modelled == 1);
    CHECK(fit.failure.count == 0);
    CHECK(fit_lines(fit).size() == 12);
}

TEST_CASE("fit: whatever a database holds the figures are numbers") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        kw::test::RandomRows random(seed);
        RecordedCampaign campaign;
        for (int step = 0; step < 12; ++step) {
            EvaluationRow row = random.row(1, step, 0);
            row.candidate_hash = "h" + std::to_string(step);
            row.parent_hash = "h" + std::to_string(step - 1);
            row.result.verdict = step % 4 == 3 ? row.result.verdict : Verdict::accepted;
            row.result.timing_kind = "measured";
            campaign.evaluations.push_back(row);
        }
        const std::string text = bed_text(fitted({}, fit_bed({campaign})), {});
        INFO(text);
        CHECK_FALSE(kw::test::contains(text, "nan"));
        CHECK_FALSE(kw::test::contains(text, "inf"));
    }
}

TEST_CASE("fit: campaigns are read from a database and a tuner's becomes a table") {
    const kw::test::TempDir folder;
    db::Store store = must(db::Store::open(folder / "kw.db", db::Access::write));
    CHECK(recorded_campaigns(store, {"none"}).error().code == Errc::usage);
    CHECK(tables_of_campaigns(store, {"none"}).error().code == Errc::usage);

    CampaignRow campaign;
    campaign.name = "space";
    campaign.task = "t";
    campaign.task_hash = std::string(64, 'a');
    campaign = must(store.create_campaign(campaign));
    const std::string source = "//!tune A = {1, 2}\n#define A ";
    for (int step = 0; step < 2; ++step) {
        CandidateRow candidate;
        candidate.hash = std::string(63, 'b') + std::to_string(step);
        candidate.task = "t";
        candidate.source = source + std::to_string(step + 1) + "\n";
        candidate.token_hash = candidate.hash;
        candidate.origin = step == 0 ? "seed" : "tune";
        must(store.put_candidate(candidate));
        EvaluationRow row;
        row.campaign_id = campaign.id;
        row.step = step;
        row.candidate_hash = candidate.hash;
        row.parent_hash = step == 0 ? "" : std::string(63, 'b') + "0";
        row.task_hash = campaign.task_hash;
        row.result.verdict = Verdict::accepted;
        row.result.speedup = {1.0 + step, 0.9 + step, 1.1 + step};
        row.result.sol = 0.25 * (1 + step);
        row.result.device = "cpu: here";
        row.result.wall_s = 2;
        must(store.put_evaluation(row, campaign));
    }
    const auto recorded = must(recorded_campaigns(store, {"space"}));
    CHECK(fit_bed(recorded).first.count == 1);
    const TuneTables tables = must(tables_of_campaigns(store, {"space"}));
    CHECK(tables.timing == "measured");
    REQUIRE(tables.tables.size() == 1);
    CHECK(tables.tables[0].results.at({1}).speedup == Ratio{2, 1.9, 2.1});
    CHECK(tables.tables[0].start == TunePoint{0});
    CHECK(tables.tables[0].device == "cpu: here");
    CHECK(must(parse_tune_tables(tune_tables_text(tables, {}), "t")).tables[0].task == "t");
}
