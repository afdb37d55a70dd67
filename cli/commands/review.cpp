// SPDX-License-Identifier: Apache-2.0
// What a person made of a finding, and kernels taken off the board. Verdicts stay as they are.
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "core/hash.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace kw::cli {
namespace {

constexpr const char* k_states[] = {"open", "confirmed", "false alarm"};

/// "false-alarm" is easier to type.
std::string state_of(std::string word) {
    std::ranges::replace(word, '-', ' ');
    return word;
}

/// Before anything is written: a rule that is not there is a typing mistake.
Result<void> check_rule(
    const CandidateRow& kernel, const std::string& rule, const std::vector<EvaluationRow>& rows) {
    std::set<std::string> rules;
    for (const EvaluationRow& row : rows) {
        for (const Finding& finding : row.result.findings) {
            rules.insert(finding.rule);
        }
    }
    if (rules.contains(rule)) {
        return {};
    }
    std::string known;
    for (const std::string& one : rules) {
        known += (known.empty() ? "" : ", ") + one;
    }
    return Error{
        Errc::usage,
        short_id('k', kernel.hash) + " has no finding '" + rule + "'",
        rules.empty() ? "it has no findings" : "it has: " + known};
}

std::string revoked_text(int revoked) {
    return revoked == 0 ? "no judging counts, nothing to revoke"
                        : std::to_string(revoked) + (revoked == 1 ? " judging" : " judgings") +
                              " revoked, off the board";
}

Result<int> review(const Invocation& invocation, Console& console) {
    const std::string rule = invocation.text("finding");
    const std::string state = state_of(invocation.text("as"));
    const bool revokes = invocation.has("revoke");
    if (rule.empty() != state.empty() || (rule.empty() && !revokes)) {
        return Error{
            Errc::usage,
            "nothing says what to do",
            "--finding RULE --as confirmed|false-alarm|open, or --revoke"};
    }
    if (!state.empty() && std::ranges::find(k_states, state) == std::end(k_states)) {
        return Error{
            Errc::usage,
            "a finding is not '" + state + "'",
            "--as takes confirmed, false-alarm or open"};
    }
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::write));
    KW_TRY_ASSIGN(
        const CandidateRow kernel, store.candidate(id_prefix(invocation.text("KERNEL"), 'k')));
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> rows, store.evaluations_of(kernel.hash));
    int marked = 0;
    int revoked = 0;
    if (!rule.empty()) {
        KW_TRY(check_rule(kernel, rule, rows));
        KW_TRY_ASSIGN(marked, store.mark_findings(kernel.hash, rule, state));
    }
    if (revokes) {
        KW_TRY_ASSIGN(revoked, store.revoke(kernel.hash));
    }
    if (invocation.json) {
        console.print(json_text(
            {{"schema", "kwright.review/1"},
             {"kernel", kernel.hash},
             {"findings", marked},
             {"revoked", revoked}}));
        return 0;
    }
    if (marked > 0) {
        console.print(
            rule + " of " + short_id('k', kernel.hash) + ": " + state + " (" +
            std::to_string(marked) + (marked == 1 ? " judging)" : " judgings)"));
    }
    if (revokes) {
        console.print(short_id('k', kernel.hash) + ": " + revoked_text(revoked));
    }
    return 0;
}

}  // namespace

CommandSpec review_command() {
    CommandSpec spec;
    spec.name = "dev review";
    spec.group = "Hidden";
    spec.summary = "say what a finding was, or take a kernel off the board";
    spec.examples = {
        "kwright dev review k7f3a91c --finding memset --as false-alarm",
        "kwright dev review k7f3a91c --revoke"};
    spec.positionals = {{"KERNEL", "kernel id (any unique prefix)", true, false, "kernel"}};
    spec.options = {
        {"--finding", "RULE", "findings of this rule, in all judgings", "", false, "Options", {}},
        {"--as", "STATE", "confirmed | false-alarm | open", "", false, "Options", {}},
        {"--revoke",
         "",
         "its judgings no longer count; nothing is deleted",
         "",
         false,
         "Options",
         {}},
    };
    spec.run = review;
    spec.hidden = true;
    return spec;
}

}  // namespace kw::cli
