// SPDX-License-Identifier: Apache-2.0
// A kernel, or a campaign: which of the two follows from the name.
#include "agent/budget/ledger.hpp"
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/critique_text.hpp"
#include "cli/evaluation_text.hpp"
#include "cli/json_text.hpp"
#include "core/clock.hpp"
#include "core/hash.hpp"
#include "server/views/attempts.hpp"
#include "server/views/critiques.hpp"
#include "server/views/view_json.hpp"
#include "server/views/views.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <map>

namespace kw::cli {
namespace {

using server::Attempt;

std::string in_short(const Evaluation& result) {
    const bool accepted = result.verdict == Verdict::accepted;
    return ratio_or_code(result) + (accepted ? "" : " " + result.summary);
}

std::string attempt_line(const Attempt& attempt, const Console& console) {
    const EvaluationRow& row = attempt.row;
    const Evaluation& result = row.result;
    const bool timed = result.verdict == Verdict::accepted && result.speedup.value > 0;
    std::string line = std::to_string(row.step) + "." + std::to_string(row.slot) + "  " +
                       std::string(code(result.verdict)) + "  ";
    line += row.candidate_hash.empty() ? "-       " : short_id('k', row.candidate_hash);
    line +=
        timed ? "  " + show_ratio(result.speedup.value, result.speedup.lo, result.speedup.hi) : "";
    line += "  " + (row.note.empty() ? result.summary : row.note);
    line += attempt.first ? "  (judged again; first " + in_short(*attempt.first) + ")" : "";
    if (!attempt.counts) {
        return console.paint(line + "  " + attempt.state, Ink::yellow);
    }
    return row.new_best ? console.paint(line + "  new best", Ink::green) : line;
}

/// Lineage as an indented tree, children in the order they were judged.
std::string tree(const std::vector<Attempt>& attempts, const Console& console) {
    std::multimap<std::string, const Attempt*> children;
    std::map<std::string, const Attempt*> first;
    for (const Attempt& attempt : attempts) {
        if (!attempt.row.candidate_hash.empty()) {
            first.emplace(attempt.row.candidate_hash, &attempt);
        }
    }
    for (const Attempt& attempt : attempts) {
        const std::string& parent = attempt.row.parent_hash;
        const auto own = first.find(parent);
        const bool rooted = own == first.end() || own->second == &attempt;
        children.emplace(rooted ? "" : parent, &attempt);
    }
    std::string text;
    const auto add = [&](const auto& self, const std::string& parent, std::size_t depth) -> void {
        const auto [begin, end] = children.equal_range(parent);
        for (auto at = begin; at != end; ++at) {
            const Attempt& attempt = *at->second;
            const std::string& hash = attempt.row.candidate_hash;
            text += std::string(2 * depth, ' ') + attempt_line(attempt, console) + "\n";
            const auto entry = first.find(hash);
            if (entry != first.end() && entry->second == &attempt && depth < 64) {
                self(self, hash, depth + 1);
            }
        }
    };
    add(add, "", 0);
    return text;
}

nlohmann::json calls_json(const std::vector<ModelCallRow>& calls) {
    int settled = 0;
    int lost = 0;
    double lost_usd = 0;
    for (const ModelCallRow& call : calls) {
        settled += call.state == "settled" ? 1 : 0;
        lost += call.state == "lost" ? 1 : 0;
        lost_usd += call.state == "lost" ? agent::charged_usd(call) : 0;
    }
    return {{"settled", settled}, {"lost", lost}, {"lost_usd", lost_usd}};
}

Result<int> show_campaign(
    const CampaignRow& campaign, db::Store& store, const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(const std::vector<Attempt> attempts, server::attempts_of(campaign, store));
    KW_TRY_ASSIGN(const std::vector<ModelCallRow> calls, store.model_calls(campaign.id));
    KW_TRY_ASSIGN(
        const std::vector<agent::JudgedCritique> critiques,
        agent::judged_critiques(store, campaign));
    if (invocation.json) {
        nlohmann::json document = {
            {"schema", "kwright.campaign/1"},
            {"campaign", campaign.name},
            {"task", campaign.task},
            {"target", campaign.target},
            {"device", campaign.device},
            {"strategy", campaign.strategy},
            {"proposer", campaign.proposer},
            {"state", campaign.state},
            {"stop_reason", campaign.stop_reason},
            {"usd", campaign.spent_usd},
            {"tokens", {{"in", campaign.tokens_in}, {"out", campaign.tokens_out}}},
            {"calls", calls_json(calls)},
            {"critiques", server::critiques_json(critiques)},
            {"evaluations", nlohmann::json::array()}};
        for (const Attempt& attempt : attempts) {
            const EvaluationRow& row = attempt.row;
            document["evaluations"].push_back(
                {{"step", row.step},
                 {"slot", row.slot},
                 {"kernel", row.candidate_hash},
                 {"parent", row.parent_hash},
                 {"note", row.note},
                 {"reward", row.reward},
                 {"best_discounted", row.best_discounted},
                 {"new_best", row.new_best},
                 {"state", attempt.state},
                 {"evaluation", server::evaluation_json(row.result)},
                 {"first",
                  attempt.first ? server::evaluation_json(*attempt.first)
                                : nlohmann::json(nullptr)}});
        }
        console.print(json_text(document));
        return 0;
    }
    console.print(
        console.paint(campaign.name, Ink::bold) + "  " + campaign.task + "  on " + campaign.device +
        "  " + campaign.strategy + ", " + campaign.proposer + "  " + campaign.state +
        (campaign.stop_reason.empty() ? "" : " (" + campaign.stop_reason + ")"));
    if (invocation.has("tree")) {
        console.print(tree(attempts, console));
        return 0;
    }
    for (const Attempt& attempt : attempts) {
        console.print(attempt_line(attempt, console));
    }
    if (!critiques.empty()) {
        console.print(console.paint("critiques", Ink::bold));
    }
    for (const agent::JudgedCritique& judged : critiques) {
        console.print(critique_line(judged, console));
    }
    return 0;
}

std::string lineage(const std::vector<EvaluationRow>& all, const EvaluationRow& row) {
    std::string text = row.candidate_hash.empty() ? "-" : short_id('k', row.candidate_hash);
    std::string parent = row.parent_hash;
    for (int depth = 0; depth < 32 && !parent.empty(); ++depth) {
        text += " <- " + short_id('k', parent);
        const auto found = std::ranges::find(all, parent, &EvaluationRow::candidate_hash);
        parent = found == all.end() || found->parent_hash == parent ? "" : found->parent_hash;
    }
    return text;
}

/// Of a kernel's judgings the one that the page is about: the newest that counts, else the newest.
const EvaluationRow& newest(const std::vector<EvaluationRow>& rows) {
    const EvaluationRow* chosen = &*std::ranges::max_element(rows, {}, &EvaluationRow::id);
    for (const EvaluationRow& row : rows) {
        const bool counts = row.state == "judged";
        if (counts && (chosen->state != "judged" || row.id > chosen->id)) {
            chosen = &row;
        }
    }
    return *chosen;
}

/// One line a judging, where there are several.
std::string judging_lines(const std::vector<EvaluationRow>& rows, const EvaluationRow& shown) {
    std::string text;
    for (const EvaluationRow& row : rows) {
        text += text.empty() ? "judgings  " : "\n          ";
        text += iso8601(row.created_ms).substr(0, 16) + "  " + row.purpose + "  " + row.state +
                "  " + in_short(row.result) + (&row == &shown ? "  (shown here)" : "");
    }
    return text;
}

Result<int> show_kernel(
    const CandidateRow& candidate,
    db::Store& store,
    const Invocation& invocation,
    Console& console) {
    if (invocation.json) {
        KW_TRY_ASSIGN(
            const std::string document,
            server::kernel_view(store, candidate.hash, task_roots(invocation.config)));
        console.print(document);
        return 0;
    }
    if (invocation.has("source")) {
        console.print_source(candidate.source);
        return 0;
    }
    console.print(
        console.paint(short_id('k', candidate.hash), Ink::bold) + "  " + candidate.task + "  " +
        candidate.isa + "  " + candidate.origin + "  sha256 " + candidate.hash.substr(0, 16));
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> rows, store.evaluations_of(candidate.hash));
    KW_TRY_ASSIGN(
        const std::vector<agent::JudgedCritique> critiques, server::critiques_of(rows, store));
    if (rows.empty()) {
        console.print("not judged yet");
        return 0;
    }
    const EvaluationRow& row = newest(rows);
    KW_TRY_ASSIGN(
        const std::vector<EvaluationRow> campaign_rows, store.evaluations(row.campaign_id));
    console.print(verdict_lines(row.result, console));
    console.print("lineage   " + lineage(campaign_rows, row));
    if (!row.note.empty()) {
        console.print("note      " + row.note);
    }
    for (const agent::JudgedCritique& judged : critiques) {
        console.print("critic    " + critique_line(judged, console));
    }
    if (rows.size() > 1) {
        console.print(judging_lines(rows, row));
    }
    if (!row.result.shapes.empty()) {
        console.print(shape_table(row.result, console));
    }
    console.print(environment_lines(row.result));
    console.say("next      kwright show " + short_id('k', candidate.hash) + " --source");
    return 0;
}

Result<int> show(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
    const std::string name = invocation.text("NAME");
    KW_TRY_ASSIGN(const std::optional<CampaignRow> campaign, store.campaign(name));
    if (campaign) {
        return show_campaign(*campaign, store, invocation, console);
    }
    const std::string prefix = id_prefix(name, 'k');
    if (prefix.size() < 4) {
        return Error{
            Errc::usage,
            "no campaign is called \"" + name +
                "\", and it is no kernel id (k and at least 4 hex digits)",
            "see `kwright campaign list` and `kwright board --all`"};
    }
    KW_TRY_ASSIGN(const CandidateRow candidate, store.candidate(prefix));
    return show_kernel(candidate, store, invocation, console);
}

}  // namespace

CommandSpec show_command() {
    CommandSpec spec;
    spec.name = "show";
    spec.group = "Look";
    spec.summary = "a kernel (times, circumstances, source) or a campaign (attempts, lineage)";
    spec.examples = {
        "kwright show k7f3a91c", "kwright show k7f3a91c --source", "kwright show demo --tree"};
    spec.positionals = {
        {"NAME", "kernel id (any unique prefix) or campaign", true, false, "kernel"}};
    spec.options = {
        {"--source", "", "print the source only", "", false, "Options", {}},
        {"--tree", "", "a campaign's lineage as a tree", "", false, "Options", {}},
    };
    spec.run = show;
    return spec;
}

}  // namespace kw::cli
