// SPDX-License-Identifier: Apache-2.0
// Rows as JSON and back. Every field, under its name in core/; doubles to the bit (one that is not
// finite is the text "nan", "inf" or "-inf"); samples as [baseline_ns, candidate_ns, placement,
// order]. What comes in is hostile: a field that is missing, of another type or not among its
// words is Errc::usage with its path. A field that is unknown is passed over, so that both sides
// need not be of one version.
#pragma once

#include "core/candidate.hpp"
#include "core/job.hpp"
#include "core/result.hpp"
#include "core/rows.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace kw::server {

[[nodiscard]] nlohmann::json to_json(const Evaluation& evaluation);
[[nodiscard]] Result<Evaluation> evaluation_from_json(const nlohmann::json& document);

[[nodiscard]] nlohmann::json to_json(const EvaluationRow& row);
[[nodiscard]] Result<EvaluationRow> row_from_json(const nlohmann::json& document);

/// Its hash is computed anew when it is read: a stated one must agree.
[[nodiscard]] nlohmann::json to_json(const Candidate& candidate);
[[nodiscard]] Result<Candidate> candidate_from_json(const nlohmann::json& document);

[[nodiscard]] nlohmann::json to_json(const WorkerRow& worker);
[[nodiscard]] nlohmann::json to_json(const WorkerMachine& machine);
[[nodiscard]] Result<WorkerMachine> machine_from_json(const nlohmann::json& document);

}  // namespace kw::server
