// SPDX-License-Identifier: Apache-2.0
#include "server/wire/wire.hpp"

#include "server/wire/json.hpp"
#include "tests/unit/server/fixture.hpp"

#include <cmath>

using namespace kw;
using namespace kw::test;
using namespace kw::server;

TEST_CASE("wire: an evaluation comes back to the bit", "[server]") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        RandomRows random(seed);
        EvaluationRow row = random.row(3, 4, 5);
        row.result.timing_kind = seed % 2 == 0 ? "measured" : "modelled";
        const std::string text = json_text(to_json(row));
        const EvaluationRow back = must(row_from_json(must(parse_json(text))));
        INFO("seed " << seed);
        // Texts of candidates may be no UTF-8; JSON has no other.
        EvaluationRow plain = must(row_from_json(to_json(row)));
        CHECK(differences(plain, row) == "");
        CHECK(json_text(to_json(back)) == text);
    }
}

TEST_CASE("wire: doubles that are not finite and not normal come back", "[server]") {
    Evaluation evaluation;
    evaluation.speedup = {-0.0, 5e-324, 1.7976931348623157e308};
    evaluation.vs_naive = {
        std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity(),
        std::nan("")};
    evaluation.min_speedup = 0.1 + 0.2;
    const auto back = must(evaluation_from_json(must(parse_json(json_text(to_json(evaluation))))));
    CHECK(differences(back, evaluation) == "");
    CHECK(std::signbit(back.speedup.value));
}

TEST_CASE("wire: what is missing or of another type is named with its path", "[server]") {
    RandomRows random(5);
    Evaluation evaluation = random.evaluation();
    evaluation.timing_kind = "measured";
    evaluation.shapes.assign(2, random.shape());
    evaluation.findings = {{"r", "info", "scan", "e", "open"}};
    const nlohmann::json whole = to_json(evaluation);
    REQUIRE(evaluation_from_json(whole).ok());
    const auto problem = [&](const nlohmann::json::json_pointer& at, const nlohmann::json& value) {
        nlohmann::json broken = whole;
        broken[at] = value;
        const auto read = evaluation_from_json(broken);
        REQUIRE_FALSE(read.ok());
        CHECK(read.error().code == Errc::usage);
        return read.error().what;
    };
    using Pointer = nlohmann::json::json_pointer;
    CHECK(problem(Pointer("/wall_s"), "soon") == "evaluation.wall_s must be a number");
    CHECK(
        contains(problem(Pointer("/shapes/1/speedup/lo"), {}), "evaluation.shapes[1].speedup.lo"));
    CHECK(contains(problem(Pointer("/verdict"), "ZZ"), "evaluation.verdict"));
    CHECK(contains(problem(Pointer("/findings/0/state"), "?"), "evaluation.findings[0].state"));
    CHECK(contains(problem(Pointer("/timing_kind"), "guessed"), "evaluation.timing_kind"));
    CHECK(contains(problem(Pointer("/shapes"), 7), "evaluation.shapes must be a list"));
    CHECK(contains(problem(Pointer("/build"), {}), "must be an object"));
    CHECK(contains(problem(Pointer("/build/stack_references"), 1ULL << 40), "an integer"));
    for (const auto& [name, value] : whole.items()) {
        nlohmann::json without = whole;
        without.erase(name);
        INFO(name);
        CHECK_FALSE(evaluation_from_json(without).ok());
    }
    CHECK_FALSE(evaluation_from_json(nlohmann::json::array()).ok());
    CHECK_FALSE(evaluation_from_json(nullptr).ok());
}

TEST_CASE("wire: a candidate is what its source says", "[server]") {
    const Candidate candidate = make_candidate("scale_add", "int x;", "x86-64-v3");
    nlohmann::json document = to_json(candidate);
    CHECK(must(candidate_from_json(document)).hash == candidate.hash);
    document["source"] = "int y;";
    CHECK_FALSE(candidate_from_json(document).ok());
}

TEST_CASE("wire: JSON of anybody is read or refused", "[server]") {
    CHECK_FALSE(parse_json("").ok());
    CHECK_FALSE(parse_json("{\"a\":").ok());
    CHECK_FALSE(parse_json("{} {}").ok());
    CHECK_FALSE(parse_json("\xff\xfe").ok());
    CHECK_FALSE(parse_json("1e999999").ok());
    CHECK(parse_json("[[[[]]]]").ok());
    CHECK_FALSE(parse_json(std::string(100'000, '[')).ok());
    CHECK(parse_json("\"" + std::string(100, '[') + "\\\"[[[\"").ok());
}

TEST_CASE("wire: options are those that the server lets pass", "[server]") {
    const JobLimits limits;
    const auto read = [&](const char* text) {
        return read_job_options(nlohmann::json::parse(text), limits);
    };
    CHECK(must(read("null")) == JobOptions{});
    CHECK(must(read("{}")) == JobOptions{});
    const JobOptions some = must(read(R"({"timed":false,"max_pairs":50,"cap_s":2.5})"));
    CHECK_FALSE(some.timed);
    CHECK(must(read_job_options(to_json(some), limits)) == some);
    for (const char* wrong :
         {"[]",
          R"({"timed":1})",
          R"({"max_pairs":1001})",
          R"({"max_pairs":-1})",
          R"({"max_pairs":2.5})",
          R"({"cap_s":301})",
          R"({"cap_s":"1"})",
          R"({"hidden_cases":false})"}) {
        INFO(wrong);
        CHECK_FALSE(read(wrong).ok());
    }
    CHECK(read(R"({"max_pair":1})").error().hint == "did you mean 'max_pairs'?");
    CHECK(must(judge_options_of(some, "")).max_pairs == 50);
    CHECK(to_hex(*must(judge_options_of(some, std::string(64, 'a'))).seed) == std::string(64, 'a'));
    for (const std::string& seed :
         {std::string("a"), std::string(64, 'x'), std::string(63, '1') + " "}) {
        CHECK_FALSE(judge_options_of(some, seed).ok());
    }
}

TEST_CASE("wire: leases and outcomes come back", "[server]") {
    Lease lease;
    lease.id = "0123";
    lease.job_id = 7;
    lease.stage = "build";
    lease.task = "scale_add";
    lease.task_hash = "h";
    lease.device = "cpu";
    lease.candidate = make_candidate("scale_add", "int x;");
    lease.options.independent = true;
    const Lease back = must(lease_from_json(must(parse_json(json_text(to_json(lease))))));
    CHECK(to_json(back) == to_json(lease));
    CHECK(back.candidate.hash == lease.candidate.hash);
    db::JobOutcome outcome;
    outcome.kind = db::JobOutcome::Kind::judged;
    outcome.result = RandomRows(3).evaluation();
    outcome.result.timing_kind = "measured";
    outcome.evaluator_hash = "eh";
    CHECK(to_json(must(outcome_from_json(to_json(outcome)))) == to_json(outcome));
    outcome.result.sandbox_profile += " without: floor";
    CHECK_FALSE(outcome_from_json(to_json(outcome)).ok());
    CHECK_FALSE(outcome_from_json({{"kind", "judged"}}).ok());
    CHECK_FALSE(outcome_from_json({{"kind", "well"}}).ok());
    CHECK(must(outcome_from_json({{"kind", "outage"}, {"error", "e"}})).error == "e");
}
