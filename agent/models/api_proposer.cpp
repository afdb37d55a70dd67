// SPDX-License-Identifier: Apache-2.0
// Models as proposers: one, or several of which each slot of a wave gets the one that promises
// most.
#include "agent/models/model_choice.hpp"
#include "agent/models/model_client.hpp"
#include "agent/proposers/proposers.hpp"

#include <algorithm>
#include <map>

namespace kw::agent {

namespace {

constexpr int k_most_slots = 64;  ///< of a wave

/// Bytes at the beginning that both have, whole lines.
std::size_t common_lines(const std::string& a, const std::string& b) {
    const auto differs = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    const std::size_t same = static_cast<std::size_t>(differs.first - a.begin());
    const std::size_t line = same == 0 ? std::string::npos : a.rfind('\n', same - 1);
    return line == std::string::npos ? 0 : line + 1;
}

Reply to_reply(ModelAnswer answer) {
    Reply reply;
    reply.text = std::move(answer.text);
    reply.model = std::move(answer.label);
    reply.tokens_in = answer.tokens_in;
    reply.tokens_cached = answer.tokens_cached;
    reply.tokens_out = answer.tokens_out;
    reply.usd = answer.usd;
    reply.usd_known = answer.usd_known;
    reply.remark = std::move(answer.remark);
    return reply;
}

class ApiProposer final : public Proposer, public ConcurrentProposer {
public:
    ApiProposer(std::vector<std::unique_ptr<ModelClient>> models, RetryObserver on_retry)
        : on_retry_(std::move(on_retry))
        , models_(std::move(models)) {}

    [[nodiscard]] std::string label() const override {
        std::string all;
        for (const auto& model : models_) {
            all += (all.empty() ? "" : ",") + model->label();
        }
        return all;
    }
    [[nodiscard]] std::string label_of(const ProposeRequest& request) const override {
        return model_for(request).label();
    }

    [[nodiscard]] std::int64_t worst_case_tokens(const ProposeRequest& request) const override {
        return worst_case(request).tokens;
    }
    [[nodiscard]] double worst_case_usd(const ProposeRequest& request) const override {
        return worst_case(request).usd;
    }

    void learn(const std::vector<ReplyOutcome>& outcomes) override {
        trials_.clear();
        for (const ReplyOutcome& outcome : outcomes) {
            const auto known = std::ranges::find_if(
                models_, [&](const auto& model) { return model->label() == outcome.model; });
            if (known != models_.end()) {
                trials_.push_back(
                    {static_cast<std::size_t>(known - models_.begin()),
                     outcome.reward,
                     outcome.parent_reward,
                     outcome.usd});
            }
        }
    }

    void begin_wave(const History&, const std::vector<ProposeRequest>& requests) override {
        const bool first_wave = last_prompt_.empty();
        for (const ProposeRequest& request : requests) {
            const std::size_t same = last_prompt_.empty()
                                         ? request.prompt.size()
                                         : common_lines(request.prompt, last_prompt_);
            common_ = std::min(common_, same);
            last_prompt_ = request.prompt;
        }
        stable_ = first_wave ? 0 : common_;  // the prompts of one wave cannot wait for each other
        chosen_ = choose_models(models_.size(), trials_, k_most_slots);
    }

    [[nodiscard]] ConcurrentProposer* concurrent() override { return this; }

    void start(const ProposeRequest& request, CallMeter& meter, Done done) override {
        model_for(request).ask(
            call_of(request), &meter, observer_of(request), [done](ModelEnd end) {
                done(
                    {end.answer ? Result<Reply>(to_reply(std::move(*end.answer)))
                                : Result<Reply>(std::move(end.answer).error()),
                     end.may_be_billed,
                     std::move(end.queued)});
            });
    }
    void stop_retrying() override {
        for (const auto& model : models_) {
            model->stop_retrying();
        }
    }
    void cancel() override {
        for (const auto& model : models_) {
            model->cancel();
        }
    }

    Result<Reply> propose(
        const ProposeRequest& request, const std::atomic<int>& cancelled) override {
        KW_TRY_ASSIGN(
            ModelAnswer answer,
            model_for(request).ask_and_wait(
                call_of(request), nullptr, observer_of(request), cancelled));
        return to_reply(std::move(answer));
    }

private:
    [[nodiscard]] ModelClient& model_for(const ProposeRequest& request) const {
        const auto slot = static_cast<std::size_t>(std::max(request.slot, 0));
        return *models_[slot < chosen_.size() ? chosen_[slot] : 0];
    }

    [[nodiscard]] ModelCall call_of(const ProposeRequest& request) const {
        return {
            request.system,
            request.prompt,
            std::min(stable_, request.prompt.size()),
            request.call_id,
            0};
    }

    /// Of the model that will be asked; before it is chosen, the dearest.
    [[nodiscard]] Reservation worst_case(const ProposeRequest& request) const {
        const ModelCall call = call_of(request);
        if (!chosen_.empty()) {
            return model_for(request).worst_case(call);
        }
        Reservation worst;
        for (const auto& model : models_) {
            const Reservation one = model->worst_case(call);
            worst.tokens = std::max(worst.tokens, one.tokens);
            worst.usd = one.usd < 0 || worst.usd < 0 ? -1 : std::max(worst.usd, one.usd);
        }
        return worst;
    }

    [[nodiscard]] ModelClient::OnRetry observer_of(const ProposeRequest& request) const {
        return [this, request](const std::string& text) {
            if (on_retry_) {
                on_retry_(request, text);
            }
        };
    }

    RetryObserver on_retry_;
    std::vector<ModelTrial> trials_;
    std::vector<std::size_t> chosen_;  ///< model of each slot of the wave
    std::string last_prompt_;
    std::size_t common_ = std::string::npos;  ///< bytes that every prompt so far began with
    std::size_t stable_ = 0;                  ///< bytes that are worth caching
    std::vector<std::unique_ptr<ModelClient>> models_;  ///< last: their threads use the others
};

}  // namespace

Result<std::unique_ptr<Proposer>> make_api_proposer(
    const std::vector<ProposerSpec>& specs, const ProposerOptions& options) {
    const auto http = std::make_shared<HttpClient>(options.clock);
    std::vector<std::unique_ptr<ModelClient>> models;
    for (const ProposerSpec& spec : specs) {
        KW_TRY_ASSIGN(
            auto model,
            ModelClient::open(spec.kind, spec.rest, options.models, options.clock, http));
        models.push_back(std::move(model));
    }
    return std::unique_ptr<Proposer>(
        std::make_unique<ApiProposer>(std::move(models), options.on_retry));
}

}  // namespace kw::agent
