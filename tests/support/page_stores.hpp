// SPDX-License-Identifier: Apache-2.0
// A campaign as pages show it, without judging anything: lineage, bests judged twice, failures,
// model calls. `evil` is put behind every text that a candidate, a model or a stranger may write.
#pragma once

#include "core/hash.hpp"
#include "core/rows.hpp"
#include "db/store.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace kw::test {

struct PageCampaign {
    std::string name = "gemv-a";
    std::string task = "scale_add";
    std::string device = "cpu";
    std::string timing = "measured";
    std::string state = "finished";
    std::string evil;
    int attempts = 24;
    double base = 1.0;  ///< speed-up of the start source
};

class PageStore {
public:
    explicit PageStore(db::Store& store)
        : store_(store) {}

    /// The kernels' hashes, in the order they were stored.
    std::vector<std::string> add(const PageCampaign& wanted) {
        begin(wanted);
        while (static_cast<int>(hashes_.size()) < wanted.attempts) {
            add_next();
        }
        return hashes_;
    }

    /// The campaign alone; add_next() goes on with it.
    void begin(const PageCampaign& wanted) {
        wanted_ = wanted;
        hashes_.clear();
        best_ = 0;
        CampaignRow row;
        row.name = wanted.name + wanted.evil;
        row.task = wanted.task + wanted.evil;
        row.target = wanted.timing == "modelled" ? "cuda" : "cpu";
        row.device = wanted.device;
        row.strategy = "maxcode" + wanted.evil;
        row.proposer = "openai:a" + wanted.evil;
        row.state = wanted.state;
        row.stop_reason = wanted.state == "finished" ? "budget: evaluations" + wanted.evil : "";
        row.created_ms = k_begin;
        row.updated_ms = k_begin;
        row.spent_usd = 0.012 * wanted.attempts;
        row.tokens_in = 4000L * wanted.attempts;
        row.tokens_out = 900L * wanted.attempts;
        campaign_ = must_have(store_.create_campaign(row));
    }

    void add_next() {
        const auto next = static_cast<int>(hashes_.size());
        campaign_.evaluations = next + 1;
        campaign_.updated_ms = k_begin + next * k_step_ms;
        add_attempt(next);
    }

    [[nodiscard]] const CampaignRow& campaign() const { return campaign_; }

private:
    static constexpr std::int64_t k_begin = 1'764'410'400'000;
    static constexpr std::int64_t k_step_ms = 20'000;

    template <class T>
    static T must_have(Result<T> result) {
        INFO((result.ok() ? std::string() : result.error().what));
        REQUIRE(result.ok());
        return std::move(result).value();
    }

    std::string evil(const std::string& text) const { return text + wanted_.evil; }

    std::string candidate(int i) {
        CandidateRow row;
        row.source =
            "// attempt " + std::to_string(i) + " of " + evil(wanted_.name) +
            "\n#include <cstdint>\n\nextern \"C\" void scale_add(int64_t n, const float* x) "
            "{\n    constexpr int k_unroll = " +
            std::to_string(1 + i % 8) + ";  /* " + evil("note") +
            " */\n    for (int64_t i = 0; i < n; ++i) {\n        x += 'a' + 0x1Fu;\n    }\n}\n";
        row.hash = sha256_hex(row.source);
        row.task = evil(wanted_.task);
        row.target = campaign_.target;
        row.isa = evil(campaign_.target == "cuda" ? "sm_90a" : "x86-64-v4");
        row.token_hash = row.hash;
        row.origin = i == 0 ? "seed" : "reply";
        row.created_ms = k_begin;
        REQUIRE(store_.put_candidate(row).ok());
        return row.hash;
    }

    void call(int i) {
        ModelCallRow row;
        row.campaign_id = campaign_.id;
        row.step = i;
        row.model = evil(i % 3 == 0 ? "openai:b" : "openai:a");
        row.reserved_usd = 0.05;
        row.reserved_tokens = 8000;
        row.reserved_ms = k_begin + (i - 1) * k_step_ms + 1000;
        const auto ids = must_have(store_.reserve_calls({row}));
        row.id = ids.front();
        row.state = i == 7 ? "lost" : "settled";
        row.tokens_in = 4000;
        row.tokens_cached = 1000;
        row.tokens_out = 900;
        row.usd = 0.012;
        row.ended_ms = k_begin + i * k_step_ms - 5000;
        REQUIRE(store_.end_call(row, nullptr).ok());
    }

    Verdict verdict_of(int i) const {
        constexpr Verdict k_failures[] = {
            Verdict::compile_error,
            Verdict::wrong_result,
            Verdict::duplicate,
            Verdict::too_fast,
            Verdict::forbidden};
        return i % 3 == 1 ? k_failures[static_cast<std::size_t>(i / 3) % 5] : Verdict::accepted;
    }

    Evaluation accepted(int i, double speedup) const {
        Evaluation out;
        const bool modelled = wanted_.timing == "modelled";
        const double spread = modelled ? 0 : 0.02 * speedup;
        out.speedup = {speedup, speedup - spread, speedup + spread};
        out.vs_naive = {speedup * 8, speedup * 7.9, speedup * 8.1};
        out.min_speedup = speedup * 0.9;
        out.sol = 0.2 * speedup;
        out.comparison = speedup > 1 ? Comparison::faster : Comparison::slower;
        for (int s = 0; s < 4; ++s) {
            ShapeTiming shape;
            shape.case_name = evil("l8-" + std::to_string(s));
            shape.dims = {{"K", 4096}, {"N", 1024 << s}};
            shape.baseline = evil("avx2-plain");
            shape.baseline_ns = 41'000.0 * (1 << s);
            const double own = speedup * (0.9 + 0.07 * s);
            shape.candidate_ns = shape.baseline_ns / own;
            shape.naive_ns = shape.baseline_ns * 7;
            shape.speedup = {own, own - spread * 1.5, own + spread * 1.5};
            shape.comparison = out.comparison;
            shape.floor_ns = shape.candidate_ns * 0.15;
            shape.sol = 0.2 * own;
            shape.gb_per_s = 6.0 * own;
            shape.stop_reason = evil("decided");
            shape.samples = {{shape.baseline_ns, shape.candidate_ns, 0, 0}};
            out.shapes.push_back(shape);
        }
        CaseOutcome outcome;
        outcome.case_name = evil("tiny");
        outcome.dims = {{"K", 128}};
        outcome.distribution = evil("normal");
        outcome.max_error = 0.05 + 0.8 * std::abs(std::sin(i));
        outcome.elements = 128;
        out.cases.push_back(outcome);
        if (i % 4 == 2) {
            out.findings.push_back(
                {evil("late-write"), "warning", "check", evil("0x1f..2f"), "open"});
        }
        return out;
    }

    Evaluation result_of(int i, double speedup) const {
        const Verdict verdict = verdict_of(i);
        Evaluation out = verdict == Verdict::accepted ? accepted(i, speedup) : Evaluation();
        out.verdict = verdict;
        out.summary = evil(std::string(name(verdict)));
        out.detail = verdict == Verdict::accepted ? "" : evil("line 3: expected ';'");
        out.timing_kind = wanted_.timing;
        out.device = evil(wanted_.device + ": Test Processor, 2 cores");
        out.device_hash = std::string(64, 'd');
        out.sandbox_profile = evil("bwrap+seccomp");
        out.seed_commitment = std::string(64, 'c');
        out.seed = std::string(64, '5');
        out.build.compiler = evil("g++ 12.2.0");
        out.build.command = evil("g++ -std=c++20 -O3 candidate.cpp");
        out.build.diagnostics = evil("warning: unused variable");
        out.build.seconds = 0.3;
        out.build.resources = {{evil("gemv.registers"), 96}};
        out.build.instruction_classes = {{evil("vfmadd"), 12}};
        out.stages = {{evil("build"), 289.0}, {"check", 129.4}};
        out.wall_s = 2.5;
        return out;
    }

    void add_attempt(int i) {
        EvaluationRow row;
        row.campaign_id = campaign_.id;
        row.step = i;
        row.candidate_hash = candidate(i);
        row.parent_hash = i == 0 ? "" : hashes_[static_cast<std::size_t>(i <= 2 ? 0 : i / 2)];
        row.note = evil("unroll by " + std::to_string(1 + i % 8));
        row.created_ms = k_begin + i * k_step_ms;
        const double speedup = wanted_.base * (1 + 0.12 * i - 0.4 * (i % 4 == 3 ? 1 : 0));
        row.result = result_of(i, speedup);
        row.new_best = row.result.verdict == Verdict::accepted && speedup > best_;
        row.reward = row.result.verdict == Verdict::accepted ? speedup : 0;
        hashes_.push_back(row.candidate_hash);
        if (i > 0) {
            call(i);
        }
        if (!row.new_best || i == 0) {
            must_have(store_.put_evaluation(row, campaign_));
            best_ = i == 0 ? speedup : best_;
            return;
        }
        best_ = speedup;
        row.state = "unverified";
        EvaluationRow again = row;
        again.purpose = "promotion";
        again.state = "judged";
        again.result = result_of(i, speedup * 0.98);
        must_have(store_.put_evaluation(row, again, campaign_));
    }

    db::Store& store_;
    PageCampaign wanted_;
    CampaignRow campaign_;
    std::vector<std::string> hashes_;
    double best_ = 0;
};

}  // namespace kw::test
