// SPDX-License-Identifier: Apache-2.0
// Who writes candidates: a model behind an API, a recorded reply, the parameter tuner, an external
// command, a person. One small interface; the search never knows which.
#pragma once

#include "core/result.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

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

struct Reply {
    std::string text;   ///< unedited
    std::string model;  ///< label stored with the row
    std::int64_t tokens_in = 0;
    std::int64_t tokens_out = 0;
    double usd = 0;
    bool usd_known = true;    ///< false: the price of this model is not known
    std::string parent_hash;  ///< replay: the recorded parent; "" = the request's
    bool exhausted = false;   ///< nothing more to propose: the search ends
};

struct Proposer {
    virtual ~Proposer() = default;
    [[nodiscard]] virtual std::string label() const = 0;
    /// Errc::model when the API gave up after its retries; Errc::interrupted when `cancelled`
    /// turned true.
    virtual Result<Reply> propose(
        const ProposeRequest& request, const std::atomic<int>& cancelled) = 0;
    /// Worst-case price of one call, for the reservation before it. Negative = unknown.
    [[nodiscard]] virtual double worst_case_usd(const ProposeRequest& request) const = 0;
};

}  // namespace kw::agent
