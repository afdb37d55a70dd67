// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/paid_call.hpp"

#include "core/check.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace kw::agent {

namespace {

constexpr std::chrono::milliseconds k_look{20};  ///< a signal handler cannot notify

/// Starts the call and waits for its end; `cancelled` ends it.
CallEnd end_of_call(
    ConcurrentProposer& proposer, PaidCall& paid, const std::atomic<int>& cancelled) {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<CallEnd> end;
    proposer.start(paid.request, paid, [&](CallEnd ended) {
        const std::lock_guard guard(mutex);
        end = std::move(ended);
        arrived.notify_all();
    });
    bool told = false;
    std::unique_lock lock(mutex);
    while (!arrived.wait_for(lock, k_look, [&] { return end.has_value(); })) {
        if (cancelled.load() > 0 && !std::exchange(told, true)) {
            lock.unlock();  // the call may end on this thread
            proposer.cancel();
            lock.lock();
        }
    }
    return std::move(*end);
}

}  // namespace

std::string call_id(const ProposeRequest& request, std::int64_t reservation) {
    return std::to_string(request.step) + "-" + std::to_string(request.slot) + "-" +
           std::to_string(reservation);
}

PlannedCall planned_call(
    const Proposer& proposer, const ProposeRequest& request, const std::string& purpose) {
    return {
        request.step,
        request.slot,
        purpose,
        proposer.label_of(request),
        {proposer.worst_case_usd(request), proposer.worst_case_tokens(request), 0}};
}

PaidCall::PaidCall(Ledger& the_ledger, PlannedCall the_plan, ProposeRequest the_request)
    : ledger(the_ledger)
    , plan(std::move(the_plan))
    , request(std::move(the_request)) {}

std::optional<std::string> PaidCall::pay_again() {
    if (auto lost = ledger.lose(std::exchange(call, 0)); !lost) {
        failure = lost.error();
        return std::nullopt;
    }
    const auto reserved = ledger.reserve({plan});
    if (!reserved) {
        failure = reserved.error();
        return std::nullopt;
    }
    if (reserved->refused) {
        refused = reserved->refused;
        return std::nullopt;
    }
    call = reserved->ids.front();
    return call_id(request, call);
}

Result<Reply> SideCalls::ask(const ProposeRequest& request, const std::atomic<int>& cancelled) {
    refused_.reset();
    PaidCall paid(ledger_, planned_call(proposer_, request, purpose_), request);
    KW_TRY_ASSIGN(const Ledger::Reserved reserved, ledger_.reserve({paid.plan}));
    if (reserved.refused) {
        refused_ = reserved.refused;
        return Error{Errc::model, "asking as " + purpose_ + ": " + *reserved.refused, ""};
    }
    paid.call = reserved.ids.front();
    paid.request.call_id = call_id(request, paid.call);
    bool billed = true;
    Result<Reply> reply = answer_of(paid, cancelled, billed);
    if (paid.failure) {
        return *paid.failure;
    }
    if (!reply || reply->exhausted) {
        refused_ = paid.refused;
        if (paid.call != 0) {
            KW_TRY(billed ? ledger_.lose(paid.call) : ledger_.release(paid.call));
        }
        if (!reply) {
            return reply;
        }
        return Error{Errc::model, "asking as " + purpose_ + ": there is no answer", ""};
    }
    answered_.push_back(
        {paid.call, {reply->tokens_in, reply->tokens_cached, reply->tokens_out, reply->usd}});
    return reply;
}

/// `billed`: an error may have cost something.
Result<Reply> SideCalls::answer_of(
    PaidCall& paid, const std::atomic<int>& cancelled, bool& billed) {
    ConcurrentProposer* concurrent = proposer_.concurrent();
    if (concurrent == nullptr) {
        Result<Reply> reply = proposer_.propose(paid.request, cancelled);
        billed = !reply;
        return reply;
    }
    CallEnd end = end_of_call(*concurrent, paid, cancelled);
    for (const auto& [from, to] : end.queued) {
        queued_s_ += std::chrono::duration<double>(to - from).count();
    }
    billed = end.may_be_billed;
    return std::move(end.reply);
}

Result<void> SideCalls::settle() {
    for (const Answered& one : std::exchange(answered_, {})) {
        KW_TRY(ledger_.settle(one.call, one.cost, nullptr));
    }
    return {};
}

double SideCalls::take_queued_s() {
    return std::exchange(queued_s_, 0);
}

}  // namespace kw::agent
