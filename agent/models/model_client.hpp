// SPDX-License-Identifier: Apache-2.0
// A model behind a chat API: requests, streams, retries, rate limits, price. Hundreds of calls may
// be in flight; they share one HttpClient. The key lives in this object alone: it is sent in a
// header and taken out of everything that leaves it.
#pragma once

#include "agent/budget/ledger.hpp"
#include "agent/models/http.hpp"
#include "agent/models/model_config.hpp"
#include "agent/proposers/proposer.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace kw::agent {

/// One question.
struct ModelCall {
    std::string system;
    std::string prompt;
    std::size_t stable_bytes = 0;  ///< of the prompt's beginning: will be asked again
    std::string call_id;           ///< of the reservation; told to the provider as a request id
    int max_output_tokens = 0;     ///< 0 = the configuration's
};

struct ModelAnswer {
    std::string text;
    std::string label;  ///< "openai:gpt-..."
    std::int64_t tokens_in = 0;
    std::int64_t tokens_cached = 0;  ///< of tokens_in
    std::int64_t tokens_out = 0;
    double usd = 0;
    bool usd_known = true;
    std::string remark;  ///< "" | "cut off at 8192 output tokens" | "the model refused"
};

/// How an asynchronous call came out; CallEnd for answers.
struct ModelEnd {
    Result<ModelAnswer> answer;
    bool may_be_billed = false;
    std::vector<std::pair<std::chrono::nanoseconds, std::chrono::nanoseconds>> queued;
};

class ModelClient {
public:
    /// `kind` is "openai" or "anthropic"; `model` may be "" (ModelConfig::name). Errc::usage
    /// without a model, Errc::environment without a key.
    static Result<std::unique_ptr<ModelClient>> open(
        const std::string& kind,
        const std::string& model,
        const ModelConfig& config,
        Clock& clock,
        std::shared_ptr<HttpClient> http);
    ~ModelClient();  ///< cancels and waits

    [[nodiscard]] std::string label() const;
    /// A token stands for at least one byte, so bytes bound the prompt's tokens.
    [[nodiscard]] Reservation worst_case(const ModelCall& call) const;

    using Done = std::function<void(ModelEnd)>;
    using OnRetry = std::function<void(const std::string& text)>;
    /// Returns at once; `done` is called exactly once, on the HttpClient's thread, as are `meter`
    /// (null: tries are free to repeat) and `on_retry`.
    void ask(ModelCall call, CallMeter* meter, OnRetry on_retry, Done done);
    /// The same, waited for. When `cancelled` turns true, cancel() is called.
    Result<ModelAnswer> ask_and_wait(
        const ModelCall& call,
        CallMeter* meter,
        const OnRetry& on_retry,
        const std::atomic<int>& cancelled);

    /// What is being answered goes on, nothing more is sent: calls that wait end with
    /// Errc::interrupted. For good.
    void stop_retrying();
    /// Everything in flight ends with Errc::interrupted. For good.
    void cancel();

private:
    struct Impl;
    explicit ModelClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::agent
