// SPDX-License-Identifier: Apache-2.0
#include "agent/budget/ledger.hpp"
#include "agent/campaign/campaign_settings.hpp"
#include "core/clock.hpp"
#include "server/views/attempts.hpp"
#include "server/views/campaign_command.hpp"
#include "server/views/view_json.hpp"
#include "server/views/views.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace kw::server {

namespace {

using nlohmann::json;

json spent_json(const Spent& spent) {
    return {
        {"usd", spent.usd},
        {"tokens", spent.tokens},
        {"seconds", spent.seconds},
        {"judge_seconds", spent.judge_seconds}};
}

json attempt_json(const Attempt& attempt) {
    const EvaluationRow& row = attempt.row;
    const Evaluation& result = row.result;
    const std::optional<double> error = max_error(result);
    json document = {
        {"eval", attempt.ordinal},
        {"step", row.step},
        {"slot", row.slot},
        {"kernel", row.candidate_hash},
        {"parent", row.parent_hash},
        {"model", attempt.model},
        {"note", row.note},
        {"verdict", code(result.verdict)},
        {"verdict_name", name(result.verdict)},
        {"summary", result.summary},
        {"state", attempt.state},
        {"counts", attempt.counts},
        {"best", is_best(attempt)},
        {"timing", result.timing_kind},
        {"speedup", speedup_json(result)},
        {"max_error", error ? json(*error) : json(nullptr)},
        {"findings", result.findings.size()},
        {"spent", spent_json(attempt.spent)},
        {"at", iso8601(row.created_ms)},
        {"first", nullptr}};
    if (attempt.first) {
        document["first"] = {
            {"verdict", code(attempt.first->verdict)}, {"speedup", speedup_json(*attempt.first)}};
    }
    return document;
}

/// The kernel in hand over what was spent; measured and modelled ones are two curves.
json curves_json(const std::vector<const Attempt*>& ordered) {
    json curves = json::object();
    for (const Attempt* attempt : ordered) {
        if (!is_best(*attempt)) {
            continue;
        }
        const Ratio& speedup = attempt->row.result.speedup;
        json point = spent_json(attempt->spent);
        point["eval"] = attempt->ordinal;
        point["kernel"] = attempt->row.candidate_hash;
        point["speedup"] = speedup.value;
        point["ci95"] = {speedup.lo, speedup.hi};
        curves[is_modelled(attempt->row.result) ? "modelled" : "measured"].push_back(
            std::move(point));
    }
    return curves;
}

/// What was asked of models, by model and purpose.
json calls_json(const std::vector<ModelCallRow>& calls) {
    struct Sum {
        int settled = 0;
        int lost = 0;
        int open = 0;
        std::int64_t tokens_in = 0, tokens_cached = 0, tokens_out = 0;
        double usd = 0;
    };
    std::map<std::pair<std::string, std::string>, Sum> sums;
    for (const ModelCallRow& call : calls) {
        Sum& sum = sums[{call.model, call.purpose}];
        sum.settled += call.state == "settled" ? 1 : 0;
        sum.lost += call.state == "lost" ? 1 : 0;
        sum.open += call.state == "reserved" ? 1 : 0;
        sum.tokens_in += agent::counted_tokens(call.tokens_in);
        sum.tokens_cached += agent::counted_tokens(call.tokens_cached);
        sum.tokens_out += agent::counted_tokens(call.tokens_out);
        sum.usd += call.state == "reserved" ? 0 : agent::charged_usd(call);
    }
    json rows = json::array();
    for (const auto& [key, sum] : sums) {
        rows.push_back(
            {{"model", key.first},
             {"purpose", key.second},
             {"settled", sum.settled},
             {"lost", sum.lost},
             {"open", sum.open},
             {"tokens",
              {{"in", sum.tokens_in}, {"cached", sum.tokens_cached}, {"out", sum.tokens_out}}},
             {"usd", sum.usd}});
    }
    return rows;
}

json environments_json(const std::vector<const Attempt*>& ordered) {
    std::set<std::tuple<std::string, std::string, std::string, std::string, std::string>> seen;
    json rows = json::array();
    for (const Attempt* attempt : ordered) {
        const Evaluation& result = attempt->row.result;
        const bool built = !result.build.compiler.empty();
        if (built && seen.emplace(
                             result.device,
                             result.timing_kind,
                             result.build.compiler,
                             result.sandbox_profile,
                             result.protocol)
                         .second) {
            rows.push_back(
                {{"device", result.device},
                 {"device_hash", result.device_hash},
                 {"timing", result.timing_kind},
                 {"compiler", result.build.compiler},
                 {"sandbox", result.sandbox_profile},
                 {"protocol", result.protocol}});
        }
    }
    return rows;
}

json limits_json(const Result<agent::StoredSettings>& stored) {
    if (!stored) {
        return nullptr;
    }
    const agent::Budget& budget = stored->settings.budget;
    return {
        {"evaluations", budget.max_evals},
        {"usd", budget.max_usd},
        {"tokens", budget.max_tokens},
        {"seconds", budget.max_seconds},
        {"judge_seconds", budget.max_device_seconds}};
}

json document_of(
    const CampaignRow& row,
    const std::vector<Attempt>& attempts,
    const std::vector<ModelCallRow>& calls) {
    const std::vector<const Attempt*> ordered = in_order(attempts);
    const auto stored = agent::settings_from_json(row.settings_json);
    json document = {
        {"schema", "kwright.campaign-view/1"},
        {"campaign", row.name},
        {"task", row.task},
        {"task_hash", row.task_hash},
        {"target", row.target},
        {"device", row.device},
        {"strategy", row.strategy},
        {"proposer", row.proposer},
        {"state", row.state},
        {"stop_reason", row.stop_reason},
        {"started", iso8601(row.created_ms)},
        {"updated", iso8601(row.updated_ms)},
        {"evaluations", row.evaluations},
        {"usd", row.spent_usd},
        {"tokens", {{"in", row.tokens_in}, {"out", row.tokens_out}}},
        {"active_seconds", stored ? json(stored->elapsed_s) : json(nullptr)},
        {"limits", limits_json(stored)},
        {"command", campaign_command(row)},
        {"curves", curves_json(ordered)},
        {"calls", calls_json(calls)},
        {"environments", environments_json(ordered)},
        {"attempts", json::array()}};
    for (const Attempt* attempt : ordered) {
        document["attempts"].push_back(attempt_json(*attempt));
    }
    return document;
}

}  // namespace

Result<std::string> campaign_view(db::Store& store, const std::string& name) {
    KW_TRY_ASSIGN(const std::optional<CampaignRow> row, store.campaign(name));
    if (!row) {
        return Error{
            Errc::usage, "no campaign is called \"" + name + "\"", "see `kwright campaign list`"};
    }
    KW_TRY_ASSIGN(const std::vector<Attempt> attempts, attempts_of(*row, store));
    KW_TRY_ASSIGN(const std::vector<ModelCallRow> calls, store.model_calls(row->id));
    return dump(document_of(*row, attempts, calls));
}

}  // namespace kw::server
