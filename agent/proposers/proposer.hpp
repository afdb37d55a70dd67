// SPDX-License-Identifier: Apache-2.0
// Who writes candidates: a model behind an API, a recorded reply, the parameter tuner, an external
// command, a person. One small interface; the search never knows which.
#pragma once

#include "core/result.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
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
};

struct History;

struct Proposer {
    virtual ~Proposer() = default;
    [[nodiscard]] virtual std::string label() const = 0;
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
    /// Told before the first propose() of a wave: the history of whole steps, and the requests that
    /// will come. A proposer that answers slowly may begin to work on all of them.
    virtual void begin_wave(const History& done, const std::vector<ProposeRequest>& requests) {
        (void)done;
        (void)requests;
    }
};

}  // namespace kw::agent
