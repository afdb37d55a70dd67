// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/context.hpp"
#include "cli/judge_again.hpp"

namespace kw::cli {
namespace {

Result<int> reverify(const Invocation& invocation, Console& console) {
    const std::vector<std::string> kernels = invocation.all("ROW");
    if (kernels.empty() != invocation.has("all")) {
        return Error{
            Errc::usage,
            kernels.empty() ? "no row is named" : "--all means every row: name none beside it",
            "kwright reverify --all, or name kernels: kwright reverify k7f3a91c"};
    }
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::write));
    KW_TRY_ASSIGN(
        const std::vector<agent::StoredJudging> rows, agent::board_judgings(store, kernels));
    return judge_all_again(
        rows, {agent::reverify}, "kwright.reverify/1", store, invocation, console);
}

}  // namespace

CommandSpec reverify_command() {
    CommandSpec spec;
    spec.name = "reverify";
    spec.group = "Judge";
    spec.summary = "does a row of the board still hold? builds, judges and times it again";
    spec.examples = {"kwright reverify k7f3a91c", "kwright reverify --all --json"};
    spec.positionals = {
        {"ROW", "kernel ids (any unique prefix), as the board shows them", false, true, "kernel"}};
    spec.options = {
        {"--all", "", "every row that `kwright board` shows", "", false, "Options", {}},
        {"--judge-cap",
         "S",
         "seconds one judgement may take, 0 = the task's own",
         "judge.cap_s",
         false,
         "Options",
         {}},
    };
    spec.run = reverify;
    return spec;
}

}  // namespace kw::cli
