// SPDX-License-Identifier: Apache-2.0
#include "cli/board_table.hpp"
#include "cli/commands/commands.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "core/clock.hpp"
#include "core/hash.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kw::cli {
namespace {

nlohmann::json to_json(const BoardRow& row) {
    return {
        {"task", row.task},
        {"kernel", row.candidate_hash},
        {"campaign", row.campaign},
        {"model", row.model},
        {"target", row.target},
        {"device_id", row.device_id},
        {"device", row.device},
        {"isa", row.isa},
        {"speedup", row.speedup.value},
        {"ci95", {row.speedup.lo, row.speedup.hi}},
        {"vs_naive", row.vs_naive.value},
        {"min_speedup", row.min_speedup},
        {"sol", row.sol},
        {"comparison", name(row.comparison)},
        {"timing", row.timing_kind},
        {"state", row.state},
        {"loc", row.lines_of_code},
        {"step", row.step},
        {"slot", row.slot},
        {"at", iso8601(row.created_ms)}};
}

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
    KW_TRY_ASSIGN(const std::vector<BoardRow> rows, store.board(filter));
    if (invocation.json) {
        nlohmann::json document = {
            {"schema", "kwright.board/1"}, {"rows", nlohmann::json::array()}};
        for (const BoardRow& row : rows) {
            document["rows"].push_back(to_json(row));
        }
        console.print(json_text(document));
        return 0;
    }
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
