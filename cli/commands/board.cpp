// SPDX-License-Identifier: Apache-2.0
#include "cli/board_table.hpp"
#include "cli/commands/commands.hpp"
#include "cli/context.hpp"
#include "server/views/views.hpp"

#include <algorithm>

namespace kw::cli {
namespace {

std::vector<std::string> split(const std::vector<std::string>& texts) {
    std::vector<std::string> parts;
    for (const std::string& text : texts) {
        std::size_t begin = 0;
        while (begin <= text.size()) {
            const std::size_t end = std::min(text.find(',', begin), text.size());
            if (end > begin) {
                parts.push_back(text.substr(begin, end - begin));
            }
            begin = end + 1;
        }
    }
    return parts;
}

Result<int> board(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
    BoardFilter filter;
    if (invocation.has("task")) {
        filter.task = invocation.text("task");
    }
    if (invocation.has("device")) {
        filter.device = invocation.text("device");
    }
    filter.campaigns = split(invocation.all("campaign"));
    filter.all = invocation.has("all");
    KW_TRY_ASSIGN(const std::int64_t limit, invocation.integer("limit", 100));
    filter.limit = static_cast<int>(std::clamp<std::int64_t>(limit, 1, 100000));
    if (invocation.json) {
        KW_TRY_ASSIGN(const std::string document, server::board_view(store, filter));
        console.print(document);
        return 0;
    }
    KW_TRY_ASSIGN(const std::vector<BoardRow> rows, store.board(filter));
    if (rows.empty()) {
        console.say(
            std::string("no accepted kernel yet ") +
            (filter.device ? "on " + *filter.device + " " : "") + "in " + store.file().string() +
            ".   Find some: kwright run TASK");
        return 0;
    }
    console.print(board_table(rows, console));
    return 0;
}

}  // namespace

CommandSpec board_command() {
    CommandSpec spec;
    spec.name = "board";
    spec.group = "Look";
    spec.summary = "the leaderboard: the best kernel of each task and device";
    spec.examples = {
        "kwright board",
        "kwright board --task w4a16_gemv --all",
        "kwright board --device emulated:sm_90a",
        "kwright board --json"};
    spec.options = {
        {"--task", "TASK", "this task only", "", false, "Options", {}},
        {"--campaign", "A,B", "these campaigns only", "", true, "Options", {}},
        {"--device",
         "ID",
         "this device only, or a kind of them: cpu, emulated, emulated:sm_90a",
         "",
         false,
         "Options",
         {}},
        {"--all", "", "every accepted kernel, not the best of each task", "", false, "Options", {}},
        {"--limit", "N", "at most N rows (100)", "", false, "Options", {}},
    };
    spec.run = board;
    return spec;
}

}  // namespace kw::cli
