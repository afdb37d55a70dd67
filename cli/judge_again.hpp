// SPDX-License-Identifier: Apache-2.0
// What reverify and `dev rejudge` share: a list of stored judgings is repeated one by one, each on
// its device, and shown.
#pragma once

#include "agent/campaign/rejudge.hpp"
#include "cli/command.hpp"
#include "cli/console.hpp"
#include "evaluator/evaluator.hpp"

#include <memory>
#include <string>
#include <vector>

namespace kw::cli {

struct JudgeAgain {
    Result<agent::Rejudgement> (*judge)(
        const agent::StoredJudging&, const Task&, agent::RejudgeContext&);
    /// A device is opened when the first row needs it.
    Result<std::unique_ptr<Device>> (*open)(const std::string& id, const EvaluatorConfig&) =
        open_device;
};

/// What becomes of a row whose difference to its baseline does not show. Queued again: once, behind
/// all others; the second judging counts.
enum class Unclear { stays, queued_again };

/// A line each and a last one that counts them, or the document `schema`. A row whose task or
/// device is not to be had here is not judged; a database that fails is an error. The command's
/// exit code: 1 when a row does not hold or its task changed, else 3 when one could not be judged,
/// else 0; 130 when the user stopped it.
[[nodiscard]] Result<int> judge_all_again(
    const std::vector<agent::StoredJudging>& rows,
    JudgeAgain again,
    const std::string& schema,
    db::Store& store,
    const Invocation& invocation,
    Console& console,
    Unclear unclear = Unclear::stays);

}  // namespace kw::cli
