// SPDX-License-Identifier: Apache-2.0
// Which member of a document holds which field: one function a type names every field once, and
// the writer and the reader are two visitors of it.
#pragma once

#include "core/candidate.hpp"
#include "core/job.hpp"
#include "core/rows.hpp"

#include <string_view>
#include <type_traits>
#include <vector>

namespace kw::server {

/// One of a fixed list of words.
template <class String>
struct WireWord {
    String& text;
    const std::vector<std::string_view>& allowed;
};
template <class String>
WireWord(String&, const std::vector<std::string_view>&) -> WireWord<String>;

inline const std::vector<std::string_view> k_wire_states = {
    "queued", "waiting_device", "judged", "stale", "unverified", "revoked"};
inline const std::vector<std::string_view> k_wire_purposes = {
    "search", "promotion", "reverify", "rejudge"};
inline const std::vector<std::string_view> k_wire_findings = {"open", "confirmed", "false alarm"};
inline const std::vector<std::string_view> k_wire_timings = {"measured", "modelled"};

template <class Io, class Row>
void visit_ratio(Io& io, Row& row) {
    io("value", row.value);
    io("lo", row.lo);
    io("hi", row.hi);
}

template <class Io, class Row>
void visit_shape(Io& io, Row& row) {
    io("case_name", row.case_name);
    io("dims", row.dims);
    io("baseline", row.baseline);
    io("candidate_ns", row.candidate_ns);
    io("baseline_ns", row.baseline_ns);
    io("naive_ns", row.naive_ns);
    io("hot_candidate_ns", row.hot_candidate_ns);
    io("hot_baseline_ns", row.hot_baseline_ns);
    io("speedup", row.speedup);
    io("comparison", row.comparison);
    io("floor_ns", row.floor_ns);
    io("sol", row.sol);
    io("gb_per_s", row.gb_per_s);
    io("null_ns", row.null_ns);
    io("prepare_ns", row.prepare_ns);
    io("prepare_bytes", row.prepare_bytes);
    io("mode", row.mode);
    io("sm_mhz", row.sm_mhz);
    io("temperature_c", row.temperature_c);
    io("power_w", row.power_w);
    io("candidate_joules", row.candidate_joules);
    io("baseline_joules", row.baseline_joules);
    io("stop_reason", row.stop_reason);
    io("samples", row.samples);
}

template <class Io, class Row>
void visit_case(Io& io, Row& row) {
    io("case_name", row.case_name);
    io("dims", row.dims);
    io("distribution", row.distribution);
    io("hidden", row.hidden);
    io("verdict", row.verdict);
    io("argument", row.argument);
    io("index", row.index);
    io("got", row.got);
    io("want", row.want);
    io("mismatches", row.mismatches);
    io("elements", row.elements);
    io("max_error", row.max_error);
    io("note", row.note);
}

template <class Io, class Row>
void visit_build(Io& io, Row& row) {
    io("compiler", row.compiler);
    io("command", row.command);
    io("cached", row.cached);
    io("seconds", row.seconds);
    io("diagnostics", row.diagnostics);
    io("text_bytes", row.text_bytes);
    io("stack_references", row.stack_references);
    io("instruction_classes", row.instruction_classes);
    io("artifact_sha256", row.artifact_sha256);
    io("resources", row.resources);
}

template <class Io, class Row>
void visit_finding(Io& io, Row& row) {
    io("rule", row.rule);
    io("severity", row.severity);
    io("phase", row.phase);
    io("evidence", row.evidence);
    io("state", WireWord{row.state, k_wire_findings});
}

template <class Io, class Row>
void visit_stage(Io& io, Row& row) {
    io("stage", row.stage);
    io("ms", row.ms);
}

template <class Io, class Row>
void visit_evaluation(Io& io, Row& row) {
    io("verdict", row.verdict);
    io("summary", row.summary);
    io("detail", row.detail);
    io("speedup", row.speedup);
    io("vs_naive", row.vs_naive);
    io("min_speedup", row.min_speedup);
    io("sol", row.sol);
    io("comparison", row.comparison);
    io("shapes", row.shapes);
    io("cases", row.cases);
    io("findings", row.findings);
    io("stages", row.stages);
    io("build", row.build);
    io("protocol", row.protocol);
    io("timing_kind", WireWord{row.timing_kind, k_wire_timings});
    io("device", row.device);
    io("device_hash", row.device_hash);
    io("sandbox_profile", row.sandbox_profile);
    io("seed_commitment", row.seed_commitment);
    io("seed", row.seed);
    io("wall_s", row.wall_s);
}

template <class Io, class Row>
void visit_row(Io& io, Row& row) {
    io("id", row.id);
    io("campaign_id", row.campaign_id);
    io("step", row.step);
    io("slot", row.slot);
    io("candidate_hash", row.candidate_hash);
    io("parent_hash", row.parent_hash);
    io("reply_hash", row.reply_hash);
    io("state", WireWord{row.state, k_wire_states});
    io("note", row.note);
    io("reward", row.reward);
    io("best_discounted", row.best_discounted);
    io("new_best", row.new_best);
    io("result", row.result);
    io("created_ms", row.created_ms);
    io("task_hash", row.task_hash);
    io("purpose", WireWord{row.purpose, k_wire_purposes});
    io("reproduces", row.reproduces);
}

template <class Io, class Row>
void visit_candidate(Io& io, Row& row) {
    io("task", row.task);
    io("target", row.target);
    io("isa", row.isa);
    io("arch", row.arch);
    io("source", row.source);
    io("flags", row.flags);
    io("hash", row.hash);
}

template <class Io, class Row>
void visit_machine(Io& io, Row& row) {
    io("device", row.device);
    io("description", row.description);
    io("arch", row.arch);
    io("facts", row.facts);
}

template <class Io, class Row>
void visit_worker(Io& io, Row& row) {
    io("name", row.name);
    io("trusted", row.trusted);
    io("devices", row.devices);
    io("machines", row.machines);
    io("kinds", row.kinds);
    io("toolchain", row.toolchain);
    io("evaluator_hash", row.evaluator_hash);
    io("first_ms", row.first_ms);
    io("last_ms", row.last_ms);
    io("done", row.done);
    io("lost", row.lost);
}

// Which visitor a type has.
template <class Io, class Row>
void visit_fields(Io& io, Row& row) {
    using Plain = std::remove_cv_t<Row>;
    if constexpr (std::is_same_v<Plain, Ratio>) {
        visit_ratio(io, row);
    } else if constexpr (std::is_same_v<Plain, ShapeTiming>) {
        visit_shape(io, row);
    } else if constexpr (std::is_same_v<Plain, CaseOutcome>) {
        visit_case(io, row);
    } else if constexpr (std::is_same_v<Plain, BuildFacts>) {
        visit_build(io, row);
    } else if constexpr (std::is_same_v<Plain, Finding>) {
        visit_finding(io, row);
    } else if constexpr (std::is_same_v<Plain, StageTime>) {
        visit_stage(io, row);
    } else if constexpr (std::is_same_v<Plain, Evaluation>) {
        visit_evaluation(io, row);
    } else if constexpr (std::is_same_v<Plain, EvaluationRow>) {
        visit_row(io, row);
    } else if constexpr (std::is_same_v<Plain, Candidate>) {
        visit_candidate(io, row);
    } else if constexpr (std::is_same_v<Plain, WorkerMachine>) {
        visit_machine(io, row);
    } else {
        static_assert(std::is_same_v<Plain, WorkerRow>);
        visit_worker(io, row);
    }
}

}  // namespace kw::server
