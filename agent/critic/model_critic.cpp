// SPDX-License-Identifier: Apache-2.0
#include "agent/critic/model_critic.hpp"

#include "agent/critic/hypotheses.hpp"
#include "agent/observation/feedback.hpp"
#include "agent/observation/observation.hpp"
#include "agent/text.hpp"

#include <algorithm>
#include <array>

namespace kw::agent {

namespace {

constexpr std::size_t k_max_patterns_shown = 5;
constexpr std::size_t k_max_refuted_shown = 8;
constexpr std::size_t k_max_lines = 24;
/// Bytes of the source, tried in order until the message fits.
constexpr std::array<std::size_t, 4> k_source_bytes = {24'000, 12'000, 4'000, 0};

std::string lines_of(const History& done) {
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

class ModelCritic final : public Critic {
public:
    explicit ModelCritic(CriticParts parts)
        : parts_(std::move(parts)) {}

    [[nodiscard]] std::string label() const override { return "model: " + parts_.model.label; }

    Result<Critique> critique(
        const History& done, const Attempt& attempt, const std::atomic<int>& cancelled) override {
        KW_TRY_ASSIGN(const ProposeRequest request, critique_request(parts_, done, attempt));
        KW_TRY_ASSIGN(const Reply reply, parts_.model.ask(request, cancelled));
        Critique out = parse_critique(reply.text);
        out.raw = reply.text;
        out.model = reply.model;
        out.tokens_in = reply.tokens_in;
        out.tokens_out = reply.tokens_out;
        out.usd = reply.usd;
        out.usd_known = reply.usd_known;
        return out;
    }

    [[nodiscard]] double worst_case_usd(
        const History& done, const Attempt& attempt) const override {
        const auto request = critique_request(parts_, done, attempt);
        return request && parts_.model.worst_case_usd ? parts_.model.worst_case_usd(*request) : 0;
    }
    [[nodiscard]] std::int64_t worst_case_tokens(
        const History& done, const Attempt& attempt) const override {
        const auto request = critique_request(parts_, done, attempt);
        return request && parts_.model.worst_case_tokens ? parts_.model.worst_case_tokens(*request)
                                                         : 0;
    }

private:
    CriticParts parts_;
};

}  // namespace

std::unique_ptr<Critic> make_model_critic(const CriticParts& parts) {
    return std::make_unique<ModelCritic>(parts);
}

Result<ProposeRequest> critique_request(
    const CriticParts& parts, const History& done, const Attempt& attempt) {
    const Facts facts = facts_of({parts.task, done, attempt, parts.machine});
    const std::vector<GivenCritique> given =
        parts.given ? parts.given() : std::vector<GivenCritique>{};
    const std::vector<Hypothesis> hypotheses = hypotheses_of(done, given);
    const std::string refuted = refuted_text(hypotheses, k_max_refuted_shown);
    TemplateValues values = {
        {"task", parts.task.name},
        {"title", one_line(parts.task.title, 200)},
        {"summary", cut_middle(parts.task.summary, 4'000)},
        {"facts", fence(facts_text(facts))},
        {"failure", facts.failure},
        {"patterns",
         patterns_text(
             rank_patterns(parts.patterns, facts, refuted_bottlenecks(hypotheses)),
             k_max_patterns_shown)},
        {"refuted", refuted.empty() ? "" : "## Causes that were ruled out\n" + refuted},
        {"trajectory", lines_of(done)}};
    ProposeRequest request;
    request.campaign = parts.campaign + "-critic";  // an exchange folder of its own
    request.step = attempt.step;
    request.slot = attempt.slot;
    request.parent_hash = attempt.candidate_hash;
    KW_TRY_ASSIGN(
        request.system,
        fill_template(
            parts.prompts.critic_system, {{"task", parts.task.name}}, "critic_system.md"));
    for (const std::size_t bytes : k_source_bytes) {
        values["source"] =
            attempt.source.empty() || bytes == 0
                ? "(not shown)"
                : fence(
                      cut_middle(attempt.source, bytes), attempt.target == "cuda" ? "cuda" : "cpp");
        KW_TRY_ASSIGN(request.prompt, fill_template(parts.prompts.critique, values, "critique.md"));
        if (request.prompt.size() + request.system.size() <= k_max_prompt_bytes) {
            break;
        }
    }
    return request;
}

}  // namespace kw::agent
