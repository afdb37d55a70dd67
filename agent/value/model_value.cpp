// SPDX-License-Identifier: Apache-2.0
#include "agent/value/model_value.hpp"

#include "agent/critic/critique.hpp"
#include "agent/observation/feedback.hpp"
#include "agent/observation/observation.hpp"
#include "agent/text.hpp"
#include "agent/value/feature_value.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace kw::agent {

namespace {

constexpr double k_spread = 0.15;  ///< of the logarithm, within a range
constexpr std::size_t k_max_lines = 24;
constexpr std::array<std::size_t, 3> k_source_bytes = {24'000, 10'000, 2'000};

std::string lines_of(const History& done) {
    std::string lines;
    const std::size_t count = done.attempts.size();
    for (std::size_t i = count - std::min(count, k_max_lines); i < count; ++i) {
        const Attempt& attempt = done.attempts[i];
        lines += feedback_line(attempt) +
                 (attempt.note.empty() ? "" : "  -- " + one_line(attempt.note, 120)) + "\n";
    }
    return lines.empty() ? lines : "## What was tried so far\n" + fence(lines) + "\n\n";
}

class ModelValue final : public ActionValue {
public:
    explicit ModelValue(ValueParts parts)
        : parts_(std::move(parts)) {}

    [[nodiscard]] std::string kind() const override { return "model"; }

    Result<Estimate> estimate(
        const History& done, const Proposal& proposal, const std::atomic<int>& cancelled) override {
        KW_TRY_ASSIGN(const ProposeRequest request, value_request(parts_, done, proposal));
        KW_TRY_ASSIGN(const Reply reply, parts_.model.ask(request, cancelled));
        Estimate estimate = nothing_known(done);
        if (const auto chances = parse_chances(reply.text)) {
            estimate = estimate_of(*chances, estimate.expected_max);
        }
        estimate.raw = reply.text;
        estimate.model = reply.model;
        estimate.tokens_in = reply.tokens_in;
        estimate.tokens_out = reply.tokens_out;
        estimate.usd = reply.usd;
        return estimate;
    }

    [[nodiscard]] double worst_case_usd(
        const History& done, const Proposal& proposal) const override {
        const auto request = value_request(parts_, done, proposal);
        return request && parts_.model.worst_case_usd ? parts_.model.worst_case_usd(*request) : 0;
    }
    [[nodiscard]] std::int64_t worst_case_tokens(
        const History& done, const Proposal& proposal) const override {
        const auto request = value_request(parts_, done, proposal);
        return request && parts_.model.worst_case_tokens ? parts_.model.worst_case_tokens(*request)
                                                         : 0;
    }

private:
    ValueParts parts_;
};

}  // namespace

std::optional<Chances> parse_chances(const std::string& answer) {
    const nlohmann::json object = nlohmann::json::parse(first_json_object(answer), nullptr, false);
    if (!object.is_object()) {
        return std::nullopt;
    }
    Chances chances{};
    double sum = 0;
    for (std::size_t i = 0; i < chances.size(); ++i) {
        const auto found = object.find(k_speedup_bins[i].name);
        if (found == object.end()) {
            continue;
        }
        if (!found->is_number()) {
            return std::nullopt;
        }
        chances[i] = found->get<double>();
        if (!(chances[i] >= 0 && chances[i] <= 1)) {
            return std::nullopt;
        }
        sum += chances[i];
    }
    if (std::abs(sum - 1) > 0.1) {
        return std::nullopt;
    }
    for (double& chance : chances) {
        chance /= sum;
    }
    return chances;
}

Estimate estimate_of(const Chances& chances, double best_so_far) {
    Estimate estimate;
    for (std::size_t i = 0; i < chances.size(); ++i) {
        estimate.speedup += chances[i] * k_speedup_bins[i].middle;
        estimate.expected_max +=
            chances[i] * expected_max_of(best_so_far, k_speedup_bins[i].middle, k_spread);
    }
    estimate.chance = 1 - chances[0];
    return estimate;
}

Result<ProposeRequest> value_request(
    const ValueParts& parts, const History& done, const Proposal& proposal) {
    const Attempt* parent = find_attempt(done, proposal.parent_hash);
    TemplateValues values = {
        {"task", parts.task.name},
        {"title", one_line(parts.task.title, 200)},
        {"summary", cut_middle(parts.task.summary, 4'000)},
        {"trajectory", lines_of(done)},
        {"parent", parent == nullptr ? "" : " Its parent: " + feedback_line(*parent) + "."}};
    ProposeRequest request;
    request.campaign = parts.campaign + "-value";  // an exchange folder of its own
    request.slot = proposal.slot;
    request.step = done.attempts.empty() ? 1 : done.attempts.back().step + 1;
    request.parent_hash = proposal.parent_hash;
    KW_TRY_ASSIGN(
        request.system,
        fill_template(
            parts.prompts.critic_system, {{"task", parts.task.name}}, "critic_system.md"));
    for (const std::size_t bytes : k_source_bytes) {
        values["source"] =
            fence(cut_middle(proposal.source, bytes), proposal.target == "cuda" ? "cuda" : "cpp");
        KW_TRY_ASSIGN(request.prompt, fill_template(parts.prompts.value, values, "value.md"));
        if (request.prompt.size() + request.system.size() <= k_max_prompt_bytes) {
            break;
        }
    }
    return request;
}

std::unique_ptr<ActionValue> make_model_value(const ValueParts& parts) {
    return std::make_unique<ModelValue>(parts);
}

}  // namespace kw::agent
