// SPDX-License-Identifier: Apache-2.0
#include "agent/critic/model_question.hpp"

#include "agent/observation/feedback.hpp"
#include "agent/observation/observation.hpp"
#include "agent/text.hpp"

#include <algorithm>
#include <array>

namespace kw::agent {

namespace {

constexpr std::size_t k_max_lines = 24;
/// Bytes of the source, tried in order until the message fits.
constexpr std::array<std::size_t, 4> k_source_bytes = {24'000, 12'000, 4'000, 0};

std::string tried_text(const History& done) {
    std::string lines;
    const std::size_t count = done.attempts.size();
    for (std::size_t i = count - std::min(count, k_max_lines); i < count; ++i) {
        const Attempt& attempt = done.attempts[i];
        lines += "step " + std::to_string(attempt.step) + " slot " + std::to_string(attempt.slot) +
                 ": " + feedback_line(attempt) +
                 (attempt.note.empty() ? "" : "  -- " + one_line(attempt.note, 120)) + "\n";
    }
    return lines.empty() ? lines : "## What was tried so far\n" + fence(lines) + "\n";
}

}  // namespace

Result<PaidAnswer> ModelAsker::answer(
    const ProposeRequest& request, const std::atomic<int>& cancelled) const {
    KW_TRY_ASSIGN(Reply reply, ask(request, cancelled));
    return PaidAnswer{
        std::move(reply.text),
        std::move(reply.model),
        reply.tokens_in,
        reply.tokens_out,
        reply.usd};
}

Result<ProposeRequest> question_about(
    const SourceQuestion& question, const History& done, TemplateValues values) {
    const Task& task = question.task;
    values["task"] = task.name;
    values["title"] = one_line(task.title, 200);
    values["summary"] = cut_middle(task.summary, 4'000);
    values["trajectory"] = tried_text(done);
    ProposeRequest request;
    KW_TRY_ASSIGN(
        request.system,
        fill_template(question.prompts.critic_system, {{"task", task.name}}, "critic_system.md"));
    const char* language = question.target == "cuda" ? "cuda" : "cpp";
    for (const std::size_t bytes : k_source_bytes) {
        values["source"] = question.source.empty() || bytes == 0
                               ? "(not shown)"
                               : fence(cut_middle(question.source, bytes), language);
        KW_TRY_ASSIGN(request.prompt, fill_template(question.text, values, question.file));
        if (request.prompt.size() + request.system.size() <= k_max_prompt_bytes) {
            break;
        }
    }
    return request;
}

}  // namespace kw::agent
