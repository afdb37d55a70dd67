// SPDX-License-Identifier: Apache-2.0
// A campaign against a model server with a judge that judges nothing: what ledger_kill_test.cpp
// starts and kills. Usage: kw_test_ledger_campaign FOLDER URL MAX_USD; FOLDER holds tasks/twice,
// and k.db once it has run. Resumes what is there.
#include "agent/campaign/campaign.hpp"
#include "core/hash.hpp"
#include "core/task_file.hpp"

#include <cstdio>
#include <cstdlib>

namespace {

using namespace kw;

class Judge final : public Device {
public:
    [[nodiscard]] std::string id() const override { return "cpu"; }
    [[nodiscard]] std::string description() const override { return "cpu: none"; }
    Result<Evaluation> judge(
        const Task&,
        const Candidate& candidate,
        const JudgeOptions&,
        const StageObserver&) override {
        const double value = 1 + std::stoi(candidate.hash.substr(0, 4), nullptr, 16) / 65536.0;
        Evaluation result;
        result.verdict = Verdict::accepted;
        result.speedup = {value, value * 0.99, value * 1.01};
        result.vs_naive = result.speedup;
        result.summary = "accepted";
        return result;
    }
};

struct NoEvents final : EventSink {
    void on_event(const Event&) override {}
};

Result<agent::CampaignSummary> run(
    const std::filesystem::path& folder, const std::string& url, double max_usd) {
    KW_TRY_ASSIGN(db::Store store, db::Store::open(folder / "k.db", db::Access::write));
    Judge judge;
    NoEvents events;
    agent::StopControl stop;
    agent::CampaignContext context{
        judge,
        store,
        events,
        system_clock(),
        stop,
        std::filesystem::path(KW_SOURCE_DIR) / "prompts",
        {folder / "tasks"},
        "",
        {}};
    context.models.base_url = url;
    context.models.max_output_tokens = 1000;
    context.models.usd_per_mtok_in = 1;
    context.models.usd_per_mtok_out = 1;
    context.models.environment = [](const std::string&) {
        return std::optional<std::string>();
    };
    KW_TRY_ASSIGN(const auto found, store.campaign("k"));
    if (found) {
        return agent::resume_campaign("k", nullptr, context);
    }
    KW_TRY_ASSIGN(const Task task, load_task(folder / "tasks" / "twice"));
    agent::CampaignSettings settings;
    settings.name = "k";
    settings.proposer = "openai:m";
    settings.strategy = "best-of-n";
    settings.budget.max_evals = 100;
    settings.budget.max_usd = max_usd;
    return agent::run_campaign(settings, task, context);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        return 2;
    }
    const auto summary = run(argv[1], argv[2], std::atof(argv[3]));
    if (!summary) {
        std::fprintf(stderr, "%s\n", summary.error().what.c_str());
        return kw::exit_code(summary.error().code);
    }
    return 0;
}
