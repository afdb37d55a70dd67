// SPDX-License-Identifier: Apache-2.0
// Scores of what was foretold, and the rule that turns a part off, on simulated parts.
#include "agent/critic/calibration.hpp"

#include "tests/support/catch.hpp"

#include <cmath>
#include <random>

using namespace kw;
using namespace kw::agent;

namespace {

std::vector<Claim> claims(const std::vector<std::pair<double, double>>& pairs) {
    std::vector<Claim> out;
    for (const auto& [predicted, actual] : pairs) {
        out.push_back({predicted, actual});
    }
    return out;
}

/// A part whose claims correlate with what comes by `rho` (normal scores).
std::vector<Claim> simulated(std::mt19937_64& engine, int count, double rho) {
    std::normal_distribution<double> normal;
    std::vector<Claim> out;
    for (int i = 0; i < count; ++i) {
        const double truth = normal(engine);
        out.push_back({rho * truth + std::sqrt(1 - rho * rho) * normal(engine), truth});
    }
    return out;
}

/// Share of simulated parts that are turned off.
double turned_off(int count, double rho) {
    constexpr int k_rounds = 400;
    std::mt19937_64 engine(7);
    int off = 0;
    for (int round = 0; round < k_rounds; ++round) {
        off += track_record(simulated(engine, count, rho), {}).pays ? 0 : 1;
    }
    return static_cast<double>(off) / k_rounds;
}

std::vector<Forecast> forecasts(std::mt19937_64& engine, int count, double trust) {
    std::uniform_real_distribution<double> uniform;
    std::vector<Forecast> out;
    for (int i = 0; i < count; ++i) {
        const double chance = uniform(engine);
        const double told = trust * chance + (1 - trust) * uniform(engine);
        out.push_back({told, uniform(engine) < chance});
    }
    return out;
}

}  // namespace

TEST_CASE("calibration: the rank correlation knows order ties and constants") {
    CHECK(rank_correlation(claims({{1, 10}, {2, 20}, {3, 25}, {4, 90}})).value == Approx(1));
    CHECK(rank_correlation(claims({{1, 9}, {2, 3}, {3, 2}, {4, 1}})).value == Approx(-1));
    CHECK(rank_correlation(claims({{1, 9}, {1, 3}, {1, 2}, {1, 1}})).value == 0);
    // Ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4: by hand 4.5 / sqrt(4.5 * 5).
    CHECK(
        rank_correlation(claims({{1, 1}, {2, 3}, {2, 2}, {3, 4}})).value ==
        Approx(4.5 / std::sqrt(4.5 * 5)));
    const Ratio none = rank_correlation({});
    CHECK(none.value == 0);
    CHECK(none.lo == -1);
    CHECK(none.hi == 1);
    CHECK(rank_correlation(claims({{NAN, 1}, {1, INFINITY}})).value == 0);
}

TEST_CASE("calibration: the interval of the rank correlation holds the truth as often as it says") {
    // Spearman's rho of a normal pair with correlation r is 6 / pi asin(r / 2).
    for (const double r : {0.0, 0.5}) {
        const double truth = 6 / std::acos(-1.0) * std::asin(r / 2);
        std::mt19937_64 engine(11);
        int held = 0;
        for (int round = 0; round < 1000; ++round) {
            const Ratio found = rank_correlation(simulated(engine, 30, r));
            held += found.lo <= truth && truth <= found.hi ? 1 : 0;
        }
        INFO("r = " << r);
        CHECK(held >= 920);
        CHECK(held <= 980);
    }
}

TEST_CASE("calibration: Brier scores of hand cases") {
    const std::vector<Forecast> told = {{1, true}, {0, false}, {0.5, true}, {0.5, false}};
    CHECK(brier_score(told) == Approx(0.125));
    CHECK(base_rate_brier(told) == Approx(4.0 / 9));  // one third of the others: (2/3)^2
    CHECK(brier_score({}) == 0);
    CHECK(base_rate_brier({}) == 0);
    const std::vector<Forecast> always = {{0.9, true}, {0.8, true}};
    CHECK(base_rate_brier(always) == 0);
}

TEST_CASE("calibration: a perfect part is never turned off and one that lies soon is") {
    for (int count = 1; count <= 100; ++count) {
        std::mt19937_64 engine(static_cast<std::uint64_t>(count));
        CHECK(track_record(simulated(engine, count, 1), {}).pays);
    }
    CHECK(turned_off(20, -0.8) > 0.95);
    CHECK(turned_off(19, -1) == 0);  // too few outcomes for any decision
}

TEST_CASE("calibration: a random part is turned off once usefulness should have shown") {
    CHECK(turned_off(20, 0) < 0.06);
    CHECK(turned_off(59, 0) < 0.06);
    CHECK(turned_off(60, 0) > 0.94);
    CHECK(turned_off(200, 0) > 0.94);
}

TEST_CASE("calibration: a useful part stays and a weak one is given time") {
    CHECK(turned_off(20, 0.5) < 0.01);
    CHECK(turned_off(60, 0.6) < 0.01);
    CHECK(turned_off(59, 0.3) < 0.01);
}

TEST_CASE("calibration: chances no better than the base rate turn a part off") {
    std::mt19937_64 engine(3);
    int honest = 0;
    int random = 0;
    for (int round = 0; round < 300; ++round) {
        honest += track_record({}, forecasts(engine, 60, 1)).pays ? 1 : 0;
        random += track_record({}, forecasts(engine, 60, 0)).pays ? 1 : 0;
    }
    CHECK(honest > 285);
    CHECK(random < 15);
    CHECK(track_record({}, forecasts(engine, 19, 0)).pays);
    // All went well, and it said so: there is no base rate to beat.
    CHECK(track_record({}, std::vector<Forecast>(50, {0.9, true})).pays);
}

TEST_CASE("calibration: the reason names the figures") {
    std::mt19937_64 engine(5);
    const TrackRecord record = track_record(simulated(engine, 40, -0.9), {});
    CHECK_FALSE(record.pays);
    CHECK(record.claims == 40);
    CHECK(record.reason.find("wrong way") != std::string::npos);
    CHECK(record.reason.find("over 40 outcomes") != std::string::npos);
    CHECK(track_record({}, {}).reason.empty());
}

TEST_CASE("calibration: claims and forecasts come from rows that were judged") {
    std::vector<EstimateRow> rows(5);
    for (EstimateRow& row : rows) {
        row.part = "value";
        row.speedup = 2;
        row.chance = 0.7;
        row.judged = true;
        row.verdict = Verdict::accepted;
        row.reward = 1.5;
    }
    rows[1].judged = false;
    rows[2].verdict = Verdict::internal;
    rows[3].part = "verifier:memory";
    rows[4].verdict = Verdict::compile_error;
    rows[4].reward = 0;
    rows[4].speedup = 0;
    const auto value = claims_of(rows, "value");
    REQUIRE(value.size() == 1);
    CHECK(value[0].predicted == 2);
    CHECK(value[0].actual == 1.5);
    const auto told = forecasts_of(rows, "value");
    REQUIRE(told.size() == 2);
    CHECK(told[0].happened);
    CHECK_FALSE(told[1].happened);
    CHECK(forecasts_of(rows, "verifier:memory").size() == 1);
}

TEST_CASE("calibration: a critic's claims are gains of attempts that had judged children") {
    History history;
    const auto add = [&history](int step, double speedup, const std::string& parent) {
        Attempt attempt;
        attempt.step = step;
        attempt.candidate_hash = "h" + std::to_string(step);
        attempt.parent_hash = parent;
        attempt.result.verdict = speedup > 0 ? Verdict::accepted : Verdict::wrong_result;
        attempt.result.speedup = {speedup, speedup, speedup};
        append(history, attempt);
    };
    add(0, 2, "");
    add(1, 3, "h0");
    add(2, 0, "h1");
    std::vector<GivenCritique> given(3);
    for (int step = 0; step < 3; ++step) {
        given[static_cast<std::size_t>(step)].step = step;
        given[static_cast<std::size_t>(step)].critique.usable = true;
        given[static_cast<std::size_t>(step)].critique.expected_gain = 1.2;
    }
    const std::vector<Hypothesis> hypotheses = hypotheses_of(history, given);
    const auto made = claims_of(hypotheses);
    REQUIRE(made.size() == 2);
    CHECK(made[0].actual == Approx(1.5));
    CHECK(made[1].actual == 0);  // its only child failed
}
