// SPDX-License-Identifier: Apache-2.0
#include "agent/budget/ledger.hpp"

#include <algorithm>

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
    if (budget.max_device_seconds > 0 &&
        spend.device_seconds + next.device_seconds > budget.max_device_seconds) {
        return "budget: device time";
    }
    return std::nullopt;
}

Result<void> check_budget(const Budget& budget, bool price_known) {
    if (!(budget.max_evals >= 0 && budget.max_usd >= 0 && budget.max_tokens >= 0 &&
          budget.max_seconds >= 0 && budget.max_device_seconds >= 0)) {
        return Error{Errc::usage, "a budget limit is negative", "0 means no limit of that kind"};
    }
    if (budget.max_evals == 0 && budget.max_usd == 0 && budget.max_tokens == 0 &&
        budget.max_seconds == 0 && budget.max_device_seconds == 0) {
        return Error{
            Errc::usage,
            "the campaign has no limit",
            "give one of --max-evals, --max-usd, --max-tokens, --max-time, --max-device-time"};
    }
    if (budget.max_usd > 0 && !price_known) {
        return Error{
            Errc::usage,
            "a limit in USD needs the price of the model, which is not known",
            "set model.usd_per_mtok_in and model.usd_per_mtok_out (0 for a free one) or "
            "model.prices, or drop the limit in USD"};
    }
    return {};
}

std::int64_t counted_tokens(std::int64_t stored) {
    constexpr std::int64_t k_most = std::int64_t{1} << 40;  // millions of them can be added up
    return std::clamp<std::int64_t>(stored, 0, k_most);
}

double charged_usd(const ModelCallRow& call) {
    return std::max(0.0, call.state == "settled" ? call.usd : call.reserved_usd);
}

std::int64_t charged_tokens(const ModelCallRow& call) {
    return call.state == "settled"
               ? counted_tokens(call.tokens_in) + counted_tokens(call.tokens_out)
               : counted_tokens(call.reserved_tokens);
}

Result<std::unique_ptr<Ledger>> Ledger::open(
    db::Store& store, Clock& clock, std::int64_t campaign_id, const Budget& budget) {
    KW_TRY(store.lose_open_calls(campaign_id, clock.utc_ms()));
    KW_TRY_ASSIGN(const std::vector<ModelCallRow> calls, store.model_calls(campaign_id));
    std::unique_ptr<Ledger> ledger(new Ledger(store, clock, campaign_id, budget));
    for (const ModelCallRow& call : calls) {
        ledger->count(call);
    }
    return ledger;
}

void Ledger::count(const ModelCallRow& row) {
    ended_.usd += charged_usd(row);
    ended_.tokens += charged_tokens(row);
    if (row.state == "settled") {
        ended_.tokens_in += counted_tokens(row.tokens_in);
        ended_.tokens_out += counted_tokens(row.tokens_out);
        ended_.ended_ms = std::max(ended_.ended_ms, row.ended_ms);
    } else {
        ++ended_.lost;
    }
}

Ledger::Totals Ledger::totals() const {
    const std::lock_guard guard(mutex_);
    return totals_now();
}

Ledger::Totals Ledger::totals_now() const {
    Totals out = ended_;
    for (const auto& [id, call] : open_) {
        out.reserved_usd += charged_usd(call);
        out.reserved_tokens += charged_tokens(call);
    }
    return out;
}

Result<Ledger::Reserved> Ledger::reserve(const std::vector<PlannedCall>& calls) {
    Reserved out;
    const std::lock_guard guard(mutex_);
    const Totals now = totals_now();
    const Budget limits{0, budget_.max_usd, budget_.max_tokens, 0};
    Spend spend;
    spend.usd = now.usd + now.reserved_usd;
    spend.tokens = now.tokens + now.reserved_tokens;
    std::vector<ModelCallRow> rows;
    for (const PlannedCall& call : calls) {
        out.refused = over_budget(limits, spend, call.worst);
        if (out.refused) {
            break;
        }
        spend.usd += std::max(0.0, call.worst.usd);
        spend.tokens += call.worst.tokens;
        ModelCallRow row;
        row.campaign_id = campaign_id_;
        row.step = call.step;
        row.slot = call.slot;
        row.purpose = call.purpose;
        row.model = call.model;
        row.reserved_tokens = call.worst.tokens;
        row.reserved_usd = call.worst.usd;
        row.reserved_ms = clock_.utc_ms();
        rows.push_back(std::move(row));
    }
    if (rows.empty()) {
        return out;
    }
    KW_TRY_ASSIGN(out.ids, store_.reserve_calls(rows));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i].id = out.ids[i];
        open_.emplace(out.ids[i], std::move(rows[i]));
    }
    return out;
}

Result<void> Ledger::end(
    std::int64_t id, const std::string& state, const CallCost& cost, const ReplyRow* reply) {
    const std::lock_guard guard(mutex_);
    const auto found = open_.find(id);
    KW_CHECK(found != open_.end());
    ModelCallRow row = found->second;
    row.state = state;
    row.tokens_in = cost.tokens_in;
    row.tokens_cached = cost.tokens_cached;
    row.tokens_out = cost.tokens_out;
    row.usd = cost.usd;
    row.ended_ms = clock_.utc_ms();
    KW_TRY(store_.end_call(row, reply));
    open_.erase(found);
    count(row);
    return {};
}

Result<void> Ledger::settle(std::int64_t id, const CallCost& cost, const ReplyRow* reply) {
    return end(id, "settled", cost, reply);
}

Result<void> Ledger::lose(std::int64_t id) {
    return end(id, "lost", {}, nullptr);
}

}  // namespace kw::agent
