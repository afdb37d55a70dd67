// SPDX-License-Identifier: Apache-2.0
// Who writes candidates: a model behind an API, a recorded reply, the parameter tuner, an external
// command, a person. One small interface; the search never knows which.
#pragma once

#include "core/result.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kw::agent {

struct ProposeRequest {
    std::string campaign;
    int step = 0;
    int slot = 0;
    std::string system;         ///< role text
    std::string prompt;         ///< the whole user message
    std::string parent_source;  ///< source that edits apply to; "" = none
    std::string parent_hash;
    std::string call_id;  ///< of the reservation in the ledger, told to the provider; "" = none
};

/// The message as it is stored: system text, blank line, prompt.
[[nodiscard]] std::string whole_prompt(const ProposeRequest& request);
/// SHA-256 of whole_prompt().
[[nodiscard]] std::string prompt_hash(const ProposeRequest& request);

struct Reply {
    std::string text;   ///< unedited
    std::string model;  ///< label stored with the row
    std::int64_t tokens_in = 0;
    std::int64_t tokens_out = 0;
    double usd = 0;
    bool usd_known = true;    ///< false: the price of this model is not known
    std::string parent_hash;  ///< replay: the recorded parent; "" = the request's
    bool exhausted = false;   ///< nothing more to propose: the search ends
    std::string remark;       ///< one line for people: "cut off at 8192 tokens"; never stored
    std::int64_t tokens_cached = 0;  ///< of tokens_in, read from the provider's cache
};

/// Pays for the tries of one call. Called on the proposer's thread.
struct CallMeter {
    virtual ~CallMeter() = default;
    /// The try under way may have been billed and brought nothing: it is charged, and another one
    /// reserved, whose call_id is given. Nothing: the budget does not allow another one; the former
    /// is charged all the same.
    virtual std::optional<std::string> pay_again() = 0;
};

/// How a call of a ConcurrentProposer came out.
struct CallEnd {
    Result<Reply> reply;
    bool may_be_billed = false;  ///< of an Error: the last try may have cost something
    /// When it stood in a queue (rate limit, Retry-After) instead of being answered: begin and end
    /// on the clock's steady time.
    std::vector<std::pair<std::chrono::nanoseconds, std::chrono::nanoseconds>> queued;
};

/// Answers many requests at once.
struct ConcurrentProposer {
    virtual ~ConcurrentProposer() = default;
    using Done = std::function<void(CallEnd)>;
    /// Returns at once. `done` is called exactly once, on another thread or on this one; `meter`
    /// lives until then.
    virtual void start(const ProposeRequest& request, CallMeter& meter, Done done) = 0;
    /// What is being answered goes on, nothing more is sent. For good.
    virtual void stop_retrying() = 0;
    /// Everything in flight ends with Errc::interrupted, in less than a second. For good.
    virtual void cancel() = 0;
};

struct History;

/// What became of a stored reply, for proposers that choose between models.
struct ReplyOutcome {
    std::string model;  ///< label of the reply
    int step = 0;
    int slot = 0;
    double reward = 0;         ///< speed-up; 0 = not accepted
    double parent_reward = 0;  ///< of the kernel it started from; 0 = none accepted
    double usd = 0;
};

struct Proposer {
    virtual ~Proposer() = default;
    [[nodiscard]] virtual std::string label() const = 0;
    /// Who answers this request; the same as label() unless there are several models.
    [[nodiscard]] virtual std::string label_of(const ProposeRequest&) const { return label(); }
    /// Errc::model when the API gave up after its retries; Errc::interrupted when `cancelled`
    /// turned true.
    virtual Result<Reply> propose(
        const ProposeRequest& request, const std::atomic<int>& cancelled) = 0;
    /// Worst-case price of one call, for the reservation before it. Negative = unknown.
    [[nodiscard]] virtual double worst_case_usd(const ProposeRequest& request) const = 0;
    /// Most tokens one call can spend.
    [[nodiscard]] virtual std::int64_t worst_case_tokens(const ProposeRequest&) const { return 0; }
    /// False: propose() does not read the prompt, none is built or stored.
    [[nodiscard]] virtual bool wants_prompt() const { return true; }
    /// Told before begin_wave(): the replies of the whole steps so far, by step and slot.
    virtual void learn(const std::vector<ReplyOutcome>& outcomes) { (void)outcomes; }
    /// Told before the first propose() of a wave: the history of whole steps, and the requests that
    /// will come. A proposer that answers slowly may begin to work on all of them.
    virtual void begin_wave(const History& done, const std::vector<ProposeRequest>& requests) {
        (void)done;
        (void)requests;
    }
    /// Not null: the requests of a wave are given to it together instead of to propose() in turn.
    [[nodiscard]] virtual ConcurrentProposer* concurrent() { return nullptr; }
};

}  // namespace kw::agent
