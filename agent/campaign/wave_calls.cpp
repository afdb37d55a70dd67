// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/wave_calls.hpp"

#include "core/check.hpp"
#include "core/hash.hpp"

#include <algorithm>
#include <utility>

namespace kw::agent {

namespace {

using std::chrono::nanoseconds;

/// A signal handler cannot notify: how late a stop may be seen. Looking every 20 ms took a third of
/// the controller's time.
constexpr std::chrono::milliseconds k_wave_look{100};

std::string reply_hash(const ReplyRow& row) {
    return Hasher().add(row.prompt_hash).add(row.raw).add(row.model).hex();
}

double as_seconds(nanoseconds value) {
    return std::chrono::duration<double>(value).count();
}

}  // namespace

double seconds_within(
    const std::vector<std::pair<nanoseconds, nanoseconds>>& intervals,
    nanoseconds from,
    nanoseconds to) {
    nanoseconds sum{0};
    for (const auto& [begin, end] : intervals) {
        sum += std::max(std::min(end, to) - std::max(begin, from), nanoseconds(0));
    }
    return as_seconds(sum);
}

ReplyRow reply_row(
    std::int64_t campaign_id,
    const Proposer& proposer,
    const ProposeRequest& request,
    Reply reply,
    double seconds,
    std::int64_t utc_ms) {
    ReplyRow row;
    row.campaign_id = campaign_id;
    row.step = request.step;
    row.slot = request.slot;
    if (proposer.wants_prompt()) {
        row.prompt = whole_prompt(request);
        row.prompt_hash = prompt_hash(request);
    }
    row.raw = std::move(reply.text);
    row.model = std::move(reply.model);
    row.parent_hash = reply.parent_hash.empty() ? request.parent_hash : reply.parent_hash;
    row.tokens_in = reply.tokens_in;
    row.tokens_out = reply.tokens_out;
    row.usd = reply.usd;
    row.seconds = seconds;
    row.hash = reply_hash(row);
    row.created_ms = utc_ms;
    return row;
}

/// One call; what is set when it ends is set once, under the mutex.
struct WaveCalls::Flight final : PaidCall {
    using PaidCall::PaidCall;

    nanoseconds begin{0};
    bool ended = false;
    std::optional<Result<Arrival>> arrival;
    std::vector<std::pair<nanoseconds, nanoseconds>> queued;
};

WaveCalls::WaveCalls(Proposer& proposer, Ledger& ledger, Clock& clock, std::int64_t campaign_id)
    : proposer_(proposer)
    , ledger_(ledger)
    , clock_(clock)
    , campaign_id_(campaign_id) {
    KW_CHECK(proposer.concurrent() != nullptr);
}

WaveCalls::~WaveCalls() {
    std::unique_lock lock(mutex_);
    if (!all_ended()) {
        lock.unlock();  // calls may end on this thread
        proposer_.concurrent()->cancel();
        lock.lock();
        arrived_.wait(lock, [&] { return all_ended(); });
    }
}

Result<std::optional<std::string>> WaveCalls::start(const std::vector<ProposeRequest>& requests) {
    std::vector<PlannedCall> plans;
    for (const ProposeRequest& request : requests) {
        plans.push_back(planned_call(proposer_, request, k_proposal));
    }
    KW_TRY_ASSIGN(const Ledger::Reserved reserved, ledger_.reserve(plans));
    for (std::size_t i = 0; i < reserved.ids.size(); ++i) {
        auto made = std::make_unique<Flight>(ledger_, std::move(plans[i]), requests[i]);
        made->call = reserved.ids[i];
        made->request.call_id = call_id(requests[i], made->call);
        made->begin = clock_.steady();
        Flight* flight = made.get();
        {
            const std::lock_guard guard(mutex_);
            flights_.push_back(std::move(made));
        }
        proposer_.concurrent()->start(flight->request, *flight, [this, flight](CallEnd end) {
            ended(*flight, std::move(end));
        });
    }
    return reserved.refused;
}

/// Whatever happens when a call ends, it has ended: the destructor waits for it.
struct WaveCalls::EndMark {
    WaveCalls& calls;
    Flight& flight;
    ~EndMark() {
        const std::lock_guard guard(calls.mutex_);
        flight.ended = true;
        calls.arrived_.notify_all();
    }
};

/// On the proposer's thread.
void WaveCalls::ended(Flight& flight, CallEnd end) {
    const EndMark mark{*this, flight};
    nanoseconds in_queue{0};
    for (const auto& [from, to] : end.queued) {
        in_queue += to - from;
    }
    const double seconds = as_seconds(clock_.steady() - flight.begin - in_queue);
    Arrival arrival;
    Result<void> stored;
    if (end.reply) {
        Reply& reply = *end.reply;
        arrival.remark = reply.remark;
        const CallCost cost{reply.tokens_in, reply.tokens_cached, reply.tokens_out, reply.usd};
        arrival.row = reply_row(
            campaign_id_, proposer_, flight.request, std::move(reply), seconds, clock_.utc_ms());
        stored = ledger_.settle(flight.call, cost, &arrival.row);
        arrival.row.prompt.clear();
    } else if (flight.call != 0) {
        stored = end.may_be_billed ? ledger_.lose(flight.call) : ledger_.release(flight.call);
    }
    if (stored.ok() && flight.failure) {
        stored = *flight.failure;
    }
    const std::lock_guard guard(mutex_);
    if (!stored) {
        flight.arrival = Result<Arrival>(std::move(stored).error());
    } else if (end.reply || flight.refused) {
        arrival.refused = flight.refused;
        flight.arrival = Result<Arrival>(std::move(arrival));
    } else {
        flight.arrival = Result<Arrival>(std::move(end.reply).error());
    }
    flight.queued = std::move(end.queued);
}

bool WaveCalls::has(const ProposeRequest& request) const {
    const std::lock_guard guard(mutex_);
    return find(request) != nullptr;
}

WaveCalls::Flight* WaveCalls::find(const ProposeRequest& request) const {
    const auto found = std::ranges::find_if(flights_, [&](const auto& flight) {
        return flight->request.step == request.step && flight->request.slot == request.slot;
    });
    return found == flights_.end() ? nullptr : found->get();
}

bool WaveCalls::all_ended() const {
    return std::ranges::all_of(flights_, [](const auto& flight) { return flight->ended; });
}

/// Looks at `done` under the mutex.
void WaveCalls::wait_until(const std::function<bool()>& done, const std::atomic<int>& stopped) {
    bool told = false;
    std::unique_lock lock(mutex_);
    while (!arrived_.wait_for(lock, k_wave_look, done)) {
        if (stopped.load() > 0 && !std::exchange(told, true)) {
            lock.unlock();  // calls may end on this thread
            proposer_.concurrent()->cancel();
            lock.lock();
        }
    }
}

Result<WaveCalls::Arrival> WaveCalls::wait(
    const ProposeRequest& request, const std::atomic<int>& stopped) {
    Flight* flight = nullptr;
    {
        const std::lock_guard guard(mutex_);
        flight = find(request);
    }
    KW_CHECK(flight != nullptr);
    const nanoseconds from = clock_.steady();
    wait_until([&] { return flight->ended; }, stopped);
    const nanoseconds to = clock_.steady();
    KW_CHECK(flight->arrival.has_value());
    KW_TRY_ASSIGN(Arrival arrival, std::move(*flight->arrival));
    arrival.queued_s = seconds_within(flight->queued, from, to);
    return arrival;
}

void WaveCalls::finish(const std::atomic<int>& stopped) {
    proposer_.concurrent()->stop_retrying();
    wait_until([&] { return all_ended(); }, stopped);
}

}  // namespace kw::agent
