// SPDX-License-Identifier: Apache-2.0
// What a script learns from reverify and dev rejudge; the judge is scripted.
#include "cli/judge_again.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <cstdio>
#include <memory>

using namespace kw;
using namespace kw::test;
using agent::Rejudgement;

namespace {

/// What the judge says next, an outcome for each row.
std::vector<Result<Rejudgement>> next_answers;

Result<Rejudgement> answer(const agent::StoredJudging&, const Task&, agent::RejudgeContext&) {
    Result<Rejudgement> first = next_answers.front();
    next_answers.erase(next_answers.begin());
    return first;
}

/// The scripted judge asks nothing of it.
struct NoDevice final : Device {
    [[nodiscard]] std::string id() const override { return "cpu"; }
    [[nodiscard]] std::string description() const override { return "cpu: none"; }
    Result<Evaluation> judge(
        const Task&, const Candidate&, const JudgeOptions&, const StageObserver&) override {
        return Error{Errc::environment, "nobody asks", ""};
    }
};

Result<std::unique_ptr<Device>> no_device(const std::string&, const EvaluatorConfig&) {
    return std::unique_ptr<Device>(std::make_unique<NoDevice>());
}

Rejudgement ended(agent::RejudgeOutcome outcome) {
    Rejudgement done;
    done.outcome = outcome;
    done.result.verdict = Verdict::accepted;
    return done;
}

/// Its text and its exit code.
struct Told {
    Result<int> code;
    std::string text;
};

Told judge_rows(std::vector<Result<Rejudgement>> answers) {
    const Folder folder;
    cli::Invocation invocation;
    Config::Sources nothing;
    nothing.environment = [](const std::string&) {
        return std::optional<std::string>();
    };
    invocation.config = Config::load(nothing).value();
    REQUIRE(invocation.config.set_flag("tasks_dir", KW_SOURCE_DIR "/tests/support/tasks", "--test")
                .ok());
    agent::StoredJudging row;
    row.candidate.task = "scale_add";
    row.candidate.hash = std::string(64, 'a');
    row.device_id = "cpu";
    auto store = db::Store::open(folder / "k.db", db::Access::write);
    REQUIRE(store.ok());
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), std::fclose);
    cli::Console console(out.get(), out.get(), cli::Color::never);
    const std::vector<agent::StoredJudging> rows(answers.size(), row);
    next_answers = std::move(answers);
    Told told{
        cli::judge_all_again(
            rows, {answer, no_device}, "kwright.reverify/1", *store, invocation, console),
        ""};
    std::rewind(out.get());
    for (int c = std::fgetc(out.get()); c != EOF; c = std::fgetc(out.get())) {
        told.text += static_cast<char>(c);
    }
    return told;
}

}  // namespace

TEST_CASE("judge again: exit 1 when a row does not stand, before 3 for one not judged", "[cli]") {
    const Rejudgement holds = ended(agent::RejudgeOutcome::holds);
    const Rejudgement left = ended(agent::RejudgeOutcome::not_judged);
    CHECK(judge_rows({}).code.value() == 0);
    CHECK(judge_rows({holds, holds}).code.value() == 0);
    CHECK(judge_rows({holds, left}).code.value() == 3);
    CHECK(judge_rows({left, ended(agent::RejudgeOutcome::broken), holds}).code.value() == 1);
    CHECK(judge_rows({left, ended(agent::RejudgeOutcome::task_changed), holds}).code.value() == 1);
}

TEST_CASE("judge again: what is missing for a row leaves it, a failing database ends it", "[cli]") {
    for (const Errc code : {Errc::environment, Errc::usage, Errc::config}) {
        const Told told =
            judge_rows({Error{code, "no tool", "install it"}, ended(agent::RejudgeOutcome::holds)});
        CHECK(told.code.value() == 3);
        CHECK(told.text.find("no tool (install it)") != std::string::npos);
    }
    const Told told =
        judge_rows({Error{Errc::database, "disk full", ""}, ended(agent::RejudgeOutcome::holds)});
    REQUIRE_FALSE(told.code.ok());
    CHECK(told.code.error().code == Errc::database);
}
