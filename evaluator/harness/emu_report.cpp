// SPDX-License-Identifier: Apache-2.0
#include "evaluator/harness/emu_job.hpp"

#include <nlohmann/json.hpp>

namespace kw::harness {
namespace {

using Json = nlohmann::json;

constexpr std::size_t k_most_instructions = 4000;  // of a launch, in the report

const char* work_name(emu::Work work) {
    static constexpr const char* k_names[] = {
        "move",   "integer",   "multiply_add", "half",    "convert", "special", "divide",
        "double", "predicate", "branch",       "barrier", "warp",    "global",  "shared",
        "local",  "const",     "generic",      "atomic",  "copy",    "matrix",  "other"};
    static_assert(std::size(k_names) == static_cast<std::size_t>(emu::Work::count));
    return k_names[static_cast<std::size_t>(work)];
}

Json show(const emu::InsnCounts& counts) {
    return {
        {"warps", counts.warps},
        {"threads", counts.threads},
        {"requests", counts.requests},
        {"sectors", counts.sectors},
        {"lines", counts.lines},
        {"wavefronts", counts.wavefronts},
        {"excess", counts.excess},
        {"divergent", counts.divergent}};
}

Json show(const emu::Finding& finding, const emu::Module& module) {
    return {
        {"kind", emu::finding_name(finding.kind)},
        {"severity", emu::severity_name(finding.severity)},
        {"text", emu::describe(finding, module)},
        {"line", finding.at.line},
        {"ptx_line", finding.at.ptx_line},
        {"block", finding.block},
        {"thread", finding.thread},
        {"count", finding.count}};
}

Json show(const emu::Counters& counters) {
    Json works = Json::object();
    for (std::size_t i = 0; i < counters.by_work.size(); ++i) {
        if (counters.by_work[i].warps > 0) {
            works[work_name(static_cast<emu::Work>(i))] = show(counters.by_work[i]);
        }
    }
    Json lines = Json::array();
    for (const emu::InsnReport& insn : counters.instructions) {
        // What the model and the critic use: accesses and their patterns, and matrix shapes.
        const bool wanted = insn.counts.requests > 0 || insn.work == emu::Work::matrix;
        if (wanted && lines.size() < k_most_instructions) {
            Json entry = show(insn.counts);
            entry["opcode"] = insn.opcode;
            entry["line"] = insn.at.line;
            entry["work"] = work_name(insn.work);
            lines.push_back(std::move(entry));
        }
    }
    return {
        {"by_work", std::move(works)},
        {"memory", std::move(lines)},
        {"warp_instructions", counters.warp_instructions},
        {"thread_instructions", counters.thread_instructions},
        {"barriers", counters.barriers},
        {"atomics", counters.atomics},
        {"mma", counters.mma},
        {"blocks_run", counters.blocks_run},
        {"blocks_total", counters.blocks_total},
        {"block_variation", counters.block_variation}};
}

Json show(const EmuLaunchReport& launch, const emu::Module& module) {
    const emu::Report& report = launch.report;
    Json findings = Json::array();
    for (const emu::Finding& finding : report.findings) {
        findings.push_back(show(finding, module));
    }
    return {
        {"kernel", launch.kernel},
        {"ending", emu::ending_name(report.ending)},
        {"error", report.error.message},
        {"error_ptx_line", report.error.line},
        {"hang", report.hang},
        {"findings", std::move(findings)},
        {"counters", show(report.counters)},
        {"log", report.log},
        {"shared_bytes", report.shared_bytes},
        {"local_bytes", report.local_bytes},
        {"threads_per_block", report.threads_per_block},
        {"shadow_bytes", report.shadow_bytes},
        {"workers", report.workers},
        {"cpu_s", launch.cpu_s},
        {"wall_s", report.wall_s}};
}

}  // namespace

std::string show_report(
    const emu::ParseResult& parsed, const std::vector<EmuLaunchReport>& launches) {
    Json errors = Json::array();
    for (const emu::PtxError& error : parsed.errors) {
        errors.push_back(
            {{"line", error.line}, {"column", error.column}, {"message", error.message}});
    }
    Json all = Json::array();
    for (const EmuLaunchReport& launch : launches) {
        all.push_back(show(launch, parsed.module));
    }
    const Json document{
        {"schema", "kw-emu-report/1"}, {"errors", std::move(errors)}, {"launches", std::move(all)}};
    // A kernel's printf and names may hold any bytes.
    return document.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace kw::harness
