// SPDX-License-Identifier: Apache-2.0
// manifest.json: where every kernel comes from and what was shown of it. No dates, sorted keys: the
// same rows give the same bytes.
#include "core/hash.hpp"
#include "exporter/c_text.hpp"
#include "exporter/emit.hpp"

#include <nlohmann/json.hpp>

namespace kw::exporter {
namespace {

using Json = nlohmann::json;

Json interval(const Ratio& ratio) {
    return {{"value", ratio.value}, {"ci95", {ratio.lo, ratio.hi}}};
}

Json row_json(const Row& row, const Unit& unit) {
    const BoardRow& board = row.kernel.board;
    const Evaluation& judging = row.kernel.judging.result;
    Json domain = Json::object();
    for (const DimRange& dim : row.domain.dims) {
        domain[dim.name] = {{"min", dim.min}, {"max", dim.max}, {"multiple_of", dim.multiple_of}};
    }
    Json shapes = Json::array();
    for (const ShapeTiming& shape : judging.shapes) {
        shapes.push_back(
            {{"case", shape.case_name},
             {"dims", shape.dims},
             {"baseline", shape.baseline},
             {"speedup", interval(shape.speedup)},
             {"candidate_ns", shape.candidate_ns},
             {"baseline_ns", shape.baseline_ns}});
    }
    return {
        {"kernel", board.candidate_hash},
        {"unit", unit.id},
        {"row", board.evaluation_id},
        {"campaign", board.campaign},
        {"step", board.step},
        {"slot", board.slot},
        {"model", board.model},
        {"origin", row.kernel.candidate.origin},
        {"target", board.target},
        {"isa", board.isa},
        {"device", board.device},
        {"device_id", board.device_id},
        {"device_hash", judging.device_hash},
        {"timing", board.timing_kind},
        {"protocol", judging.protocol},
        {"purpose", row.kernel.judging.purpose},
        {"speedup", interval(board.speedup)},
        {"vs_naive", interval(board.vs_naive)},
        {"min_speedup", board.min_speedup},
        {"shapes", std::move(shapes)},
        {"verified", std::move(domain)},
        {"task_hash", row.kernel.judging.task_hash},
        {"compiler", judging.build.compiler},
        {"object_sha256", judging.build.artifact_sha256},
        {"seed_commitment", judging.seed_commitment}};
}

Json unit_json(const Unit& unit) {
    Json codes = Json::array();
    for (const CpuCode& code : unit.codes) {
        codes.push_back(
            {{"isa", code.level.name},
             {"flags", code.level.flags},
             {"checked", code.checked},
             {"one_call_at_a_time", code.keeps_state}});
    }
    if (unit.cuda) {
        codes.push_back(
            {{"arch", unit.cuda->arch},
             {"ptx_sha256", sha256_hex(unit.cuda->ptx)},
             {"cubin_sha256",
              unit.cuda->cubin.empty() ? Json() : Json(sha256_hex(unit.cuda->cubin))},
             {"checked", unit.cuda->checked}});
    }
    return {
        {"id", unit.id},
        {"source_sha256", sha256_hex(unit.candidate.source)},
        {"flags", unit.candidate.flags},
        {"code", std::move(codes)},
        {"no_code", unit.absent}};
}

Json operation_json(const Operation& operation) {
    Json rows = Json::array();
    for (const Row& row : operation.rows) {
        rows.push_back(row_json(row, operation.units[row.unit]));
    }
    Json units = Json::array();
    for (const Unit& unit : operation.units) {
        units.push_back(unit_json(unit));
    }
    const Task& task = operation.task;
    return {
        {"task", task.name},
        {"title", task.title},
        {"source", task.source},
        {"licence", task.license},
        {"task_hash", task.hash},
        {"cpu_hash", task.cpu_hash},
        {"reference_sha256", sha256_hex(operation.reference)},
        {"rows", std::move(rows)},
        {"units", std::move(units)}};
}

}  // namespace

std::string manifest(const Pack& pack, const std::string& pack_id) {
    Json operations = Json::array();
    for (const Operation& operation : pack.operations) {
        operations.push_back(operation_json(operation));
    }
    Json skipped = Json::array();
    for (const Skipped& each : pack.skipped) {
        skipped.push_back({{"kernel", each.kernel}, {"task", each.task}, {"reason", each.reason}});
    }
    const Json document = {
        {"schema", "kwright.pack/1"},
        {"pack", pack_id},
        {"kwright", pack.version},
        {"operations", std::move(operations)},
        {"skipped", std::move(skipped)}};
    return document.dump(1, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace kw::exporter
