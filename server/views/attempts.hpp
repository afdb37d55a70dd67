// SPDX-License-Identifier: Apache-2.0
// A campaign's evaluations, each by the judging that counts, with what had been spent when it was
// stored. Screen, pages, CSV and curves all read these.
#pragma once

#include "core/result.hpp"
#include "core/rows.hpp"
#include "db/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kw::server {

/// Since the campaign began.
struct Spent {
    double usd = 0;           ///< of calls that had ended, lost ones at their reservation
    std::int64_t tokens = 0;  ///< likewise
    double seconds = 0;       ///< by the clock on the wall: pauses between sessions included
    double judge_seconds = 0;
};

struct Attempt {
    EvaluationRow row;                ///< its result is that of the judging that counts
    std::optional<Evaluation> first;  ///< the first judging, when another one counts
    std::string state;                ///< of the judging that counts, else of the newest
    bool counts = true;
    int ordinal = 0;    ///< in the order they were stored, 0 = the start source
    std::string model;  ///< that was asked; the campaign's proposer where none was
    Spent spent;
};

/// By step, then slot.
[[nodiscard]] Result<std::vector<Attempt>> attempts_of(
    const CampaignRow& campaign, db::Store& store);

/// By ordinal.
[[nodiscard]] std::vector<const Attempt*> in_order(const std::vector<Attempt>& attempts);

/// Accepted, timed, and not withdrawn.
[[nodiscard]] bool is_kernel(const Attempt& attempt);

/// The campaign's kernel in hand from this evaluation on.
[[nodiscard]] bool is_best(const Attempt& attempt);

/// The highest error of a case as a fraction of what is allowed; nothing when no case was compared.
[[nodiscard]] std::optional<double> max_error(const Evaluation& evaluation);

}  // namespace kw::server
