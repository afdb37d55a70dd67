// SPDX-License-Identifier: Apache-2.0
#include "cli/judge_again.hpp"

#include "agent/campaign/campaign_task.hpp"
#include "cli/context.hpp"
#include "cli/evaluation_text.hpp"
#include "cli/json_text.hpp"
#include "core/clock.hpp"
#include "core/hash.hpp"
#include "server/views/view_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace kw::cli {
namespace {

using agent::Rejudgement;
using agent::RejudgeOutcome;
using agent::StoredJudging;

std::string line_of(const StoredJudging& row, const Rejudgement& done, const Console& console) {
    const std::string word(agent::name(done.outcome));
    const Ink ink = done.outcome == RejudgeOutcome::holds    ? Ink::green
                    : done.outcome == RejudgeOutcome::broken ? Ink::red
                                                             : Ink::yellow;
    std::string line = short_id('k', row.candidate.hash) + "  " + row.candidate.task + "  on " +
                       row.device_id + "  " + ratio_or_code(row.row.result);
    if (done.outcome != RejudgeOutcome::not_judged) {
        line += " -> " + ratio_or_code(done.result);
    }
    line += "  " + console.paint(word, ink);
    const bool accepted = done.result.verdict == Verdict::accepted;
    return accepted ? line : line + ": " + done.result.summary;
}

nlohmann::json to_json(const StoredJudging& row, const Rejudgement& done) {
    nlohmann::json entry = {
        {"kernel", row.candidate.hash},
        {"task", row.candidate.task},
        {"device_id", row.device_id},
        {"outcome", agent::name(done.outcome)},
        {"before", server::evaluation_json(row.row.result)},
        {"after", nullptr},
        {"reason", done.outcome == RejudgeOutcome::not_judged ? done.result.summary : ""}};
    if (done.outcome != RejudgeOutcome::not_judged) {
        entry["after"] = server::evaluation_json(done.result);
    }
    return entry;
}

class Repeater {
public:
    Repeater(JudgeAgain again, db::Store& store, const Invocation& invocation, Console& console)
        : again_(again)
        , store_(store)
        , config_(invocation.config)
        , console_(console)
        , options_(judge_options(invocation.config)) {}

    /// A world that lacks something for one row is no reason to leave the others out; a database
    /// that cannot be written is.
    Result<Rejudgement> run(const StoredJudging& row) {
        auto done = try_row(row);
        if (done || !lacks_something(done.error())) {
            return done;
        }
        Rejudgement left;
        left.result.summary = done.error().what;
        left.result.summary += done.error().hint.empty() ? "" : " (" + done.error().hint + ")";
        return left;
    }

private:
    static bool lacks_something(const Error& error) {
        return error.code == Errc::environment || error.code == Errc::usage ||
               error.code == Errc::config;
    }

    Result<Rejudgement> try_row(const StoredJudging& row) {
        KW_TRY_ASSIGN(
            const Task task,
            agent::find_stored_task(row.candidate.task, row.task_folder, task_roots(config_)));
        auto& device = devices_[row.device_id];
        if (!device) {
            KW_TRY_ASSIGN(device, again_.open(row.device_id, evaluator_config(config_)));
        }
        const std::string kernel = short_id('k', row.candidate.hash);
        const StageObserver observer = [&](const std::string& stage, const std::string& text) {
            console_.redraw({"  " + kernel + "  " + stage + "  " + text});
        };
        agent::RejudgeContext context{*device, store_, system_clock(), options_, observer};
        auto done = again_.judge(row, task, context);
        console_.redraw({});
        return done;
    }

    JudgeAgain again_;
    db::Store& store_;
    const Config& config_;
    Console& console_;
    JudgeOptions options_;
    std::map<std::string, std::unique_ptr<Device>> devices_;
};

bool is_unclear(const Rejudgement& done) {
    return done.outcome != RejudgeOutcome::not_judged && done.result.verdict == Verdict::accepted &&
           !done.result.shapes.empty() && done.result.comparison == Comparison::unclear;
}

/// A row that does not stand any more is what a script has to hear of first.
int exit_code(const std::map<RejudgeOutcome, int>& count) {
    if (count.contains(RejudgeOutcome::broken) || count.contains(RejudgeOutcome::task_changed)) {
        return 1;
    }
    return count.contains(RejudgeOutcome::not_judged) ? 3 : 0;
}

}  // namespace

Result<int> judge_all_again(
    const std::vector<StoredJudging>& rows,
    JudgeAgain again,
    const std::string& schema,
    db::Store& store,
    const Invocation& invocation,
    Console& console,
    Unclear unclear) {
    const agent::StopControl& stop = stop_control();
    Repeater repeater(again, store, invocation, console);
    nlohmann::json document = {{"schema", schema}, {"rows", nlohmann::json::array()}};
    std::map<RejudgeOutcome, int> count;
    std::vector<const StoredJudging*> queue;
    for (const StoredJudging& row : rows) {
        queue.push_back(&row);
    }
    for (std::size_t i = 0; i < queue.size() && stop.level == 0; ++i) {
        const StoredJudging& row = *queue[i];
        KW_TRY_ASSIGN(const Rejudgement done, repeater.run(row));
        if (unclear == Unclear::queued_again && i < rows.size() && is_unclear(done)) {
            queue.push_back(&row);
            console.say(short_id('k', row.candidate.hash) + " is unclear: queued again");
            continue;
        }
        ++count[done.outcome];
        if (invocation.json) {
            document["rows"].push_back(to_json(row, done));
        } else {
            console.print(line_of(row, done, console));
        }
    }
    if (invocation.json) {
        console.print(json_text(document));
    }
    std::string text = std::to_string(rows.size()) + " rows";
    for (const auto& [outcome, number] : count) {
        text += ", " + std::to_string(number) + " " + std::string(agent::name(outcome));
    }
    console.say(text);
    if (stop.level > 0) {
        return 130;
    }
    return exit_code(count);
}

}  // namespace kw::cli
