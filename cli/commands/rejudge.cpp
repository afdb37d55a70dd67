// SPDX-License-Identifier: Apache-2.0
// After the judge was mended: stored candidates are judged anew.
#include "cli/commands/commands.hpp"
#include "cli/context.hpp"
#include "cli/judge_again.hpp"

namespace kw::cli {
namespace {

Result<int> rejudge(const Invocation& invocation, Console& console) {
    agent::RejudgeFilter filter;
    filter.task = invocation.text("task");
    filter.campaign = invocation.text("campaign");
    filter.protocol = invocation.text("protocol");
    if (invocation.has("verdict")) {
        filter.verdict = verdict_from_code(invocation.text("verdict"));
        if (!filter.verdict) {
            return Error{
                Errc::usage,
                "--verdict takes a code such as AC or WA",
                "docs/verdicts.md lists them"};
        }
    }
    if (filter.task.empty() && filter.campaign.empty() && filter.protocol.empty() &&
        !filter.verdict && !invocation.has("all")) {
        return Error{
            Errc::usage,
            "nothing says what to judge again",
            "pass --task, --campaign, --verdict or --protocol, or --all for everything"};
    }
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::write));
    KW_TRY_ASSIGN(const std::vector<agent::StoredJudging> rows, agent::rejudgeable(store, filter));
    return judge_all_again(rows, {agent::rejudge}, "kwright.rejudge/1", store, invocation, console);
}

}  // namespace

CommandSpec rejudge_command() {
    CommandSpec spec;
    spec.name = "dev rejudge";
    spec.group = "Hidden";
    spec.summary = "after a fix of the judge: judge stored candidates anew, keep the old as stale";
    spec.examples = {
        "kwright dev rejudge --task w4a16_gemv --verdict WA",
        "kwright dev rejudge --protocol kw-time/1"};
    spec.options = {
        {"--task", "TASK", "of this task", "", false, "Options", {}},
        {"--campaign", "NAME", "of this campaign", "", false, "Options", {}},
        {"--verdict", "CODE", "judged so, e.g. WA", "", false, "Options", {}},
        {"--protocol", "ID", "timed by this protocol, e.g. kw-time/1", "", false, "Options", {}},
        {"--all", "", "every candidate of the database", "", false, "Options", {}},
        {"--judge-cap",
         "S",
         "seconds one judgement may take, 0 = the task's own",
         "judge.cap_s",
         false,
         "Options",
         {}},
    };
    spec.run = rejudge;
    spec.hidden = true;
    return spec;
}

}  // namespace kw::cli
