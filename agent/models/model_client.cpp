// SPDX-License-Identifier: Apache-2.0
#include "agent/models/model_client.hpp"

#include "agent/models/api_key.hpp"
#include "agent/models/chat_protocol.hpp"
#include "agent/models/rate_limit.hpp"
#include "agent/models/retry.hpp"
#include "agent/models/sse.hpp"
#include "agent/text.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>

namespace kw::agent {

namespace {

using std::chrono::nanoseconds;

constexpr int k_max_tries = 8;
constexpr int k_max_adjustments = 4;
constexpr double k_spread = 0.1;  ///< of what a server asks for: not all calls come back at once
constexpr std::size_t k_overhead_tokens = 256;  ///< roles and separators the server adds
constexpr std::size_t k_bytes_per_token = 4;    ///< usual, for rate limits alone

struct Api {
    std::string kind;
    std::string url;
    std::string model;
    std::string key;
};

/// One call from ask() to done().
struct Asking {
    ModelCall call;
    CallMeter* meter = nullptr;
    ModelClient::OnRetry on_retry;
    ModelClient::Done done;
    int tries = 0;  ///< made
    int adjusted = 0;
    nanoseconds begin{0};
    nanoseconds in_queue{0};  ///< for the rate limit
    ParameterPolicy policy;   ///< of the try under way
    std::vector<std::pair<nanoseconds, nanoseconds>> queued;
    SseReader reader;
    std::unique_ptr<ChatStream> stream;
};

struct Failure {
    std::string problem;
    std::string hint;
    bool retry = false;
};

nanoseconds seconds(double value) {
    return std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(value));
}

double as_seconds(nanoseconds value) {
    return std::chrono::duration<double>(value).count();
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

ModelPrice price_of(const ModelConfig& config, const Api& api) {
    for (const std::string& name : {api.kind + ":" + api.model, api.model}) {
        if (const auto found = config.prices.find(name); found != config.prices.end()) {
            return found->second;
        }
    }
    return {config.usd_per_mtok_in, config.usd_per_mtok_out, config.usd_per_mtok_cached};
}

}  // namespace

struct ModelClient::Impl {
    Impl(Api the_api, const ModelConfig& the_config, Clock& the_clock)
        : api(std::move(the_api))
        , config(the_config)
        , price(price_of(the_config, api))
        , family(family_of(api.model))
        , clock(the_clock)
        , limit(the_config.requests_per_minute, the_config.tokens_per_minute)
        , policy(policy_for(api.model)) {
        policy.stream = config.stream;
    }

    using Shared = std::shared_ptr<Asking>;

    [[nodiscard]] bool anthropic() const { return api.kind == "anthropic"; }
    [[nodiscard]] std::string label() const { return api.kind + ":" + api.model; }
    [[nodiscard]] int output_limit(const ModelCall& call) const {
        return call.max_output_tokens > 0 ? call.max_output_tokens : config.max_output_tokens;
    }
    [[nodiscard]] static std::int64_t prompt_bound(const ModelCall& call) {
        return static_cast<std::int64_t>(
            call.system.size() + call.prompt.size() + k_overhead_tokens);
    }

    void queue(const Shared& asking);
    void send(const Shared& asking);
    void heard(const Shared& asking, HttpOutcome outcome);
    void failed(const Shared& asking, const HttpOutcome& outcome, Failure failure);
    void give_up(const Shared& asking, Error error, bool may_be_billed);
    void end(const Shared& asking, ModelEnd end);
    [[nodiscard]] HttpRequest request_of(const Shared& asking);
    [[nodiscard]] Result<ModelAnswer> answer_of(const Asking& asking, const HttpOutcome& outcome);
    [[nodiscard]] std::string describe(const HttpOutcome& outcome) const;

    Api api;
    ModelConfig config;
    ModelPrice price;
    const ModelFamily& family;
    Clock& clock;
    std::shared_ptr<HttpClient> http;
    std::atomic<bool> stopping{false};  ///< nothing more is sent

    std::mutex mutex;
    std::condition_variable idle;
    int in_flight = 0;  ///< under the mutex

    // Of the HttpClient's thread:
    RateLimit limit;
    ParameterPolicy policy;
    std::minstd_rand jitter{std::random_device{}()};
};

/// Waits for the rate limit.
void ModelClient::Impl::queue(const Shared& asking) {
    if (stopping) {
        return send(asking);
    }
    const nanoseconds now = clock.steady();
    const std::size_t bytes = asking->call.system.size() + asking->call.prompt.size();
    const nanoseconds when = limit.take(
        now, static_cast<std::int64_t>(bytes / k_bytes_per_token) + output_limit(asking->call));
    if (when <= now) {
        return send(asking);
    }
    http->at(this, when, [this, asking, now] {
        const nanoseconds then = clock.steady();
        asking->queued.emplace_back(now, then);
        asking->in_queue += then - now;
        send(asking);
    });
}

void ModelClient::Impl::send(const Shared& asking) {
    if (stopping) {
        return give_up(asking, {Errc::interrupted, "asking " + label() + ": stopped", ""}, false);
    }
    ++asking->tries;
    if (asking->adjusted == 0) {
        asking->policy = policy;
    }
    asking->reader = {};
    asking->stream = anthropic() ? make_anthropic_stream() : make_openai_stream();
    http->post(this, request_of(asking), [this, asking](HttpOutcome outcome) {
        heard(asking, std::move(outcome));
    });
}

HttpRequest ModelClient::Impl::request_of(const Shared& asking) {
    const ModelCall& question = asking->call;
    ChatCall call{
        api.model,
        question.system,
        question.prompt,
        output_limit(question),
        config.temperature,
        asking->policy,
        question.stable_bytes};
    HttpRequest request;
    request.url = api.url;
    request.body = anthropic() ? anthropic_body(call) : openai_body(call);
    request.headers = {"content-type: application/json", "expect:"};
    if (anthropic()) {
        request.headers.push_back("anthropic-version: 2023-06-01");
        request.headers.push_back("x-api-key: " + api.key);
    } else if (!api.key.empty()) {
        request.headers.push_back("authorization: Bearer " + api.key);
    }
    if (!question.call_id.empty()) {
        request.headers.push_back("x-client-request-id: kwright-" + question.call_id);
    }
    request.connect_timeout_s = config.connect_timeout_s;
    request.total_timeout_s = config.timeout_s;
    request.idle_timeout_s = config.idle_timeout_s;
    request.on_stream = [asking](std::string_view piece) {
        asking->reader.feed(
            piece, [&](std::string_view data) { return asking->stream->take(data); });
        return !asking->reader.too_long();
    };
    return request;
}

Result<ModelAnswer> ModelClient::Impl::answer_of(const Asking& asking, const HttpOutcome& outcome) {
    Result<ChatAnswer> chat = outcome.streamed ? asking.stream->result()
                              : anthropic()    ? read_anthropic(outcome.body)
                                               : read_openai(outcome.body);
    if (!chat) {
        return std::move(chat).error();
    }
    ModelAnswer answer;
    answer.text =
        without_key(family.think_tags ? without_thinking(chat->text) : chat->text, api.key);
    answer.label = label();
    TokenCounts tokens{
        chat->tokens_in, chat->tokens_cached, chat->tokens_cache_new, chat->tokens_out};
    if (!chat->usage_known) {  // some local servers say nothing: charge the bound, never too little
        tokens = {prompt_bound(asking.call), 0, 0, output_limit(asking.call)};
    }
    answer.tokens_in = tokens.in;
    answer.tokens_cached = tokens.cached;
    answer.tokens_out = tokens.out;
    answer.usd_known = price.known();
    answer.usd = price.known() ? cost_usd(price, tokens) : 0;
    if (chat->cut_off) {
        answer.remark =
            "cut off at " + std::to_string(output_limit(asking.call)) + " output tokens";
    } else if (chat->refused) {
        answer.remark = "the model refused";
    }
    return answer;
}

std::string ModelClient::Impl::describe(const HttpOutcome& outcome) const {
    if (outcome.end != HttpEnd::answered) {
        return without_key_words(outcome.problem, api.key);
    }
    const std::string message = error_message(outcome.body);
    return without_key_words(
        "status " + std::to_string(outcome.status) + (message.empty() ? "" : ": " + message),
        api.key);
}

void ModelClient::Impl::heard(const Shared& asking, HttpOutcome outcome) {
    if (outcome.end == HttpEnd::cancelled) {
        return give_up(
            asking, {Errc::interrupted, "asking " + label() + ": stopped", ""}, outcome.sent);
    }
    Failure failure{describe(outcome), hint_for(outcome.status), worth_a_retry(outcome)};
    const bool complete = outcome.end == HttpEnd::answered;
    if (outcome.status == 200 && (complete || outcome.streamed)) {
        Result<ModelAnswer> answer = answer_of(*asking, outcome);
        if (answer) {
            return end(asking, {std::move(answer), false, {}});
        }
        if (complete) {
            failure = {without_key_words(answer.error().what, api.key), answer.error().hint, true};
        }
    }
    if (outcome.status == 400 && asking->adjusted < k_max_adjustments &&
        adjust_policy(outcome.body, asking->policy)) {
        policy = asking->policy;  // for the calls to come
        ++asking->adjusted;
        --asking->tries;
        return send(asking);
    }
    failed(asking, outcome, std::move(failure));
}

/// Tries again if time, tries and budget allow it.
void ModelClient::Impl::failed(const Shared& asking, const HttpOutcome& outcome, Failure failure) {
    const bool billed = may_be_billed(outcome);
    const double random = std::uniform_real_distribution<double>(0, 1)(jitter);
    const auto asked = asked_wait_s(outcome, clock.utc_ms());
    const double wait =
        asked ? *asked * (1 + k_spread * random) : backoff_s(asking->tries - 1, random);
    const double spent = as_seconds(clock.steady() - asking->begin - asking->in_queue);
    const bool late = spent + wait > config.retry_deadline_s;
    if (!failure.retry || stopping || asking->tries >= k_max_tries || late) {
        const std::string tries =
            asking->tries > 1 ? ", after " + std::to_string(asking->tries) + " tries" : "";
        return give_up(
            asking,
            {Errc::model, "asking " + label() + ": " + failure.problem + tries, failure.hint},
            billed);
    }
    if (billed && asking->meter != nullptr) {
        const auto id = asking->meter->pay_again();
        if (!id) {
            return give_up(
                asking,
                {Errc::model,
                 "asking " + label() + ": " + failure.problem +
                     "; the try may have been billed, and the budget allows no other",
                 "resume with a larger limit"},
                false);
        }
        asking->call.call_id = *id;
    }
    if (asking->on_retry) {
        asking->on_retry(failure.problem + "; next try in " + figure(wait, 1) + " s");
    }
    const nanoseconds now = clock.steady();
    http->at(this, now + seconds(wait), [this, asking, now] {
        asking->queued.emplace_back(now, clock.steady());
        queue(asking);
    });
}

void ModelClient::Impl::give_up(const Shared& asking, Error error, bool billed) {
    end(asking, {std::move(error), billed, {}});
}

void ModelClient::Impl::end(const Shared& asking, ModelEnd end) {
    end.queued = std::move(asking->queued);
    asking->done(std::move(end));
    const std::lock_guard guard(mutex);
    --in_flight;
    idle.notify_all();
}

ModelClient::ModelClient(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

ModelClient::~ModelClient() {
    cancel();
    std::unique_lock lock(impl_->mutex);
    impl_->idle.wait(lock, [&] { return impl_->in_flight == 0; });
}

Result<std::unique_ptr<ModelClient>> ModelClient::open(
    const std::string& kind,
    const std::string& model,
    const ModelConfig& config,
    Clock& clock,
    std::shared_ptr<HttpClient> http) {
    Api api{kind, "", model.empty() ? config.name : model, ""};
    if (api.model.empty()) {
        return Error{
            Errc::usage,
            "proposer " + kind + ": no model given",
            "write " + kind + ":MODEL or set model.name"};
    }
    const std::string prefix = kind == "anthropic" ? "ANTHROPIC" : "OPENAI";
    std::string base = config.base_url;
    if (base.empty()) {
        base = read_environment(config, prefix + "_BASE_URL").value_or("");
    }
    api.url = endpoint(kind, base);
    KW_TRY_ASSIGN(api.key, read_api_key(config, prefix + "_API_KEY", !base.empty()));
    auto impl = std::make_unique<Impl>(std::move(api), config, clock);
    impl->http = http ? std::move(http) : std::make_shared<HttpClient>(clock);
    return std::unique_ptr<ModelClient>(new ModelClient(std::move(impl)));
}

std::string ModelClient::label() const {
    return impl_->label();
}

Reservation ModelClient::worst_case(const ModelCall& call) const {
    const std::int64_t in = Impl::prompt_bound(call);
    const std::int64_t out = impl_->output_limit(call);
    const TokenCounts tokens{in, 0, impl_->anthropic() ? in : 0, out};
    return {impl_->price.known() ? cost_usd(impl_->price, tokens) : -1, in + out, 0};
}

void ModelClient::ask(ModelCall call, CallMeter* meter, OnRetry on_retry, Done done) {
    auto asking = std::make_shared<Asking>();
    asking->call = std::move(call);
    asking->meter = meter;
    asking->on_retry = std::move(on_retry);
    asking->done = std::move(done);
    asking->begin = impl_->clock.steady();
    {
        const std::lock_guard guard(impl_->mutex);
        ++impl_->in_flight;
    }
    // On the client's thread from the first step on.
    impl_->http->at(
        impl_.get(), asking->begin, [impl = impl_.get(), asking] { impl->queue(asking); });
}

Result<ModelAnswer> ModelClient::ask_and_wait(
    const ModelCall& call,
    CallMeter* meter,
    const OnRetry& on_retry,
    const std::atomic<int>& cancelled) {
    std::mutex mutex;
    std::condition_variable ended;
    std::optional<ModelEnd> end;
    ask(call, meter, on_retry, [&](ModelEnd result) {
        const std::lock_guard guard(mutex);
        end = std::move(result);
        ended.notify_all();
    });
    constexpr std::chrono::milliseconds look{20};  // a signal handler cannot notify
    std::unique_lock lock(mutex);
    while (!ended.wait_for(lock, look, [&] { return end.has_value(); })) {
        if (cancelled.load() > 0) {
            cancel();
        }
    }
    return std::move(end->answer);
}

void ModelClient::stop_retrying() {
    impl_->stopping = true;
    impl_->http->hurry(impl_.get());
}

void ModelClient::cancel() {
    impl_->stopping = true;
    impl_->http->cancel(impl_.get());
}

}  // namespace kw::agent
