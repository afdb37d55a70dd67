// SPDX-License-Identifier: Apache-2.0
// A stored kernel on its way back to the judge.
#pragma once

#include "core/candidate.hpp"
#include "core/evaluation.hpp"
#include "core/rows.hpp"

#include <optional>
#include <string>

namespace kw::agent {

/// `device_id`: what it is to be judged on. A CUDA kernel is made for that device's architecture
/// unless its directive says otherwise.
[[nodiscard]] Candidate candidate_of(const CandidateRow& row, const std::string& device_id);

/// A source made for something else is rejected as a candidate would be; no device is asked.
[[nodiscard]] std::optional<Evaluation> refused(
    const Candidate& candidate, const std::string& device_id);

}  // namespace kw::agent
