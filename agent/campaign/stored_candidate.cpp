// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/stored_candidate.hpp"

#include "evaluator/evaluator.hpp"

namespace kw::agent {

Candidate candidate_of(const CandidateRow& row, const std::string& device_id) {
    return make_candidate(
        row.task,
        row.source,
        row.target == "cpu" ? row.isa : "native",
        row.target,
        arch_of_device(device_id));
}

std::optional<Evaluation> refused(const Candidate& candidate, const std::string& device_id) {
    const auto problem =
        disagreement(candidate, target_of_device(device_id), arch_of_device(device_id));
    if (!problem) {
        return std::nullopt;
    }
    Evaluation evaluation;
    evaluation.verdict = Verdict::forbidden;
    evaluation.summary = *problem;
    evaluation.device = device_id;
    return evaluation;
}

}  // namespace kw::agent
