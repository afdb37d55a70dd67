// SPDX-License-Identifier: Apache-2.0
#include "server/report/evaluations_csv.hpp"

#include "core/clock.hpp"
#include "server/views/attempts.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

namespace kw::server {

namespace {

constexpr std::string_view k_head =
    "eval,step,slot,kernel,parent,verdict,state,timing,device,speedup,speedup_lo,speedup_hi,"
    "vs_naive,min_speedup,sol,max_error,best_speedup,spent_usd,spent_tokens,spent_seconds,"
    "judge_seconds,model,at,note,summary\r\n";

/// The shortest text that reads back to the same number; nothing for what was not measured.
std::string measured(double value) {
    if (!(value > 0) || !std::isfinite(value)) {
        return "";
    }
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

std::string spent(double value) {
    return value > 0 ? measured(value) : "0";
}

std::vector<std::string> fields_of(const Attempt& attempt, double best) {
    const EvaluationRow& row = attempt.row;
    const Evaluation& result = row.result;
    const bool timed = result.verdict == Verdict::accepted;
    const auto if_timed = [timed](double value) {
        return timed ? measured(value) : "";
    };
    const std::optional<double> error = max_error(result);
    return {
        std::to_string(attempt.ordinal),
        std::to_string(row.step),
        std::to_string(row.slot),
        row.candidate_hash,
        row.parent_hash,
        std::string(code(result.verdict)),
        attempt.state,
        result.timing_kind,
        result.device,
        if_timed(result.speedup.value),
        if_timed(result.speedup.lo),
        if_timed(result.speedup.hi),
        if_timed(result.vs_naive.value),
        if_timed(result.min_speedup),
        if_timed(result.sol),
        error ? spent(*error) : "",
        measured(best),
        spent(attempt.spent.usd),
        std::to_string(attempt.spent.tokens),
        spent(attempt.spent.seconds),
        spent(attempt.spent.judge_seconds),
        attempt.model,
        iso8601(row.created_ms),
        row.note,
        result.summary};
}

}  // namespace

std::string csv_field(const std::string& text) {
    constexpr std::string_view k_formula = "=+-@\t\r";
    const bool formula = !text.empty() && k_formula.find(text.front()) != std::string_view::npos;
    std::string field = formula ? "'" + text : text;
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
        return field;
    }
    std::string quoted = "\"";
    for (const char c : field) {
        quoted += c == '"' ? "\"\"" : std::string(1, c);
    }
    return quoted + "\"";
}

Result<std::string> evaluations_csv(db::Store& store, const std::string& campaign) {
    KW_TRY_ASSIGN(const std::optional<CampaignRow> row, store.campaign(campaign));
    if (!row) {
        return Error{
            Errc::usage,
            "no campaign is called \"" + campaign + "\"",
            "see `kwright campaign list`"};
    }
    KW_TRY_ASSIGN(const std::vector<Attempt> attempts, attempts_of(*row, store));
    std::string text(k_head);
    double best = 0;
    for (const Attempt* attempt : in_order(attempts)) {
        best = is_best(*attempt) ? attempt->row.result.speedup.value : best;
        std::string line;
        for (const std::string& field : fields_of(*attempt, best)) {
            line += (line.empty() ? "" : ",") + csv_field(field);
        }
        text += line + "\r\n";
    }
    return text;
}

}  // namespace kw::server
