// SPDX-License-Identifier: Apache-2.0
// Strategies at equal budget on simulated and on recorded tasks: does search beat sampling, and
// where does it not.
#include "agent/ablate/bed_file.hpp"
#include "agent/ablate/fit.hpp"
#include "cli/ablate_text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "core/text_file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <thread>

namespace kw::cli {
namespace {

constexpr const char* k_arms = "maxcode,maxcode:-critique,chain,best-of-n";

std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= list.size();) {
        const std::size_t end = std::min(list.find(',', at), list.size());
        parts.push_back(list.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

Result<int> bounded(
    const Invocation& invocation, const char* name, int fallback, int least, int most) {
    KW_TRY_ASSIGN(const std::int64_t value, invocation.integer(name, fallback));
    if (value < least || value > most) {
        return Error{
            Errc::usage,
            std::string("--") + name + " takes " + std::to_string(least) + " to " +
                std::to_string(most),
            ""};
    }
    return static_cast<int>(value);
}

Result<AblationRequest> request_of(const Invocation& invocation) {
    AblationRequest request;
    request.bed = invocation.text("bed", "synthetic");
    request.file = invocation.text("bed-file");
    KW_TRY_ASSIGN(request.quality, invocation.number("critique", 0.5));
    if (!(request.quality >= 0 && request.quality <= 1)) {
        return Error{Errc::usage, "--critique takes 0 to 1", ""};
    }
    request.critic = invocation.text("critic", "model") == "rules" ? agent::CriticKind::rules
                                                                   : agent::CriticKind::model;
    agent::AblationPlan& plan = request.plan;
    plan.presets = find_places(invocation.config).share_dir / "prompts" / "strategies";
    for (const std::string& text : split(invocation.text("strategies", k_arms))) {
        KW_TRY_ASSIGN(agent::Arm arm, agent::parse_arm(text, plan.presets));
        plan.arms.push_back(std::move(arm));
    }
    KW_TRY_ASSIGN(plan.runs, bounded(invocation, "runs", 1000, 2, 1'000'000));
    KW_TRY_ASSIGN(plan.calls, bounded(invocation, "budget", 32, 1, 10'000));
    KW_TRY_ASSIGN(plan.options.width, bounded(invocation, "width", 4, 1, 1000));
    KW_TRY_ASSIGN(plan.options.depth, bounded(invocation, "depth", 8, 1, 1000));
    plan.seeds = invocation.text("seeds", "development") == "held-out"
                     ? agent::SeedSet::held_out
                     : agent::SeedSet::development;
    plan.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    return request;
}

Result<std::string> bed_file_of(const AblationRequest& request) {
    if (!request.file.empty()) {
        return read_text_file(request.file);
    }
    return std::string(
        request.bed == "synthetic" ? agent::shipped_bed() : agent::shipped_tune_table());
}

Result<agent::BedSetup> setup_of(AblationRequest& request) {
    KW_TRY_ASSIGN(const std::string text, bed_file_of(request));
    const std::string name = request.file.empty() ? request.bed : request.file;
    agent::BedSetup setup;
    setup.quality = request.quality;
    setup.critic = request.critic;
    if (request.bed == "synthetic") {
        KW_TRY_ASSIGN(setup.data, agent::parse_bed(text, name));
        request.timing = "simulated";
        return setup;
    }
    KW_TRY_ASSIGN(agent::TuneTables tables, agent::parse_tune_tables(text, name));
    request.timing = tables.timing;
    setup.data = std::move(tables);
    return setup;
}

Result<const agent::Sweep*> sweep_of(const std::string& parameter) {
    std::vector<std::string> names;
    std::string list;
    for (const agent::Sweep& sweep : agent::all_sweeps()) {
        if (sweep.parameter == parameter) {
            return &sweep;
        }
        names.push_back(sweep.parameter);
        list += (list.empty() ? "" : ", ") + sweep.parameter;
    }
    const auto near = did_you_mean(parameter, names);
    return Error{
        Errc::usage,
        "unknown parameter '" + parameter + "' for --sweep",
        near ? "did you mean " + *near + "?" : "one of " + list};
}

agent::CostUnit unit_of(const std::string& text) {
    const auto found = std::ranges::find_if(
        agent::k_cost_units, [&](agent::CostUnit unit) { return agent::name(unit) == text; });
    return found == agent::k_cost_units.end() ? agent::CostUnit::calls : *found;
}

Result<int> compare_arms(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(AblationRequest request, request_of(invocation));
    KW_TRY_ASSIGN(const agent::BedSetup setup, setup_of(request));
    if (invocation.has("sweep")) {
        KW_TRY_ASSIGN(const agent::Sweep* sweep, sweep_of(invocation.text("sweep")));
        KW_TRY_ASSIGN(const auto points, agent::run_sweep(*sweep, setup, request.plan));
        const agent::CostUnit unit = unit_of(invocation.text("unit", "calls"));
        console.print(
            invocation.json ? json_text(sweep_json(request, sweep->parameter, points))
                            : sweep_text(request, sweep->parameter, points, unit));
        return 0;
    }
    const std::unique_ptr<agent::Bed> bed = agent::make_bed(setup);
    KW_TRY_ASSIGN(const agent::AblationResult result, agent::ablate(*bed, request.plan));
    console.print(
        invocation.json ? json_text(ablation_json(request, result))
                        : ablation_text(request, result));
    return 0;
}

/// A bed file on stdout: the given one with what the campaigns determine.
Result<int> fit(const Invocation& invocation, Console& console) {
    AblationRequest request;
    request.bed = "synthetic";
    request.file = invocation.text("bed-file");
    KW_TRY_ASSIGN(const agent::BedSetup setup, setup_of(request));
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
    KW_TRY_ASSIGN(const auto campaigns, agent::recorded_campaigns(store, invocation.all("fit")));
    const agent::BedFit found = agent::fit_bed(campaigns);
    const auto& base = std::get<agent::SyntheticParams>(setup.data);
    console.print_source(agent::bed_text(agent::fitted(base, found), agent::fit_lines(found)));
    return 0;
}

Result<int> record(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
    KW_TRY_ASSIGN(
        const agent::TuneTables tables,
        agent::tables_of_campaigns(store, invocation.all("record")));
    console.print_source(agent::tune_tables_text(tables, {}));
    return 0;
}

Result<int> ablate(const Invocation& invocation, Console& console) {
    const bool writes_bed = invocation.has("fit") || invocation.has("record");
    if (writes_bed && invocation.json) {
        return Error{Errc::usage, "--fit and --record write TOML, not JSON", ""};
    }
    if (invocation.has("fit")) {
        return fit(invocation, console);
    }
    return invocation.has("record") ? record(invocation, console)
                                    : compare_arms(invocation, console);
}

}  // namespace

CommandSpec ablate_command() {
    CommandSpec spec;
    spec.name = "dev ablate";
    spec.group = "Hidden";
    spec.summary = "strategies at equal budget on simulated and recorded tasks";
    spec.examples = {
        "kwright dev ablate --runs 4000 --seeds held-out",
        "kwright dev ablate --strategies maxcode,chain:+trajectory,best-of-n --sweep critique",
        "kwright dev ablate --bed tune --strategies maxcode:-critique,chain,best-of-n,tune",
        "kwright dev ablate --fit demo-w4a16_gemv --fit demo-nf4_codec > bed.toml"};
    spec.options = {
        {"--bed", "BED", "what is searched (synthetic)", "", false, "Bed", {"synthetic", "tune"}},
        {"--bed-file",
         "FILE",
         "parameters or tables instead of the shipped ones",
         "",
         false,
         "Bed",
         {}},
        {"--critique", "Q", "quality of critiques, 0 to 1 (0.5)", "", false, "Bed", {}},
        {"--critic", "KIND", "who writes them (model)", "", false, "Bed", {"model", "rules"}},
        {"--strategies", "LIST", "arms, the first against the others", "", false, "Options", {}},
        {"--runs", "N", "runs of each arm (1000)", "", false, "Options", {}},
        {"--budget", "CALLS", "calls of the first arm (32)", "", false, "Options", {}},
        {"--width", "W", "proposals a step (4)", "", false, "Options", {}},
        {"--depth", "D", "steps of a trajectory (8)", "", false, "Options", {}},
        {"--seeds",
         "SET",
         "which tasks are drawn (development)",
         "",
         false,
         "Options",
         {"development", "held-out"}},
        {"--sweep",
         "PARAMETER",
         "repeat with other values of one parameter",
         "",
         false,
         "Options",
         {}},
        {"--unit",
         "UNIT",
         "of the table of a sweep (calls)",
         "",
         false,
         "Options",
         {"calls", "tokens", "usd", "seconds"}},
        {"--fit", "CAMPAIGN", "write a bed file from campaigns", "", true, "Make a bed", {}},
        {"--record", "CAMPAIGN", "write the tables of tune campaigns", "", true, "Make a bed", {}},
    };
    spec.run = ablate;
    spec.hidden = true;
    return spec;
}

}  // namespace kw::cli
