// SPDX-License-Identifier: Apache-2.0
#include "server/views/view_json.hpp"

#include "core/clock.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace kw::server {

namespace {

using nlohmann::json;

/// How a GPU was timed, and in what state it was.
json gpu_json(const ShapeTiming& shape) {
    return {
        {"mode", shape.mode},
        {"sm_mhz", number_or_null(shape.sm_mhz)},
        {"temperature_c", number_or_null(shape.temperature_c)},
        {"power_w", number_or_null(shape.power_w)},
        {"candidate_joules", number_or_null(shape.candidate_joules)},
        {"baseline_joules", number_or_null(shape.baseline_joules)}};
}

json shape_json(const ShapeTiming& shape) {
    json document = {
        {"case", shape.case_name},
        {"dims", shape.dims},
        {"baseline", shape.baseline},
        {"candidate_ns", shape.candidate_ns},
        {"baseline_ns", shape.baseline_ns},
        {"naive_ns", number_or_null(shape.naive_ns)},
        {"hot_candidate_ns", number_or_null(shape.hot_candidate_ns)},
        {"hot_baseline_ns", number_or_null(shape.hot_baseline_ns)},
        {"speedup", shape.speedup.value},
        {"ci95", {shape.speedup.lo, shape.speedup.hi}},
        {"comparison", name(shape.comparison)},
        {"floor_ns", shape.floor_ns},
        {"sol", shape.sol},
        {"gb_per_s", shape.gb_per_s},
        {"null_ns", shape.null_ns},
        {"prepare_ns", number_or_null(shape.prepare_ns)},
        {"prepare_bytes", shape.prepare_bytes},
        {"pairs", shape.samples.size()},
        {"stop_reason", shape.stop_reason}};
    if (!shape.mode.empty()) {
        document["gpu"] = gpu_json(shape);
    }
    return document;
}

json case_json(const CaseOutcome& outcome) {
    return {
        {"case", outcome.case_name},
        {"dims", outcome.dims},
        {"distribution", outcome.distribution},
        {"hidden", outcome.hidden},
        {"verdict", code(outcome.verdict)},
        {"argument", outcome.argument},
        {"index", outcome.index},
        {"got", outcome.got},
        {"want", outcome.want},
        {"mismatches", outcome.mismatches},
        {"elements", outcome.elements},
        {"error_fraction", outcome.max_error}};
}

json build_json(const BuildFacts& build) {
    return {
        {"compiler", build.compiler},
        {"command", build.command},
        {"cached", build.cached},
        {"seconds", number_or_null(build.seconds)},
        {"diagnostics", build.diagnostics},
        {"artifact_sha256", build.artifact_sha256},
        {"stack_references", build.stack_references},
        {"instructions", build.instruction_classes},
        {"resources", build.resources}};
}

}  // namespace

std::string dump(const json& document) {
    return document.dump(-1, ' ', true, json::error_handler_t::replace);
}

json number_or_null(double value) {
    return value > 0 && std::isfinite(value) ? json(value) : json(nullptr);
}

json speedup_json(const Evaluation& evaluation) {
    if (evaluation.verdict != Verdict::accepted || !(evaluation.speedup.value > 0)) {
        return nullptr;
    }
    return {
        {"value", evaluation.speedup.value},
        {"ci95", {evaluation.speedup.lo, evaluation.speedup.hi}},
        {"vs_naive", evaluation.vs_naive.value},
        {"min", evaluation.min_speedup},
        {"sol", evaluation.sol},
        {"comparison", name(evaluation.comparison)}};
}

json evaluation_json(const Evaluation& evaluation) {
    json document = {
        {"verdict", code(evaluation.verdict)},
        {"verdict_name", name(evaluation.verdict)},
        {"summary", evaluation.summary},
        {"detail", evaluation.detail},
        {"protocol", evaluation.protocol},
        {"timing", evaluation.timing_kind},
        {"device", evaluation.device},
        {"device_hash", evaluation.device_hash},
        {"sandbox", evaluation.sandbox_profile},
        {"seed_commitment", evaluation.seed_commitment},
        {"seed", evaluation.seed},
        {"wall_s", evaluation.wall_s},
        {"build", build_json(evaluation.build)},
        {"speedup", evaluation.shapes.empty() ? json(nullptr) : speedup_json(evaluation)},
        {"shapes", json::array()},
        {"cases", json::array()},
        {"findings", json::array()},
        {"stages", json::array()}};
    for (const ShapeTiming& shape : evaluation.shapes) {
        document["shapes"].push_back(shape_json(shape));
    }
    for (const CaseOutcome& outcome : evaluation.cases) {
        document["cases"].push_back(case_json(outcome));
    }
    for (const Finding& finding : evaluation.findings) {
        document["findings"].push_back(
            {{"rule", finding.rule},
             {"severity", finding.severity},
             {"phase", finding.phase},
             {"evidence", finding.evidence},
             {"state", finding.state}});
    }
    for (const StageTime& stage : evaluation.stages) {
        document["stages"].push_back({{"stage", stage.stage}, {"ms", stage.ms}});
    }
    return document;
}

json board_row_json(const BoardRow& row) {
    return {
        {"task", row.task},
        {"kernel", row.candidate_hash},
        {"campaign", row.campaign},
        {"model", row.model},
        {"target", row.target},
        {"device_id", row.device_id},
        {"device", row.device},
        {"isa", row.isa},
        {"speedup", row.speedup.value},
        {"ci95", {row.speedup.lo, row.speedup.hi}},
        {"vs_naive", row.vs_naive.value},
        {"min_speedup", row.min_speedup},
        {"sol", row.sol},
        {"comparison", name(row.comparison)},
        {"timing", row.timing_kind},
        {"state", row.state},
        {"loc", row.lines_of_code},
        {"step", row.step},
        {"slot", row.slot},
        {"evaluation", row.evaluation_id},
        {"at", iso8601(row.created_ms)}};
}

}  // namespace kw::server
