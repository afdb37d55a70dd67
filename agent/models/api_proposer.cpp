// SPDX-License-Identifier: Apache-2.0
// Model APIs: request, retries, price. The key lives in this object alone: it is sent in a header
// and taken out of everything that leaves it.
#include "agent/models/api_key.hpp"
#include "agent/models/chat_protocol.hpp"
#include "agent/models/http.hpp"
#include "agent/proposers/proposers.hpp"
#include "agent/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <random>

namespace kw::agent {

namespace {

constexpr int k_max_tries = 8;
constexpr double k_first_wait_s = 2;
constexpr double k_longest_wait_s = 60;
constexpr std::size_t k_overhead_tokens = 256;  ///< roles and separators the server adds

struct Api {
    std::string kind;
    std::string url;
    std::string model;
    std::string key;
};

bool worth_a_retry(const HttpOutcome& outcome) {
    if (outcome.end == HttpEnd::failed || outcome.end == HttpEnd::timed_out) {
        return true;
    }
    if (outcome.body.find("insufficient_quota") != std::string::npos) {
        return false;
    }
    switch (outcome.status) {
        case 408:
        case 425:
        case 429:
        case 500:
        case 502:
        case 503:
        case 504:
        case 529: return true;
        default: return false;
    }
}

std::string hint_for(long status) {
    switch (status) {
        case 401:
        case 403: return "check the API key and what it may use";
        case 404: return "check the model's name and model.base_url";
        case 402: return "check the account's credit";
        case 429: return "the rate or credit limit is met: wait, then resume the campaign";
        default: return "what was done so far is saved: resume the campaign later";
    }
}

class ApiProposer final : public Proposer {
public:
    ApiProposer(Api api, const ProposerOptions& options)
        : api_(std::move(api))
        , models_(options.models)
        , clock_(options.clock)
        , on_retry_(options.on_retry)
        , policy_(policy_for(api_.model)) {}

    [[nodiscard]] std::string label() const override { return api_.kind + ":" + api_.model; }

    /// A token stands for at least one byte, so bytes bound the prompt's tokens.
    [[nodiscard]] std::int64_t worst_case_tokens(const ProposeRequest& request) const override {
        return static_cast<std::int64_t>(
                   request.system.size() + request.prompt.size() + k_overhead_tokens) +
               models_.max_output_tokens;
    }

    [[nodiscard]] double worst_case_usd(const ProposeRequest& request) const override {
        if (!priced()) {
            return -1;
        }
        const std::int64_t in = worst_case_tokens(request) - models_.max_output_tokens;
        return price(in, models_.max_output_tokens);
    }

    Result<Reply> propose(
        const ProposeRequest& request, const std::atomic<int>& cancelled) override;

private:
    [[nodiscard]] bool priced() const {
        return models_.usd_per_mtok_in >= 0 && models_.usd_per_mtok_out >= 0;
    }
    [[nodiscard]] double price(std::int64_t in, std::int64_t out) const {
        return (static_cast<double>(in) * models_.usd_per_mtok_in +
                static_cast<double>(out) * models_.usd_per_mtok_out) *
               1e-6;
    }
    [[nodiscard]] HttpRequest http_request(const ProposeRequest& request) const;
    [[nodiscard]] Result<Reply> to_reply(
        const ProposeRequest& request, const std::string& body) const;
    [[nodiscard]] std::string describe(const HttpOutcome& outcome) const;
    [[nodiscard]] double wait_before(int tries, const HttpOutcome& outcome);
    bool sleep(double seconds, const std::atomic<int>& cancelled);

    Api api_;
    ModelConfig models_;
    Clock& clock_;
    RetryObserver on_retry_;
    ParameterPolicy policy_;
    std::minstd_rand jitter_{std::random_device{}()};
};

HttpRequest ApiProposer::http_request(const ProposeRequest& request) const {
    const ChatCall call{
        api_.model,
        request.system,
        request.prompt,
        models_.max_output_tokens,
        models_.temperature,
        policy_};
    const bool anthropic = api_.kind == "anthropic";
    HttpRequest http;
    http.url = api_.url;
    http.body = anthropic ? anthropic_body(call) : openai_body(call);
    http.headers = {"content-type: application/json", "expect:"};
    if (anthropic) {
        http.headers.push_back("anthropic-version: 2023-06-01");
        http.headers.push_back("x-api-key: " + api_.key);
    } else if (!api_.key.empty()) {
        http.headers.push_back("authorization: Bearer " + api_.key);
    }
    http.connect_timeout_s = models_.connect_timeout_s;
    http.total_timeout_s = models_.timeout_s;
    return http;
}

Result<Reply> ApiProposer::to_reply(const ProposeRequest& request, const std::string& body) const {
    Result<ChatAnswer> answer = api_.kind == "anthropic" ? read_anthropic(body) : read_openai(body);
    if (!answer) {
        return std::move(answer).error();
    }
    Reply reply;
    reply.text = without_key(answer->text, api_.key);
    reply.model = label();
    if (answer->usage_known) {
        reply.tokens_in = answer->tokens_in;
        reply.tokens_out = answer->tokens_out;
    } else {  // some local servers say nothing: charge the bound, never too little
        reply.tokens_in = worst_case_tokens(request) - models_.max_output_tokens;
        reply.tokens_out = models_.max_output_tokens;
    }
    reply.usd_known = priced();
    reply.usd = priced() ? price(reply.tokens_in, reply.tokens_out) : 0;
    if (answer->cut_off) {
        reply.remark = "cut off at " + std::to_string(models_.max_output_tokens) + " output tokens";
    } else if (answer->refused) {
        reply.remark = "the model refused";
    }
    return reply;
}

std::string ApiProposer::describe(const HttpOutcome& outcome) const {
    if (outcome.end != HttpEnd::answered) {
        return without_key_words(outcome.problem, api_.key);
    }
    const std::string message = error_message(outcome.body);
    return without_key_words(
        "status " + std::to_string(outcome.status) + (message.empty() ? "" : ": " + message),
        api_.key);
}

/// Retry-After when the server says one, else exponential with full jitter above a half.
double ApiProposer::wait_before(int tries, const HttpOutcome& outcome) {
    if (outcome.retry_after) {
        double seconds = -1;
        const std::string& text = *outcome.retry_after;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
        if (error == std::errc{} && end == text.data() + text.size() && seconds >= 0) {
            return seconds;
        }
    }
    const double most =
        std::min(k_longest_wait_s, k_first_wait_s * static_cast<double>(1 << tries));
    return most * std::uniform_real_distribution<double>(0.5, 1.0)(jitter_);
}

/// False: cancelled.
bool ApiProposer::sleep(double seconds, const std::atomic<int>& cancelled) {
    constexpr double k_slice = 0.1;
    for (double left = seconds; left > 0 && cancelled.load() == 0; left -= k_slice) {
        clock_.sleep(std::chrono::duration_cast<std::chrono::nanoseconds>(
            std::chrono::duration<double>(std::min(left, k_slice))));
    }
    return cancelled.load() == 0;
}

Result<Reply> ApiProposer::propose(
    const ProposeRequest& request, const std::atomic<int>& cancelled) {
    const Error stopped{Errc::interrupted, "asking " + label() + ": stopped", ""};
    const std::chrono::nanoseconds begin = clock_.steady();
    int adjusted = 0;
    for (int tries = 0;; ++tries) {
        HttpOutcome outcome = http_post(http_request(request), cancelled);
        if (outcome.end == HttpEnd::cancelled) {
            return stopped;
        }
        bool retry = worth_a_retry(outcome);
        std::string problem = describe(outcome);
        std::string hint = hint_for(outcome.status);
        if (outcome.end == HttpEnd::answered && outcome.status == 200) {
            Result<Reply> reply = to_reply(request, outcome.body);
            if (reply) {
                return reply;
            }
            problem = reply.error().what;
            hint = reply.error().hint;
            retry = true;
        } else if (outcome.status == 400 && adjusted < 2 && adjust_policy(outcome.body, policy_)) {
            ++adjusted;
            continue;
        }
        const double wait = wait_before(std::min(tries, 8), outcome);
        const double spent = std::chrono::duration<double>(clock_.steady() - begin).count();
        if (!retry || tries + 1 >= k_max_tries || spent + wait > models_.retry_deadline_s) {
            return Error{
                Errc::model,
                "asking " + label() + ": " + problem +
                    (tries > 0 ? ", after " + std::to_string(tries + 1) + " tries" : ""),
                hint};
        }
        if (on_retry_) {
            on_retry_(request, problem + "; next try in " + figure(wait, 1) + " s");
        }
        if (!sleep(wait, cancelled)) {
            return stopped;
        }
    }
}

std::string endpoint(const std::string& kind, const std::string& configured) {
    std::string base = configured;
    while (!base.empty() && base.back() == '/') {
        base.pop_back();
    }
    if (kind == "anthropic") {
        base = base.empty() ? "https://api.anthropic.com" : base;
        return base.ends_with("/v1") ? base + "/messages" : base + "/v1/messages";
    }
    base = base.empty() ? "https://api.openai.com/v1" : base;
    return base.ends_with("/chat/completions") ? base : base + "/chat/completions";
}

}  // namespace

Result<std::unique_ptr<Proposer>> make_api_proposer(
    const std::string& kind, const std::string& model, const ProposerOptions& options) {
    const ModelConfig& models = options.models;
    Api api{kind, "", model.empty() ? models.name : model, ""};
    if (api.model.empty()) {
        return Error{
            Errc::usage,
            "proposer " + kind + ": no model given",
            "write " + kind + ":MODEL or set model.name"};
    }
    const std::string prefix = kind == "anthropic" ? "ANTHROPIC" : "OPENAI";
    std::string base = models.base_url;
    if (base.empty()) {
        base = read_environment(models, prefix + "_BASE_URL").value_or("");
    }
    api.url = endpoint(kind, base);
    KW_TRY_ASSIGN(api.key, read_api_key(models, prefix + "_API_KEY", !base.empty()));
    return std::unique_ptr<Proposer>(std::make_unique<ApiProposer>(std::move(api), options));
}

}  // namespace kw::agent
