// SPDX-License-Identifier: Apache-2.0
#include "core/clock.hpp"
#include "core/hash.hpp"
#include "core/line_diff.hpp"
#include "core/shell_word.hpp"
#include "core/task_file.hpp"
#include "server/views/critiques.hpp"
#include "server/views/kernel_pages.hpp"
#include "server/views/view_json.hpp"
#include "server/views/views.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace kw::server {

namespace {

using nlohmann::json;
using Family = KernelPages::Family;

constexpr std::size_t k_deepest_lineage = 256;
constexpr std::size_t k_most_children = 100;

/// Of a kernel's judgings the one that the page is about: the newest that counts, else the newest.
const EvaluationRow* shown_of(const std::vector<EvaluationRow>& rows) {
    const EvaluationRow* shown = nullptr;
    for (const EvaluationRow& row : rows) {
        const bool counts = row.state == "judged";
        const bool shown_counts = shown != nullptr && shown->state == "judged";
        if (shown == nullptr || (counts && !shown_counts) ||
            (counts == shown_counts && row.id > shown->id)) {
            shown = &row;
        }
    }
    return shown;
}

json relative_json(const EvaluationRow& row) {
    return {
        {"kernel", row.candidate_hash},
        {"step", row.step},
        {"slot", row.slot},
        {"verdict", code(row.result.verdict)},
        {"timing", row.result.timing_kind},
        {"speedup", speedup_json(row.result)},
        {"note", row.note}};
}

/// Nearest first. Rows of hostile files may go round in circles.
json lineage_json(const Family& family, const EvaluationRow& row) {
    json lineage = json::array();
    std::set<std::string> seen{row.candidate_hash};
    std::string parent = row.parent_hash;
    while (!parent.empty() && seen.insert(parent).second && lineage.size() < k_deepest_lineage) {
        const auto found = family.first_of.find(parent);
        if (found == family.first_of.end()) {
            break;
        }
        const EvaluationRow& ancestor = family.rows[found->second];
        lineage.push_back(relative_json(ancestor));
        parent = ancestor.parent_hash;
    }
    return lineage;
}

json children_json(const Family& family, const std::string& hash) {
    json children = json::array();
    const auto [begin, end] = family.children.equal_range(hash);
    for (auto at = begin; at != end && children.size() < k_most_children; ++at) {
        const EvaluationRow& child = family.rows[at->second];
        if (child.candidate_hash != hash) {
            children.push_back(relative_json(child));
        }
    }
    return children;
}

/// Bytes and operations of each shape, and the bandwidth that was and that could be reached.
json roofline_json(const Evaluation& result, const Task* task) {
    json rows = json::array();
    for (const ShapeTiming& shape : result.shapes) {
        const double bytes = shape.gb_per_s * shape.candidate_ns;
        if (!(bytes > 0) || !std::isfinite(bytes)) {
            continue;
        }
        json row = {
            {"case", shape.case_name},
            {"bytes", bytes},
            {"flop", nullptr},
            {"gb_per_s", shape.gb_per_s},
            {"baseline_gb_per_s", number_or_null(bytes / shape.baseline_ns)},
            {"roof_gb_per_s", number_or_null(shape.gb_per_s / shape.sol)}};
        if (task != nullptr && !task->cost.flop.empty()) {
            const auto flop = task->cost.flop.eval(shape.dims);
            row["flop"] = flop && *flop > 0 ? json(*flop) : json(nullptr);
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

json reproduce_json(const CandidateRow& kernel, const std::string& device_id) {
    const std::string id = "k" + kernel.hash.substr(0, 16);
    const bool cuda = kernel.target == "cuda";
    const std::string file = id + (cuda ? ".cu" : ".cpp");
    std::string verify = "kwright show " + id + " --source > " + file + " && kwright verify " +
                         file + " --task " + shell_word(kernel.task);
    verify += device_id.empty() ? "" : " --device " + shell_word(device_id);
    verify += !cuda && kernel.isa.starts_with("x86-64-") ? " --isa " + shell_word(kernel.isa) : "";
    return {{"verify", verify}, {"reverify", "kwright reverify " + id}};
}

json judging_json(const EvaluationRow& row, const std::string& campaign) {
    json entry = evaluation_json(row.result);
    entry["purpose"] = row.purpose;
    entry["state"] = row.state;
    entry["at"] = iso8601(row.created_ms);
    entry["campaign"] = campaign;
    entry["step"] = row.step;
    entry["slot"] = row.slot;
    entry["note"] = row.note;
    entry["task_hash"] = row.task_hash;
    return entry;
}

}  // namespace

Result<const Family*> KernelPages::family(std::int64_t campaign_id) {
    const auto known = families_.find(campaign_id);
    if (known != families_.end()) {
        return &known->second;
    }
    Family family;
    const auto name = names_.find(campaign_id);
    family.campaign = name == names_.end() ? "" : name->second;
    KW_TRY_ASSIGN(family.rows, store_.evaluations(campaign_id));
    for (std::size_t i = 0; i < family.rows.size(); ++i) {
        EvaluationRow& row = family.rows[i];
        row.result.shapes.clear();
        row.result.cases.clear();
        family.first_of.emplace(row.candidate_hash, i);
        if (!row.parent_hash.empty()) {
            family.children.emplace(row.parent_hash, i);
        }
    }
    return &families_.emplace(campaign_id, std::move(family)).first->second;
}

const Task* KernelPages::task(const std::string& name) {
    const auto known = tasks_.find(name);
    if (known != tasks_.end()) {
        return known->second ? &*known->second : nullptr;
    }
    std::optional<Task> found;
    // A name with a slash would be a path, and rows of a store are not to be trusted with those.
    if (!roots_.empty() && name.find('/') == std::string::npos) {
        auto loaded = find_task(name, roots_);
        found = loaded ? std::optional(std::move(loaded).value()) : std::nullopt;
    }
    const auto& kept = tasks_.emplace(name, std::move(found)).first->second;
    return kept ? &*kept : nullptr;
}

Result<std::string> KernelPages::page(const std::string& hash_prefix) {
    const std::string prefix = id_prefix(hash_prefix, 'k');  // "k7f3a91c", as it is shown, too
    KW_TRY_ASSIGN(
        const CandidateRow kernel, store_.candidate(prefix.empty() ? hash_prefix : prefix));
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> rows, store_.evaluations_of(kernel.hash));
    KW_TRY_ASSIGN(const std::vector<CampaignRow> campaigns, store_.campaigns());
    std::map<std::int64_t, std::string> devices;
    for (const CampaignRow& campaign : campaigns) {
        names_[campaign.id] = campaign.name;
        devices[campaign.id] = campaign.device;
    }
    KW_TRY_ASSIGN(const std::vector<agent::JudgedCritique> critiques, critiques_of(rows, store_));
    const EvaluationRow* shown = shown_of(rows);
    json document = {
        {"schema", "kwright.kernel/1"},
        {"kernel", kernel.hash},
        {"task", kernel.task},
        {"target", kernel.target},
        {"isa", kernel.isa},
        {"origin", kernel.origin},
        {"source", kernel.source},
        {"critiques", critiques_json(critiques)},
        {"evaluations", json::array()},
        {"shown", nullptr},
        {"parent", nullptr},
        {"diff", nullptr},
        {"lineage", json::array()},
        {"children", json::array()},
        {"roofline", json::array()},
        {"reproduce", reproduce_json(kernel, shown ? devices[shown->campaign_id] : "")}};
    for (const EvaluationRow& row : rows) {
        document["evaluations"].push_back(judging_json(row, names_[row.campaign_id]));
    }
    if (shown == nullptr) {
        return dump(document);
    }
    document["shown"] = shown - rows.data();
    KW_TRY_ASSIGN(const Family* family, this->family(shown->campaign_id));
    document["lineage"] = lineage_json(*family, *shown);
    document["children"] = children_json(*family, kernel.hash);
    const Task* known = task(kernel.task);
    const bool same = known != nullptr && is_same_task(*known, kernel.target, shown->task_hash);
    document["roofline"] = roofline_json(shown->result, same ? known : nullptr);
    if (!shown->parent_hash.empty() && shown->parent_hash != kernel.hash) {
        document["parent"] = shown->parent_hash;
        if (const auto parent = store_.candidate(shown->parent_hash)) {
            document["diff"] = unified_diff(
                parent->source,
                kernel.source,
                short_id('k', parent->hash),
                short_id('k', kernel.hash));
        }
    }
    return dump(document);
}

Result<std::string> kernel_view(
    db::Store& store,
    const std::string& hash_prefix,
    const std::vector<std::filesystem::path>& task_roots) {
    return KernelPages(store, task_roots).page(hash_prefix);
}

}  // namespace kw::server
