// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/campaign_settings.hpp"

#include <nlohmann/json.hpp>

namespace kw::agent {

namespace {

void put(nlohmann::ordered_json& out, const Budget& budget) {
    out["max_evals"] = budget.max_evals;
    out["max_usd"] = budget.max_usd;
    out["max_tokens"] = budget.max_tokens;
    out["max_seconds"] = budget.max_seconds;
    out["max_device_seconds"] = budget.max_device_seconds;
}

Budget budget_of(const nlohmann::json& in) {
    Budget budget;
    in.at("max_evals").get_to(budget.max_evals);
    in.at("max_usd").get_to(budget.max_usd);
    in.at("max_tokens").get_to(budget.max_tokens);
    in.at("max_seconds").get_to(budget.max_seconds);
    budget.max_device_seconds = in.value("max_device_seconds", 0.0);
    return budget;
}

nlohmann::ordered_json json_of(const SuiteShare& suite) {
    nlohmann::ordered_json out = {{"run", suite.run}, {"tasks", suite.tasks}};
    put(out, suite.budget);
    return out;
}

SuiteShare suite_of(const nlohmann::json& in) {
    return {
        in.at("run").get<std::string>(),
        in.at("tasks").get<std::vector<std::string>>(),
        budget_of(in)};
}

nlohmann::ordered_json json_of(const BoardKernel& kernel) {
    return {{"kernel", kernel.hash}, {"speedup", kernel.speedup}, {"modelled", kernel.modelled}};
}

BoardKernel kernel_of(const nlohmann::json& in) {
    return {
        in.at("kernel").get<std::string>(),
        in.at("speedup").get<double>(),
        in.at("modelled").get<bool>()};
}

}  // namespace

std::string to_json(const StoredSettings& stored) {
    const CampaignSettings& s = stored.settings;
    nlohmann::ordered_json out;
    out["schema"] = "kwright.settings/1";
    out["proposer"] = s.proposer;
    out["strategy"] = s.strategy;
    out["strategy_text"] = s.strategy_text;
    out["isa"] = s.isa;
    out["width"] = s.width;
    out["depth"] = s.depth;
    out["gamma"] = s.gamma;
    put(out, s.budget);
    out["judge_cap_s"] = s.judge_cap_s;
    out["max_pairs"] = s.max_pairs;
    out["search_seed"] = s.search_seed;
    out["hint"] = s.hint;
    out["exchange_wait_s"] = s.exchange_wait_s;
    out["evaluator"] = s.evaluator;
    out["task_folder"] = stored.task_folder.string();
    out["prompts_version"] = stored.prompts_version;
    out["elapsed_s"] = stored.elapsed_s;
    if (s.suite) {
        out["suite"] = json_of(*s.suite);
    }
    if (!stored.examples.empty()) {
        out["examples"] = nlohmann::ordered_json::array();
        for (const BoardKernel& kernel : stored.examples) {
            out["examples"].push_back(json_of(kernel));
        }
    }
    if (!stored.foreign.hash.empty()) {
        out["foreign"] = json_of(stored.foreign);
    }
    return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<StoredSettings> settings_from_json(const std::string& text) {
    StoredSettings stored;
    CampaignSettings& s = stored.settings;
    try {
        const auto in = nlohmann::json::parse(text);
        in.at("proposer").get_to(s.proposer);
        in.at("strategy").get_to(s.strategy);
        s.strategy_text = in.value("strategy_text", "");  // older campaigns name a shipped preset
        in.at("isa").get_to(s.isa);
        in.at("width").get_to(s.width);
        in.at("depth").get_to(s.depth);
        in.at("gamma").get_to(s.gamma);
        s.budget = budget_of(in);
        in.at("judge_cap_s").get_to(s.judge_cap_s);
        in.at("max_pairs").get_to(s.max_pairs);
        in.at("search_seed").get_to(s.search_seed);
        in.at("hint").get_to(s.hint);
        in.at("exchange_wait_s").get_to(s.exchange_wait_s);
        s.evaluator = in.value("evaluator", "");
        stored.task_folder = in.at("task_folder").get<std::string>();
        stored.prompts_version = in.value("prompts_version", "");
        stored.elapsed_s = in.value("elapsed_s", 0.0);
        if (in.contains("suite")) {
            s.suite = suite_of(in.at("suite"));
        }
        for (const auto& kernel : in.value("examples", nlohmann::json::array())) {
            stored.examples.push_back(kernel_of(kernel));
        }
        if (in.contains("foreign")) {
            stored.foreign = kernel_of(in.at("foreign"));
        }
    } catch (const nlohmann::json::exception& e) {
        return Error{
            Errc::database,
            std::string("reading the settings of the campaign: ") + e.what(),
            "the campaign was not written by this program; start a new one"};
    }
    return stored;
}

void adopt(const StrategyPreset& preset, CampaignSettings& settings) {
    settings.strategy = preset.name;
    settings.strategy_text = preset.text;
    settings.width = preset.width;
    settings.depth = preset.depth;
    settings.gamma = preset.gamma;
}

Result<StrategyPreset> preset_of(
    const CampaignSettings& settings, const std::filesystem::path& prompts_dir) {
    const bool tuner = settings.proposer == "tune";  // whose points no other strategy asks for
    const std::string strategy = tuner                       ? "tune"
                                 : settings.strategy.empty() ? "maxcode"
                                                             : settings.strategy;
    if (!settings.strategy_text.empty() && strategy == settings.strategy) {
        return parse_preset(settings.strategy_text, strategy + ".toml");
    }
    return load_preset(strategy, prompts_dir / "strategies");
}

Result<void> check_settings(const CampaignSettings& settings) {
    const auto fail = [](const std::string& what) {
        return Error{Errc::usage, what, ""};
    };
    if (settings.width < 1 || settings.width > 64) {
        return fail("the width of a campaign is 1 to 64 proposals a step");
    }
    if (settings.depth < 1 || settings.depth > 10'000) {
        return fail("the depth of a campaign is 1 to 10000 steps");
    }
    if (!(settings.gamma > 0 && settings.gamma <= 1)) {
        return fail("the discount gamma lies above 0 and is at most 1");
    }
    return {};
}

}  // namespace kw::agent
