// SPDX-License-Identifier: Apache-2.0
// A wave that asks for more proposals than it judges: all are asked for, an estimate chooses, the
// chosen ones are judged.
#include "agent/campaign/campaign_loop.hpp"
#include "agent/campaign/wave_calls.hpp"
#include "agent/replies/reply_parser.hpp"
#include "core/candidate.hpp"
#include "core/hash.hpp"

#include <utility>

namespace kw::agent {

CampaignLoop::Step CampaignLoop::run_ranked(const Wave& wave, const History& done) {
    Wave open{wave.step, {}};
    open.keep = wave.keep;
    for (const Ask& ask : wave.asks) {
        const std::optional<bool> kept = advice_->kept(wave.step, ask.slot);
        open.keep -= kept.value_or(false) ? 1 : 0;
        if (!kept) {
            open.asks.push_back(ask);
        }
    }
    std::optional<Stop> limit;
    if (!open.asks.empty() && open.keep > 0) {
        KW_TRY_ASSIGN(const std::vector<ProposeRequest> requests, begin_wave(open, wave, done));
        KW_TRY_ASSIGN(limit, gather(requests));
        if (limit && limit->state != "finished") {
            return limit;
        }
        KW_TRY(rank_stored(requests, open.keep, done));
    }
    KW_TRY_ASSIGN(const std::optional<Stop> stop, judge_kept(wave));
    return stop ? stop : limit;
}

/// Replies of all requests, stored. What arrived before a limit was met is ranked and judged.
CampaignLoop::Step CampaignLoop::gather(const std::vector<ProposeRequest>& requests) {
    std::optional<Stop> limit;  // nothing is in flight then: calls are waited for in order
    const auto body = [&](WaveCalls* calls) -> Step {
        for (std::size_t i = 0; i < requests.size(); ++i) {
            if (auto stop = interrupted()) {
                return stop;
            }
            if (calls != nullptr) {
                KW_TRY(start_all(
                    {requests.begin() + static_cast<std::ptrdiff_t>(i), requests.end()}, *calls));
            }
            std::optional<Stop> stop;
            KW_TRY_ASSIGN(std::optional<ReplyRow> reply, reply_to(requests[i], calls, stop));
            if (!reply) {
                limit = stop;
                break;
            }
            replies_.insert_or_assign({requests[i].step, requests[i].slot}, std::move(*reply));
        }
        return std::optional<Stop>{};
    };
    KW_TRY_ASSIGN(const std::optional<Stop> stop, with_calls(body));
    return stop ? stop : limit;
}

/// One evaluation must be left; which proposals will take the others is not known yet.
Result<void> CampaignLoop::start_all(
    const std::vector<ProposeRequest>& requests, WaveCalls& calls) {
    if (over_budget(settings_.budget, spend(), judging())) {
        return {};
    }
    std::vector<ProposeRequest> wanted;
    for (const ProposeRequest& request : requests) {
        if (!replies_.contains({request.step, request.slot}) && !calls.has(request)) {
            wanted.push_back(request);
        }
    }
    return start_calls(wanted, calls);
}

/// Chooses `keep` of those requests that have a reply.
Result<void> CampaignLoop::rank_stored(
    const std::vector<ProposeRequest>& requests, int keep, const History& done) {
    std::vector<Proposal> proposals;
    for (const ProposeRequest& request : requests) {
        const auto reply = replies_.find({request.step, request.slot});
        if (reply == replies_.end()) {
            continue;
        }
        const std::string& parent = reply->second.parent_hash;
        ParsedReply parsed =
            parse_reply(reply->second.raw, task_.name, source_of(parent), row_.target);
        const bool usable =
            parsed.problem.empty() && find_tokens(done, token_hash(parsed.source)) == nullptr;
        proposals.push_back(
            {usable ? std::move(parsed.source) : std::string{}, row_.target, parent, request.slot});
    }
    if (proposals.empty()) {
        return {};
    }
    const int step = requests.front().step;
    KW_TRY(advice_->rank(done, step, proposals, static_cast<std::size_t>(keep)));
    not_charged_s_ += advice_->take_queued_s();
    return {};
}

CampaignLoop::Step CampaignLoop::judge_kept(const Wave& wave) {
    for (const Ask& ask : wave.asks) {
        const bool judged = find_attempt(history_, wave.step, ask.slot) != nullptr;
        if (judged || !advice_->kept(wave.step, ask.slot).value_or(false)) {
            continue;
        }
        if (auto stop = interrupted()) {
            return stop;
        }
        const auto reply = replies_.find({wave.step, ask.slot});
        KW_CHECK(reply != replies_.end());  // it was ranked, so it was stored
        ProposeRequest request;
        request.step = wave.step;
        request.slot = ask.slot;
        KW_TRY_ASSIGN(const std::optional<Stop> stop, judge_within_budget(request, reply->second));
        if (stop) {
            return stop;
        }
    }
    return std::optional<Stop>{};
}

}  // namespace kw::agent
