// SPDX-License-Identifier: Apache-2.0
#include "agent/critic/facts.hpp"

#include "agent/observation/feedback.hpp"
#include "agent/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

namespace kw::agent {

namespace {

constexpr std::size_t k_npos = std::string_view::npos;

/// Nothing for what is no number or too large to be one.
void put(Facts& facts, const std::string& name, double value) {
    constexpr double k_most = 1e15;
    if (std::isfinite(value) && std::abs(value) < k_most) {
        facts.values[name] = static_cast<std::int64_t>(std::llround(value));
    }
}

void put_percent(Facts& facts, const std::string& name, double part, double whole) {
    if (whole > 0 && part > 0) {
        put(facts, name, 100 * part / whole);
    }
}

std::string as_name(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, 40)) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        out += plain ? c : '_';
    }
    return out;
}

/// The number that ends right before `at`, blanks between them allowed.
std::optional<double> number_before(std::string_view text, std::size_t at) {
    while (at > 0 && text[at - 1] == ' ') {
        --at;
    }
    std::size_t begin = at;
    while (begin > 0 && at - begin < 15 &&
           ((text[begin - 1] >= '0' && text[begin - 1] <= '9') || text[begin - 1] == '.')) {
        --begin;
    }
    if (begin == at) {
        return std::nullopt;
    }
    return std::strtod(std::string(text.substr(begin, at - begin)).c_str(), nullptr);
}

std::optional<double> number_before(std::string_view text, std::string_view words) {
    const std::size_t at = text.rfind(words);
    return at == k_npos ? std::nullopt : number_before(text, at);
}

// --- parts ---

void add_verdict(const Evaluation& result, Facts& facts) {
    for (int i = 0; i < k_verdict_count; ++i) {
        const auto verdict = static_cast<Verdict>(i);
        facts.values[verdict_fact(verdict)] = result.verdict == verdict ? 1 : 0;
    }
    facts.values["accepted"] = result.verdict == Verdict::accepted ? 1 : 0;
    for (const CaseOutcome& outcome : result.cases) {
        if (outcome.verdict == Verdict::accepted) {
            continue;
        }
        facts.values["hidden_case"] = outcome.hidden ? 1 : 0;
        if (!outcome.hidden) {
            put_percent(facts, "max_error_pct", outcome.max_error, 1);
            put_percent(
                facts,
                "mismatch_pct",
                static_cast<double>(outcome.mismatches),
                static_cast<double>(outcome.elements));
        }
        return;
    }
}

void add_task(const Task& task, Facts& facts) {
    facts.values["task_prepare"] = task.prepare ? 1 : 0;
    double weights = 0;
    double bytes = 0;
    double flop = 0;
    for (const Case& one : task.cases) {
        const auto least = task.cost.bytes.eval(one.dims);
        const auto work = task.cost.flop.eval(one.dims);
        if (!one.timed || !least || !work || static_cast<double>(*least) < bytes) {
            continue;
        }
        bytes = static_cast<double>(*least);
        flop = static_cast<double>(*work);
        weights = 0;
        for (const Arg& arg : task.args) {
            const auto size = byte_size(arg, one.dims);
            weights += arg.role == Role::weight && size ? static_cast<double>(*size) : 0;
        }
    }
    put(facts, "task_bytes", bytes);
    if (bytes > 0) {
        put(facts, "task_flop_per_byte", flop / bytes);
        put(facts, "task_weights_pct", std::min(100.0, 100 * weights / bytes));
    }
}

/// Geometric means over the timed shapes.
struct Means {
    double sum = 0;
    int count = 0;
    void add(double ratio) {
        if (ratio > 0 && std::isfinite(ratio)) {
            sum += std::log(ratio);
            ++count;
        }
    }
    void put_as(Facts& facts, const std::string& name) const {
        if (count > 0) {
            put(facts, name, 100 * std::exp(sum / count));
        }
    }
};

void add_shapes(const Evaluation& result, Facts& facts) {
    Means hot_speedup;
    Means cold_over_hot;
    const ShapeTiming* worst = nullptr;
    const ShapeTiming* best = nullptr;
    for (const ShapeTiming& shape : result.shapes) {
        if (shape.hot_candidate_ns > 0) {
            hot_speedup.add(shape.hot_baseline_ns / shape.hot_candidate_ns);
            cold_over_hot.add(shape.candidate_ns / shape.hot_candidate_ns);
        }
        if (shape.speedup.value > 0) {
            worst = worst == nullptr || shape.speedup.value < worst->speedup.value ? &shape : worst;
            best = best == nullptr || shape.speedup.value > best->speedup.value ? &shape : best;
        }
    }
    hot_speedup.put_as(facts, "hot_speedup_pct");
    cold_over_hot.put_as(facts, "cold_over_hot_pct");
    if (worst != nullptr) {
        facts.worst_shape = one_line(worst->case_name, 40);
        put_percent(facts, "worst_shape_pct", worst->speedup.value, 1);
        put_percent(facts, "shape_range_pct", best->speedup.value, worst->speedup.value);
    }
}

/// Both roofs, cold and hot. Hot: all bytes come through the nearest level that holds them.
void add_roofs(const FactsInput& input, Facts& facts) {
    if (input.machine == nullptr || facts.target != "cpu" || is_modelled(input.attempt.result)) {
        return;
    }
    const std::string& kind = input.task.cost.op_class;
    const double peak = kind == "f32"   ? input.machine->f32_gflops
                        : kind == "i8"  ? input.machine->i8_gops
                        : kind == "bit" ? input.machine->bit_gops
                                        : 0;
    Means memory_cold;
    Means compute_cold;
    Means memory_hot;
    Means compute_hot;
    for (const ShapeTiming& shape : input.attempt.result.shapes) {
        const auto bytes = input.task.cost.bytes.eval(shape.dims);
        const auto flop = input.task.cost.flop.eval(shape.dims);
        if (!bytes || !flop || shape.candidate_ns <= 0) {
            continue;
        }
        const auto moved = static_cast<double>(*bytes);
        const cpu::LevelBandwidth* nearest = nullptr;
        const cpu::LevelBandwidth* memory = nullptr;
        for (const cpu::LevelBandwidth& level : input.machine->levels) {
            const bool holds = level.bytes == 0 || level.bytes >= *bytes;
            nearest = nearest == nullptr && holds ? &level : nearest;
            memory = level.bytes == 0 ? &level : memory;
        }
        if (memory != nullptr && memory->gb_per_s > 0) {
            memory_cold.add(moved / memory->gb_per_s / shape.candidate_ns);
        }
        compute_cold.add(peak > 0 ? static_cast<double>(*flop) / peak / shape.candidate_ns : 0);
        if (shape.hot_candidate_ns > 0) {
            if (nearest != nullptr && nearest->gb_per_s > 0) {
                memory_hot.add(moved / nearest->gb_per_s / shape.hot_candidate_ns);
            }
            compute_hot.add(
                peak > 0 ? static_cast<double>(*flop) / peak / shape.hot_candidate_ns : 0);
        }
    }
    memory_cold.put_as(facts, "memory_roof_cold_pct");
    compute_cold.put_as(facts, "compute_roof_cold_pct");
    memory_hot.put_as(facts, "cache_roof_hot_pct");
    compute_hot.put_as(facts, "compute_roof_hot_pct");
}

void add_speed(const FactsInput& input, Facts& facts) {
    const Evaluation& result = input.attempt.result;
    if (result.verdict != Verdict::accepted || result.speedup.value <= 0) {
        return;
    }
    put_percent(facts, "speedup_pct", result.speedup.value, 1);
    put(facts,
        "spread_pct",
        100 * (result.speedup.hi - result.speedup.lo) / 2 / result.speedup.value);
    put_percent(facts, "vs_naive_pct", result.vs_naive.value, 1);
    put_percent(facts, "sol_cold_pct", result.sol, 1);
    facts.values["modelled"] = is_modelled(result) ? 1 : 0;
    const Attempt* parent = find_attempt(input.done, input.attempt.parent_hash);
    if (parent != nullptr && parent->reward > 0) {
        put_percent(facts, "vs_parent_pct", result.speedup.value, parent->reward);
    }
    if (const Attempt* best = best_of(input.done); best != nullptr) {
        put_percent(facts, "vs_best_pct", result.speedup.value, best->reward);
    }
    add_shapes(result, facts);
    add_roofs(input, facts);
}

bool is_multiply(std::string_view name) {
    static constexpr std::array<std::string_view, 11> k_names = {
        "vfmadd",
        "vpdpbusd",
        "vpdpwssd",
        "vpdpbssd",
        "vdpbf16ps",
        "vpmaddubsw",
        "vpmaddwd",
        "vpmull",
        "vmul",
        "vpmuldq",
        "vpopcnt"};
    return std::find(k_names.begin(), k_names.end(), name) != k_names.end();
}

void add_build(const BuildFacts& build, Facts& facts) {
    if (build.stack_references >= 0) {
        facts.values["stack_references"] = build.stack_references;
    }
    if (build.text_bytes > 0) {
        facts.values["text_bytes"] = build.text_bytes;
    }
    std::int64_t vectors = 0;
    std::int64_t multiplies = 0;
    for (const auto& [name, count] : build.instruction_classes) {
        facts.values["class_" + as_name(name)] = count;
        vectors += name == "zmm" || name == "ymm" || name == "xmm" ? count : 0;
        multiplies += is_multiply(name) ? count : 0;
    }
    if (facts.target == "cpu" && vectors > 0) {
        facts.values["vector_instructions"] = vectors;
        facts.values["multiplies"] = multiplies;
        put(facts,
            "mix_bound_pct",
            100 * static_cast<double>(multiplies) / static_cast<double>(vectors));
    }
    // The widest of the kernels: it is the one that limits.
    for (const auto& [name, value] : build.resources) {
        const std::size_t dot = name.rfind('.');
        const std::string what = dot == std::string::npos ? "" : name.substr(dot + 1);
        if (what == "registers" || what == "spill_bytes" || what == "smem_bytes" ||
            what == "stack_bytes") {
            const auto at = facts.values.try_emplace(what, value).first;
            at->second = std::max<std::int64_t>(at->second, value);
        }
    }
}

/// "gemv: gemv_k 12.1 us: dram 12.1 us, l2 7.9 us; occupancy 50 % (4 blocks a SM)"
void add_model_finding(const std::string& evidence, double& longest, Facts& facts) {
    const std::size_t terms = evidence.rfind(" us: ");
    if (terms == std::string::npos) {
        return;
    }
    const double us = number_before(evidence, terms).value_or(0);
    if (us <= longest) {
        return;
    }
    longest = us;
    const std::string_view first = std::string_view(evidence).substr(terms + 5);
    const std::string term = as_name(first.substr(0, first.find(' ')));
    for (const std::string_view known : limiter_terms()) {
        facts.values[limiter_fact(known)] = term == known ? 1 : 0;
        facts.limiter = term == known ? term : facts.limiter;
    }
    if (const auto occupancy = number_before(evidence, "% (")) {
        put(facts, "occupancy_pct", *occupancy);
    }
}

void add_findings(const Evaluation& result, Facts& facts) {
    double longest = 0;
    for (const Finding& finding : result.findings) {
        if (finding.phase != "time") {
            continue;
        }
        if (finding.rule == "model") {
            add_model_finding(finding.evidence, longest, facts);
        } else if (finding.rule == "bank-conflicts") {
            const auto taken = number_before(finding.evidence, "shared-memory passes");
            const auto ideal = number_before(finding.evidence, "would do");
            if (taken && ideal && *ideal > 0) {
                const auto at = facts.values.try_emplace("bank_passes_pct", 0).first;
                at->second = std::max(
                    at->second, static_cast<std::int64_t>(std::lround(100 * *taken / *ideal)));
            }
        } else if (finding.rule == "uncoalesced") {
            if (const auto sectors = number_before(finding.evidence, "sectors of 32")) {
                const auto at = facts.values.try_emplace("sectors_per_request", 0).first;
                at->second = std::max(at->second, static_cast<std::int64_t>(std::lround(*sectors)));
            }
        }
    }
}

}  // namespace

Facts facts_of(const FactsInput& input) {
    const Attempt& attempt = input.attempt;
    Facts facts;
    facts.target = attempt.target;
    facts.values["is_cuda"] = attempt.target == "cuda" ? 1 : 0;
    add_verdict(attempt.result, facts);
    add_task(input.task, facts);
    add_speed(input, facts);
    add_build(attempt.result.build, facts);
    add_findings(attempt.result, facts);
    if (!attempt.source.empty()) {
        facts.values.merge(source_facts(attempt.source));
    }
    if (attempt.result.verdict != Verdict::accepted) {
        facts.failure = feedback_text(attempt);
    }
    return facts;
}

std::string facts_text(const Facts& facts) {
    std::string out;
    for (const FactSpec& spec : fact_specs()) {
        const auto found = facts.values.find(spec.name);
        if (found == facts.values.end() || (found->second == 0 && spec.unit == "0 or 1") ||
            (found->second == 0 && spec.name.starts_with("src_"))) {
            continue;
        }
        out += spec.name + " = " + std::to_string(found->second) +
               (spec.unit == "0 or 1" ? "" : " " + spec.unit) + " (" + spec.about + ")\n";
    }
    std::string classes;
    for (const auto& [name, count] : facts.values) {
        if (name.starts_with("class_") && count > 0 && classes.size() < 1000) {
            classes +=
                (classes.empty() ? "" : ", ") + name.substr(6) + " x" + std::to_string(count);
        }
    }
    out += classes.empty() ? "" : "instructions by class: " + classes + "\n";
    out += facts.worst_shape.empty() ? "" : "worst shape: " + facts.worst_shape + "\n";
    out +=
        facts.limiter.empty() ? "" : "largest term of the modelled time: " + facts.limiter + "\n";
    return out;
}

}  // namespace kw::agent
