// SPDX-License-Identifier: Apache-2.0
// What a critic and a value estimate share when they ask a model: the call, the answer with what it
// cost, and a message about one source that is cut until it fits.
#pragma once

#include "agent/observation/template.hpp"
#include "agent/proposers/proposer.hpp"
#include "agent/search/history.hpp"
#include "core/result.hpp"
#include "core/rows.hpp"
#include "core/task.hpp"

#include <atomic>
#include <functional>
#include <string>

namespace kw::agent {

/// A Proposer, or any other client. Whoever makes it prices and pays for the call.
struct ModelAsker {
    std::string label;
    std::function<Result<Reply>(const ProposeRequest&, const std::atomic<int>&)> ask;

    [[nodiscard]] Result<PaidAnswer> answer(
        const ProposeRequest& request, const std::atomic<int>& cancelled) const;
};

/// A message about one source that is nobody's parent yet.
struct SourceQuestion {
    const Task& task;
    const PromptBook& prompts;
    const std::string& text;  ///< template of the message
    const char* file;         ///< its name, for errors
    const std::string& source;
    const std::string& target;
};

/// System text and prompt, at most k_max_prompt_bytes: task, what was tried, the source, and
/// `values` for what else the template names. Whose it is says the caller.
[[nodiscard]] Result<ProposeRequest> question_about(
    const SourceQuestion& question, const History& done, TemplateValues values);

}  // namespace kw::agent
