// SPDX-License-Identifier: Apache-2.0
// A kernel, or a campaign: which of the two follows from the name.
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/evaluation_text.hpp"
#include "cli/json_text.hpp"
#include "core/clock.hpp"
#include "core/hash.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace kw::cli {
namespace {

std::string attempt_line(const EvaluationRow& row, const Console& console) {
    const Evaluation& result = row.result;
    const bool timed = result.verdict == Verdict::accepted && result.speedup.value > 0;
    std::string line = std::to_string(row.step) + "." + std::to_string(row.slot) + "  " +
                       std::string(code(result.verdict)) + "  ";
    line += row.candidate_hash.empty() ? "-       " : short_id('k', row.candidate_hash);
    line +=
        timed ? "  " + show_ratio(result.speedup.value, result.speedup.lo, result.speedup.hi) : "";
    line += "  " + (row.note.empty() ? result.summary : row.note);
    return row.new_best ? console.paint(line + "  new best", Ink::green) : line;
}

/// Lineage as an indented tree, children in the order they were judged.
std::string tree(const std::vector<EvaluationRow>& rows, const Console& console) {
    std::multimap<std::string, const EvaluationRow*> children;
    std::map<std::string, const EvaluationRow*> first;
    for (const EvaluationRow& row : rows) {
        if (!row.candidate_hash.empty()) {
            first.emplace(row.candidate_hash, &row);
        }
    }
    for (const EvaluationRow& row : rows) {
        const auto own = first.find(row.parent_hash);
        const bool rooted = own == first.end() || own->second == &row;
        children.emplace(rooted ? "" : row.parent_hash, &row);
    }
    std::string text;
    const auto add = [&](const auto& self, const std::string& parent, std::size_t depth) -> void {
        const auto [begin, end] = children.equal_range(parent);
        for (auto at = begin; at != end; ++at) {
            const EvaluationRow& row = *at->second;
            text += std::string(2 * depth, ' ') + attempt_line(row, console) + "\n";
            const auto entry = first.find(row.candidate_hash);
            if (entry != first.end() && entry->second == &row && depth < 64) {
                self(self, row.candidate_hash, depth + 1);
            }
        }
    };
    add(add, "", 0);
    return text;
}

Result<int> show_campaign(
    const CampaignRow& campaign, db::Store& store, const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> rows, store.evaluations(campaign.id));
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
            {"evaluations", nlohmann::json::array()}};
        for (const EvaluationRow& row : rows) {
            document["evaluations"].push_back(
                {{"step", row.step},
                 {"slot", row.slot},
                 {"kernel", row.candidate_hash},
                 {"parent", row.parent_hash},
                 {"note", row.note},
                 {"reward", row.reward},
                 {"best_discounted", row.best_discounted},
                 {"new_best", row.new_best},
                 {"evaluation", evaluation_json(row.result)}});
        }
        console.print(json_text(document));
        return 0;
    }
    console.print(
        console.paint(campaign.name, Ink::bold) + "  " + campaign.task + "  on " + campaign.device +
        "  " + campaign.strategy + ", " + campaign.proposer + "  " + campaign.state +
        (campaign.stop_reason.empty() ? "" : " (" + campaign.stop_reason + ")"));
    if (invocation.has("tree")) {
        console.print(tree(rows, console));
        return 0;
    }
    for (const EvaluationRow& row : rows) {
        console.print(attempt_line(row, console));
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

Result<int> show_kernel(
    const CandidateRow& candidate,
    db::Store& store,
    const Invocation& invocation,
    Console& console) {
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> rows, store.evaluations_of(candidate.hash));
    if (invocation.json) {
        nlohmann::json document = {
            {"schema", "kwright.kernel/1"},
            {"kernel", candidate.hash},
            {"task", candidate.task},
            {"target", candidate.target},
            {"isa", candidate.isa},
            {"origin", candidate.origin},
            {"source", candidate.source},
            {"evaluations", nlohmann::json::array()}};
        for (const EvaluationRow& row : rows) {
            document["evaluations"].push_back(evaluation_json(row.result));
        }
        console.print(json_text(document));
        return 0;
    }
    if (invocation.has("source")) {
        console.print_source(candidate.source);
        return 0;
    }
    console.print(
        console.paint(short_id('k', candidate.hash), Ink::bold) + "  " + candidate.task + "  " +
        candidate.isa + "  " + candidate.origin + "  sha256 " + candidate.hash.substr(0, 16));
    if (rows.empty()) {
        console.print("not judged yet");
        return 0;
    }
    const EvaluationRow& row = rows.back();
    KW_TRY_ASSIGN(
        const std::vector<EvaluationRow> campaign_rows, store.evaluations(row.campaign_id));
    console.print(verdict_lines(row.result, console));
    console.print("lineage   " + lineage(campaign_rows, row));
    if (!row.note.empty()) {
        console.print("note      " + row.note);
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
