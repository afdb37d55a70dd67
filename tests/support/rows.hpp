// SPDX-License-Identifier: Apache-2.0
// Seeded random rows and their exact comparison. Every struct is taken apart by structured
// bindings, so that a field added to it stops the tests from compiling until it is compared (and
// stored) too.
#pragma once

#include "core/rows.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace kw::test {

/// Random values with a weight on the awkward ones. Equal seeds give equal rows.
class RandomRows {
public:
    explicit RandomRows(std::uint64_t seed)
        : engine_(seed) {}

    std::uint64_t bits() { return engine_(); }
    std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
    bool flag() { return (engine_() & 1) != 0; }
    std::int64_t integer() {
        switch (below(4)) {
            case 0: return 0;
            case 1: return static_cast<std::int64_t>(below(1'000'000));
            case 2: return -static_cast<std::int64_t>(below(1'000));
            default: return static_cast<std::int64_t>(bits());
        }
    }
    int small() { return static_cast<int>(below(100'000)) - 1; }

    /// Any bit pattern, ordinary numbers, and the corners: zeros of both signs, subnormals,
    /// infinities, NaN.
    double real() {
        using Limits = std::numeric_limits<double>;
        constexpr double corners[] = {
            0.0,
            -0.0,
            1.0,
            Limits::infinity(),
            -Limits::infinity(),
            Limits::quiet_NaN(),
            Limits::denorm_min(),
            Limits::min(),
            Limits::max(),
            9007199254740993.0,
            0.1,
            4096.0};
        switch (below(3)) {
            case 0: return corners[below(std::size(corners))];
            case 1: return std::bit_cast<double>(bits());
            default: return std::ldexp(static_cast<double>(bits()), -40);
        }
    }

    /// Any bytes: also NUL, quotes, what is not UTF-8.
    std::string text(std::size_t longest = 60) {
        static constexpr std::string_view k_awkward[] = {
            "", "'; DROP TABLE evaluation; --", "\"quoted\"", "a\nb\r\n", "%s%n", "NULL"};
        if (below(4) == 0) {
            return std::string(k_awkward[below(std::size(k_awkward))]);
        }
        std::string out(below(longest + 1), '\0');
        for (char& c : out) {
            c = static_cast<char>(below(8) == 0 ? below(256) : 32 + below(95));
        }
        return out;
    }
    std::string word() {
        std::string out(1 + below(8), 'a');
        for (char& c : out) {
            c = static_cast<char>('a' + below(26));
        }
        return out;
    }
    std::string hash() {
        std::string out(64, '0');
        for (char& c : out) {
            c = "0123456789abcdef"[below(16)];
        }
        return out;
    }
    Verdict verdict() { return static_cast<Verdict>(below(k_verdict_count)); }
    Comparison comparison() { return static_cast<Comparison>(below(4)); }
    Ratio ratio() { return {real(), real(), real()}; }
    DimMap dims() {
        DimMap out;
        for (std::uint64_t i = below(5); i > 0; --i) {
            out[word()] = integer();
        }
        return out;
    }

    ShapeTiming shape();
    CaseOutcome outcome();
    BuildFacts build();
    Evaluation evaluation();
    /// A row that a store accepts: its campaign, step and slot are the caller's, the hashes are
    /// empty.
    EvaluationRow row(std::int64_t campaign_id, int step, int slot);
    CampaignRow campaign(const std::string& name);
    CandidateRow candidate();
    ReplyRow reply(std::int64_t campaign_id, int step, int slot);
    ModelCallRow call(std::int64_t campaign_id, int step, int slot);

private:
    std::mt19937_64 engine_;
};

inline ShapeTiming RandomRows::shape() {
    ShapeTiming out;
    out.case_name = text();
    out.dims = dims();
    out.baseline = text();
    for (double* field :
         {&out.candidate_ns,
          &out.baseline_ns,
          &out.naive_ns,
          &out.hot_candidate_ns,
          &out.hot_baseline_ns,
          &out.floor_ns,
          &out.sol,
          &out.gb_per_s,
          &out.null_ns,
          &out.prepare_ns,
          &out.sm_mhz,
          &out.temperature_c,
          &out.power_w,
          &out.candidate_joules,
          &out.baseline_joules}) {
        *field = real();
    }
    out.mode = text();
    out.speedup = ratio();
    out.comparison = comparison();
    out.prepare_bytes = integer();
    out.stop_reason = text();
    out.samples.resize(below(3) == 0 ? 0 : below(300));
    for (Sample& sample : out.samples) {
        sample = {
            real(),
            real(),
            static_cast<std::uint8_t>(below(256)),
            static_cast<std::uint8_t>(below(256))};
    }
    return out;
}

inline CaseOutcome RandomRows::outcome() {
    CaseOutcome out;
    out.case_name = text();
    out.dims = dims();
    out.distribution = text();
    out.hidden = flag();
    out.verdict = verdict();
    out.argument = text();
    out.index = integer();
    out.got = text();
    out.want = text();
    out.mismatches = integer();
    out.elements = integer();
    out.max_error = real();
    out.note = text();
    return out;
}

inline BuildFacts RandomRows::build() {
    BuildFacts out;
    out.compiler = text();
    out.command = text();
    out.cached = flag();
    out.seconds = real();
    out.diagnostics = text(3000);
    out.text_bytes = integer();
    out.stack_references = small();
    for (std::uint64_t i = below(6); i > 0; --i) {
        out.instruction_classes[word()] = small();
    }
    out.artifact_sha256 = hash();
    for (std::uint64_t i = below(4); i > 0; --i) {
        out.resources[word()] = small();
    }
    return out;
}

inline Evaluation RandomRows::evaluation() {
    Evaluation out;
    out.verdict = verdict();
    out.summary = text();
    out.detail = text(5000);
    out.speedup = ratio();
    out.vs_naive = ratio();
    out.min_speedup = real();
    out.sol = real();
    out.comparison = comparison();
    for (std::uint64_t i = below(4); i > 0; --i) {
        out.shapes.push_back(shape());
    }
    for (std::uint64_t i = below(4); i > 0; --i) {
        out.cases.push_back(outcome());
    }
    for (std::uint64_t i = below(4); i > 0; --i) {
        const char* const states[] = {"open", "confirmed", "false alarm"};
        out.findings.push_back({text(), text(), text(), text(), states[below(3)]});
    }
    for (std::uint64_t i = below(6); i > 0; --i) {
        out.stages.push_back({text(), real()});
    }
    out.build = build();
    out.protocol = text();
    out.timing_kind = text();
    out.device = text();
    out.device_hash = hash();
    out.sandbox_profile = text();
    out.seed_commitment = hash();
    out.seed = hash();
    out.wall_s = real();
    return out;
}

inline EvaluationRow RandomRows::row(std::int64_t campaign_id, int step, int slot) {
    static constexpr std::string_view k_states[] = {
        "queued", "waiting_device", "judged", "stale", "unverified", "revoked"};
    EvaluationRow out;
    out.campaign_id = campaign_id;
    out.step = step;
    out.slot = slot;
    out.state = std::string(k_states[below(std::size(k_states))]);
    out.note = text();
    out.reward = real();
    out.best_discounted = real();
    out.new_best = flag();
    out.result = evaluation();
    out.created_ms = integer();
    out.task_hash = flag() ? hash() : "";
    return out;
}

inline CampaignRow RandomRows::campaign(const std::string& name) {
    static constexpr std::string_view k_states[] = {
        "planned", "running", "interrupted", "finished", "failed"};
    CampaignRow out;
    out.name = name;
    out.task = word();
    out.task_hash = hash();
    out.target = word();
    out.device = word();
    out.strategy = text();
    out.proposer = text();
    out.settings_json = text(500);
    out.state = std::string(k_states[below(std::size(k_states))]);
    out.stop_reason = text();
    out.created_ms = integer();
    out.updated_ms = integer();
    out.evaluations = small();
    out.spent_usd = real();
    out.tokens_in = integer();
    out.tokens_out = integer();
    return out;
}

inline CandidateRow RandomRows::candidate() {
    CandidateRow out;
    out.hash = hash();
    out.task = word();
    out.target = word();
    out.isa = word();
    out.source = text(5000);
    out.token_hash = hash();
    out.origin = "reply";
    out.created_ms = integer();
    return out;
}

inline ReplyRow RandomRows::reply(std::int64_t campaign_id, int step, int slot) {
    ReplyRow out;
    out.hash = hash();
    out.campaign_id = campaign_id;
    out.step = step;
    out.slot = slot;
    out.prompt_hash = hash();
    out.prompt = text(5000);
    out.raw = text(5000);
    out.model = text();
    out.parent_hash = flag() ? hash() : "";
    out.tokens_in = integer();
    out.tokens_out = integer();
    out.usd = real();
    out.seconds = real();
    out.created_ms = integer();
    return out;
}

inline ModelCallRow RandomRows::call(std::int64_t campaign_id, int step, int slot) {
    ModelCallRow out;
    out.campaign_id = campaign_id;
    out.step = step;
    out.slot = slot;
    out.purpose = word();
    out.model = text();
    out.reserved_tokens = integer();
    out.reserved_usd = real();
    out.tokens_in = integer();
    out.tokens_cached = integer();
    out.tokens_out = integer();
    out.usd = real();
    out.reserved_ms = integer();
    out.ended_ms = integer();
    return out;
}

// --- exact comparison: bits, not values ---

inline bool same(double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (a != a && b != b);
}
inline bool same(const std::string& a, const std::string& b) {
    return a == b;
}
inline bool same(std::int64_t a, std::int64_t b) {
    return a == b;
}
inline bool same(int a, int b) {
    return a == b;
}
inline bool same(bool a, bool b) {
    return a == b;
}
inline bool same(std::uint8_t a, std::uint8_t b) {
    return a == b;
}
inline bool same(Verdict a, Verdict b) {
    return a == b;
}
inline bool same(Comparison a, Comparison b) {
    return a == b;
}
inline bool same(const DimMap& a, const DimMap& b) {
    return a == b;
}
inline bool same(const std::map<std::string, int>& a, const std::map<std::string, int>& b) {
    return a == b;
}
inline bool same(const Ratio& a, const Ratio& b) {
    const auto& [v1, l1, h1] = a;
    const auto& [v2, l2, h2] = b;
    return same(v1, v2) && same(l1, l2) && same(h1, h2);
}
inline bool same(const Finding& a, const Finding& b) {
    return a == b;
}
inline bool same(const StageTime& a, const StageTime& b) {
    const auto& [s1, m1] = a;
    const auto& [s2, m2] = b;
    return s1 == s2 && same(m1, m2);
}
inline bool same(const Sample& a, const Sample& b) {
    const auto& [b1, c1, p1, o1] = a;
    const auto& [b2, c2, p2, o2] = b;
    return same(b1, b2) && same(c1, c2) && p1 == p2 && o1 == o2;
}
bool same(const ShapeTiming& a, const ShapeTiming& b);
bool same(const CaseOutcome& a, const CaseOutcome& b);
bool same(const BuildFacts& a, const BuildFacts& b);
bool same(const Evaluation& a, const Evaluation& b);
template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
    if (a.size() != b.size()) {
        return false;
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!same(a[i], b[i])) {
            return false;
        }
    }
    return true;
}

/// Names of the fields that differ; empty = equal to the bit.
class Differences {
public:
    template <class T>
    Differences& field(const char* name, const T& a, const T& b) {
        if (!same(a, b)) {
            text_ += std::string(text_.empty() ? "" : " ") + name;
        }
        return *this;
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
};

// The structured bindings below name every field; KW_SAME compares field i of both.
#define KW_SAME(n) .field(#n, a##n, b##n)

inline std::string differences(const ShapeTiming& a, const ShapeTiming& b) {
    const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22, a23, a24] =
        a;
    const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, b16, b17, b18, b19, b20, b21, b22, b23, b24] =
        b;
    return Differences() KW_SAME(1) KW_SAME(2) KW_SAME(3) KW_SAME(4) KW_SAME(5) KW_SAME(6)
        KW_SAME(7) KW_SAME(8) KW_SAME(9) KW_SAME(10) KW_SAME(11) KW_SAME(12) KW_SAME(13) KW_SAME(14)
            KW_SAME(15) KW_SAME(16) KW_SAME(17) KW_SAME(18) KW_SAME(19) KW_SAME(20) KW_SAME(21)
                KW_SAME(22) KW_SAME(23) KW_SAME(24)
                    .text();
}
inline bool same(const ShapeTiming& a, const ShapeTiming& b) {
    return differences(a, b).empty();
}

inline std::string differences(const CaseOutcome& a, const CaseOutcome& b) {
    const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13] = a;
    const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13] = b;
    return Differences() KW_SAME(1) KW_SAME(2) KW_SAME(3) KW_SAME(4) KW_SAME(5) KW_SAME(6)
        KW_SAME(7) KW_SAME(8) KW_SAME(9) KW_SAME(10) KW_SAME(11) KW_SAME(12) KW_SAME(13)
            .text();
}
inline bool same(const CaseOutcome& a, const CaseOutcome& b) {
    return differences(a, b).empty();
}

inline std::string differences(const BuildFacts& a, const BuildFacts& b) {
    const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10] = a;
    const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10] = b;
    return Differences() KW_SAME(1) KW_SAME(2) KW_SAME(3) KW_SAME(4) KW_SAME(5) KW_SAME(6)
        KW_SAME(7) KW_SAME(8) KW_SAME(9) KW_SAME(10)
            .text();
}
inline bool same(const BuildFacts& a, const BuildFacts& b) {
    return differences(a, b).empty();
}

inline std::string differences(const Evaluation& a, const Evaluation& b) {
    const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21] =
        a;
    const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, b16, b17, b18, b19, b20, b21] =
        b;
    return Differences() KW_SAME(1) KW_SAME(2) KW_SAME(3) KW_SAME(4) KW_SAME(5) KW_SAME(6)
        KW_SAME(7) KW_SAME(8) KW_SAME(9) KW_SAME(10) KW_SAME(11) KW_SAME(12) KW_SAME(13) KW_SAME(14)
            KW_SAME(15) KW_SAME(16) KW_SAME(17) KW_SAME(18) KW_SAME(19) KW_SAME(20) KW_SAME(21)
                .text();
}
inline bool same(const Evaluation& a, const Evaluation& b) {
    return differences(a, b).empty();
}

/// Without the id, which the store gives.
inline std::string differences(const EvaluationRow& a, const EvaluationRow& b) {
    const auto& [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16] = a;
    const auto& [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, b16] = b;
    return Differences() KW_SAME(1) KW_SAME(2) KW_SAME(3) KW_SAME(4) KW_SAME(5) KW_SAME(6)
        KW_SAME(7) KW_SAME(8) KW_SAME(9) KW_SAME(10) KW_SAME(11) KW_SAME(12) KW_SAME(13) KW_SAME(14)
            KW_SAME(15) KW_SAME(16)
                .text();
}

/// Without id and name, which the store gives.
inline std::string differences(const CampaignRow& a, const CampaignRow& b) {
    const auto& [a0, an, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15] = a;
    const auto& [b0, bn, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15] = b;
    return Differences() KW_SAME(1) KW_SAME(2) KW_SAME(3) KW_SAME(4) KW_SAME(5) KW_SAME(6)
        KW_SAME(7) KW_SAME(8) KW_SAME(9) KW_SAME(10) KW_SAME(11) KW_SAME(12) KW_SAME(13) KW_SAME(14)
            KW_SAME(15)
                .text();
}

inline std::string differences(const CandidateRow& a, const CandidateRow& b) {
    const auto& [a1, a2, a3, a4, a5, a6, a7, a8] = a;
    const auto& [b1, b2, b3, b4, b5, b6, b7, b8] = b;
    return Differences() KW_SAME(1) KW_SAME(2) KW_SAME(3) KW_SAME(4) KW_SAME(5) KW_SAME(6)
        KW_SAME(7) KW_SAME(8)
            .text();
}

inline std::string differences(const ReplyRow& a, const ReplyRow& b) {
    const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14] = a;
    const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14] = b;
    return Differences() KW_SAME(1) KW_SAME(2) KW_SAME(3) KW_SAME(4) KW_SAME(5) KW_SAME(6)
        KW_SAME(7) KW_SAME(8) KW_SAME(9) KW_SAME(10) KW_SAME(11) KW_SAME(12) KW_SAME(13) KW_SAME(14)
            .text();
}

inline std::string differences(const ModelCallRow& a, const ModelCallRow& b) {
    const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15] = a;
    const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15] = b;
    return Differences() KW_SAME(1) KW_SAME(2) KW_SAME(3) KW_SAME(4) KW_SAME(5) KW_SAME(6)
        KW_SAME(7) KW_SAME(8) KW_SAME(9) KW_SAME(10) KW_SAME(11) KW_SAME(12) KW_SAME(13) KW_SAME(14)
            KW_SAME(15)
                .text();
}
#undef KW_SAME

}  // namespace kw::test
