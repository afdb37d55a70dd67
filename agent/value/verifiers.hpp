// SPDX-License-Identifier: Apache-2.0
// Soft verifiers after robust-kbench: a model is asked three times what a judge would find out
// later, does it compile, does it stay inside its arrays, are its results right. Votes order
// proposals and veto none: in that paper's own published kernels a verifier called correct ones
// wrong. For value.cpp and tests.
#pragma once

#include "agent/value/value.hpp"

#include <memory>
#include <optional>
#include <string>

namespace kw::agent {

/// "chance" of {"problem": text, "chance": number in [0, 1]}; nothing when there is none.
[[nodiscard]] std::optional<double> parse_vote(const std::string& answer);

/// The mean of the votes that could be read is the chance to be accepted; what is accepted is
/// taken to be as fast as the best, with the spread of proposals.
[[nodiscard]] Estimate estimate_of(std::vector<Vote> votes, const History& done);

/// `verifier`: of verifier_names().
[[nodiscard]] Result<ProposeRequest> verifier_request(
    const ValueParts& parts,
    const std::string& verifier,
    const History& done,
    const Proposal& proposal);

[[nodiscard]] std::unique_ptr<ActionValue> make_verifiers(const ValueParts& parts);

}  // namespace kw::agent
