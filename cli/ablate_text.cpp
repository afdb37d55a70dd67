// SPDX-License-Identifier: Apache-2.0
#include "cli/ablate_text.hpp"

#include "cli/console.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace kw::cli {
namespace {

using agent::AblationResult;
using agent::ArmResult;
using agent::CostUnit;
using agent::UnitResult;

std::string number(double value, int digits) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return text.data();
}

std::string show(const Ratio& ratio) {
    return show_ratio(ratio.value, ratio.lo, ratio.hi);
}

/// With its sign when it is decided: '+' the first arm is better, '-' it is worse.
std::string show_decided(const Ratio& ratio) {
    return show(ratio) + (AblationResult::better(ratio)  ? " +"
                          : AblationResult::worse(ratio) ? " -"
                                                         : "  ");
}

std::string_view decided(const Ratio& ratio) {
    return AblationResult::better(ratio)  ? "better"
           : AblationResult::worse(ratio) ? "worse"
                                          : "open";
}

std::string budget_text(const UnitResult& unit) {
    switch (unit.unit) {
        case CostUnit::calls: return number(unit.budget, 0) + " calls";
        case CostUnit::tokens: return number(unit.budget / 1000, 0) + " k tokens";
        case CostUnit::usd: return number(unit.budget, 2) + " USD";
        case CostUnit::seconds: return number(unit.budget, 0) + " seconds";
    }
    return {};
}

const char* seeds_text(agent::SeedSet seeds) {
    return seeds == agent::SeedSet::held_out ? "held-out" : "development";
}

bool any_critique(const AblationRequest& request) {
    return std::ranges::any_of(
        request.plan.arms, [](const agent::Arm& arm) { return arm.shown.critique; });
}

std::string head(const AblationRequest& request, bool with_quality) {
    std::string out = "bed       " + request.bed + (request.file.empty() ? "" : ": ") +
                      request.file + " (speed-ups are " + request.timing + ")\n";
    if (any_critique(request)) {
        out += "critic    ";
        out += request.critic == agent::CriticKind::model ? "a model, a call a parent"
                                                          : "rules, free of charge";
        out +=
            with_quality ? "; right with probability " + number(request.quality, 2) + "\n" : "\n";
    }
    const agent::AblationPlan& plan = request.plan;
    return out + "runs      " + std::to_string(plan.runs) + " a strategy on the same " +
           seeds_text(plan.seeds) + " seeds; width " + std::to_string(plan.options.width) +
           ", depth " + std::to_string(plan.options.depth) + "\n";
}

const UnitResult* unit_of(const ArmResult& arm, CostUnit unit) {
    const auto found = std::ranges::find(arm.units, unit, &UnitResult::unit);
    return found == arm.units.end() ? nullptr : &*found;
}

std::string table_of(
    const AblationResult& result,
    const std::string& title,
    std::size_t first_row,
    std::string (*show_one)(const UnitResult&)) {
    Table table;
    table.head = {title};
    table.right = {false};
    for (const UnitResult& unit : result.arms.front().units) {
        table.head.push_back(budget_text(unit));
        table.right.push_back(true);
    }
    for (std::size_t i = first_row; i < result.arms.size(); ++i) {
        std::vector<std::string> row = {result.arms[i].arm.label};
        for (const UnitResult& unit : result.arms[i].units) {
            row.push_back(show_one(unit));
        }
        table.rows.push_back(std::move(row));
    }
    return render(table);
}

std::string evaluations_of(const AblationResult& result) {
    Table table;
    table.head = {"within the calls", "evaluations", "not accepted"};
    table.right = {false, true, true};
    for (const ArmResult& arm : result.arms) {
        table.rows.push_back(
            {arm.arm.label, number(arm.evaluations, 1), number(arm.failures * 100, 1) + " %"});
    }
    return render(table);
}

nlohmann::json to_json(const Ratio& ratio) {
    return {{"value", ratio.value}, {"ci95", {ratio.lo, ratio.hi}}};
}

nlohmann::json to_json(const ArmResult& arm) {
    const agent::Shown& shown = arm.arm.shown;
    nlohmann::json out = {
        {"arm", arm.arm.label},
        {"strategy", arm.arm.strategy},
        {"shown",
         {{"parent", shown.parent},
          {"failure", shown.failure},
          {"trajectory", shown.trajectory},
          {"best", shown.best},
          {"critique", shown.critique}}},
        {"evaluations", arm.evaluations},
        {"failures", arm.failures},
        {"units", nlohmann::json::array()}};
    for (const UnitResult& unit : arm.units) {
        out["units"].push_back(
            {{"unit", agent::name(unit.unit)},
             {"budget", unit.budget},
             {"speedup", to_json(unit.speedup)},
             {"mean_height", to_json(unit.height)},
             {"first_over_this", to_json(unit.ratio)},
             {"first_is", decided(unit.ratio)}});
    }
    return out;
}

nlohmann::json arms_json(const AblationResult& result) {
    nlohmann::json out = nlohmann::json::array();
    for (const ArmResult& arm : result.arms) {
        out.push_back(to_json(arm));
    }
    return out;
}

nlohmann::json head_json(const AblationRequest& request) {
    const agent::AblationPlan& plan = request.plan;
    return {
        {"schema", "kwright.ablate/1"},
        {"bed", request.bed},
        {"bed_file", request.file.empty() ? nlohmann::json() : nlohmann::json(request.file)},
        {"timing", request.timing},
        {"critique", request.quality},
        {"critic", request.critic == agent::CriticKind::model ? "model" : "rules"},
        {"seeds", seeds_text(plan.seeds)},
        {"runs", plan.runs},
        {"calls", plan.calls},
        {"width", plan.options.width},
        {"depth", plan.options.depth},
        {"gamma", plan.gamma}};
}

}  // namespace

std::string ablation_text(const AblationRequest& request, const AblationResult& result) {
    const std::string first = result.arms.front().arm.label;
    std::string out = head(request, true) + "\n";
    out += table_of(
        result, "max speed-up at", 0, [](const UnitResult& unit) { return show(unit.speedup); });
    out += "\n\n" + table_of(result, "mean up to", 0, [](const UnitResult& unit) {
               return show(unit.height);
           });
    if (result.arms.size() > 1) {
        out += "\n\n" + table_of(result, first + " over", 1, [](const UnitResult& unit) {
                   return show_decided(unit.ratio);
               });
    }
    return out + "\n\n" + evaluations_of(result) +
           "\n\nGeometric means over runs with 95 % bootstrap intervals; budgets are what " +
           first + " spends in its calls.\nRatios are paired by run: + " + first +
           " is better, - worse, else it is open.";
}

std::string sweep_text(
    const AblationRequest& request,
    const std::string& parameter,
    const std::vector<agent::SweepPoint>& points,
    CostUnit unit) {
    const AblationResult& shape = points.front().result;
    const std::string first = shape.arms.front().arm.label;
    Table table;
    table.head = {parameter, first};
    table.right = {true, true};
    for (std::size_t i = 1; i < shape.arms.size(); ++i) {
        table.head.push_back("over " + shape.arms[i].arm.label);
        table.right.push_back(true);
    }
    for (const agent::SweepPoint& point : points) {
        std::vector<std::string> row = {number(point.value, point.value < 1 ? 2 : 0)};
        for (std::size_t i = 0; i < point.result.arms.size(); ++i) {
            const UnitResult* one = unit_of(point.result.arms[i], unit);
            row.push_back(
                one == nullptr ? "-"
                : i == 0       ? show(one->speedup)
                               : show_decided(one->ratio));
        }
        table.rows.push_back(std::move(row));
    }
    return head(request, parameter != "critique") + "budget    " +
           std::to_string(request.plan.calls) + " calls, or the " + std::string(agent::name(unit)) +
           " they cost " + first + "\n\n" + render(table) +
           "\n\n95 % bootstrap intervals over runs; ratios are paired by run: + " + first +
           " is better, - worse, else it is open.";
}

nlohmann::json ablation_json(const AblationRequest& request, const AblationResult& result) {
    nlohmann::json document = head_json(request);
    document["arms"] = arms_json(result);
    return document;
}

nlohmann::json sweep_json(
    const AblationRequest& request,
    const std::string& parameter,
    const std::vector<agent::SweepPoint>& points) {
    nlohmann::json document = head_json(request);
    document["sweep"] = {{"parameter", parameter}, {"points", nlohmann::json::array()}};
    for (const agent::SweepPoint& point : points) {
        document["sweep"]["points"].push_back(
            {{"value", point.value}, {"arms", arms_json(point.result)}});
    }
    return document;
}

}  // namespace kw::cli
