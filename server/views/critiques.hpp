// SPDX-License-Identifier: Apache-2.0
// What critics said, as part of documents.
#pragma once

#include "agent/campaign/campaign_critiques.hpp"
#include "core/result.hpp"
#include "core/rows.hpp"
#include "db/store.hpp"

#include <nlohmann/json_fwd.hpp>

#include <vector>

namespace kw::server {

/// Without the unedited answers of models.
[[nodiscard]] nlohmann::json critiques_json(const std::vector<agent::JudgedCritique>& critiques);

/// Of the attempts that these judgings belong to.
[[nodiscard]] Result<std::vector<agent::JudgedCritique>> critiques_of(
    const std::vector<EvaluationRow>& rows, db::Store& store);

}  // namespace kw::server
