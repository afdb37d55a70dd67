// SPDX-License-Identifier: Apache-2.0
#include "agent/budget/ledger.hpp"

namespace kw::agent {

std::optional<std::string> over_budget(
    const Budget& budget, const Spend& spend, const Reservation& next) {
    if (budget.max_evals > 0 && spend.evaluations + 1 > budget.max_evals) {
        return "budget: evaluations";
    }
    if (budget.max_usd > 0 && (next.usd < 0 || spend.usd + next.usd > budget.max_usd)) {
        return "budget: usd";
    }
    if (budget.max_tokens > 0 && spend.tokens + next.tokens > budget.max_tokens) {
        return "budget: tokens";
    }
    if (budget.max_seconds > 0 && spend.seconds >= budget.max_seconds) {
        return "budget: time";
    }
    return std::nullopt;
}

Result<void> check_budget(const Budget& budget, bool price_known) {
    if (!(budget.max_evals >= 0 && budget.max_usd >= 0 && budget.max_tokens >= 0 &&
          budget.max_seconds >= 0)) {
        return Error{Errc::usage, "a budget limit is negative", "0 means no limit of that kind"};
    }
    if (budget.max_evals == 0 && budget.max_usd == 0 && budget.max_tokens == 0 &&
        budget.max_seconds == 0) {
        return Error{
            Errc::usage,
            "the campaign has no limit",
            "give one of --max-evals, --max-usd, --max-tokens, --max-time"};
    }
    if (budget.max_usd > 0 && !price_known) {
        return Error{
            Errc::usage,
            "a limit in USD needs the price of the model, which is not known",
            "set model.usd_per_mtok_in and model.usd_per_mtok_out (0 for a free one), or drop the "
            "limit in USD"};
    }
    return {};
}

}  // namespace kw::agent
