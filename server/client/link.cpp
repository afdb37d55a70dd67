// SPDX-License-Identifier: Apache-2.0
#include "server/client/link.hpp"

#include "core/ascii.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace kw::server {
namespace {

constexpr std::size_t k_longest_id = 100;

using std::chrono::nanoseconds;

constexpr nanoseconds k_slice{200'000'000};
constexpr std::size_t k_most_message = 1000;

double seconds(nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

Error stopped() {
    return {Errc::interrupted, "waiting for the server: stopped", ""};
}

/// False: stopped.
bool rest(double how_long_s, const std::function<bool()>& stop, RetryWorld& world) {
    const double until = seconds(world.clock.steady()) + how_long_s;
    while (seconds(world.clock.steady()) < until) {
        if (stop && stop()) {
            return false;
        }
        world.clock.sleep(k_slice);
    }
    return true;
}

/// Exponential, with a part that tells clients apart without a random number: they would come back
/// all at once after a restart.
double backoff_s(const RetryRule& rule, int tries, Clock& clock) {
    const double most =
        std::min(rule.longest_wait_s, rule.first_wait_s * std::exp2(std::min(tries, 10)));
    const double jitter = static_cast<double>(clock.steady().count() % 997) / 997;
    return most * (1 - 0.5 * jitter);
}

double wait_s(const Result<ApiAnswer>& answer, const RetryRule& rule, int tries, Clock& clock) {
    const double own = backoff_s(rule, tries, clock);
    if (!answer || !answer->retry_after_s) {
        return own;
    }
    const double most = answer->status == 429 ? 300 : rule.longest_wait_s;
    return std::clamp(*answer->retry_after_s, own, std::max(own, most));
}

std::string plain(std::string text) {
    std::ranges::replace_if(
        text, [](char c) { return c < 0x20 || c == 0x7F; }, ' ');
    return text.size() <= k_most_message ? text : text.substr(0, k_most_message) + "...";
}

struct ServerWords {
    std::string kind, message, hint;
};

std::optional<ServerWords> words_of(const std::string& body) {
    const auto document = nlohmann::json::parse(body, nullptr, false);
    if (!document.is_object() || !document.contains("error") || !document["error"].is_object()) {
        return std::nullopt;
    }
    const auto& error = document["error"];
    const auto text = [&](const char* name) {
        return error.contains(name) && error[name].is_string()
                   ? plain(error[name].get<std::string>())
                   : std::string();
    };
    return ServerWords{text("kind"), text("message"), text("hint")};
}

std::string hint_for(long status) {
    switch (status) {
        case 401: return "set KWRIGHT_TOKEN, or evaluator.token_file";
        case 403: return "the token's scope does not allow this: see kwright serve token list";
        case 404: return "is this a Kernelwright server of this version? check evaluator.url";
        default: return "";
    }
}

}  // namespace

bool worth_another_try(long status) {
    return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 ||
           status == 503 || status == 504;
}

bool is_success(const ApiAnswer& answer) {
    return answer.status >= 200 && answer.status < 300;
}

Result<ApiAnswer> call_until_answered(
    ServerLink& link, const ApiCall& call, const RetryRule& rule, RetryWorld& world) {
    const double begin = seconds(world.clock.steady());
    for (int tries = 0;; ++tries) {
        auto answer = link.call(call);
        if (answer ? !worth_another_try(answer->status)
                   : answer.error().code != Errc::environment) {
            return answer;
        }
        const double pause = wait_s(answer, rule, tries, world.clock);
        if (seconds(world.clock.steady()) - begin + pause > rule.deadline_s) {
            return answer;
        }
        if (world.retry) {
            world.retry(
                answer ? "the server answers " + std::to_string(answer->status)
                       : answer.error().what);
        }
        if (!rest(pause, call.stop, world)) {
            return stopped();
        }
    }
}

bool is_plain_id(const std::string& id) {
    return !id.empty() && id.size() <= k_longest_id &&
           std::ranges::all_of(id, [](char c) { return is_word(c) || c == '-'; });
}

Error unreadable_answer(const std::string& doing, const std::string& what) {
    return {
        Errc::environment,
        doing + ": the server's answer cannot be read: " + what,
        "both sides must be of the same version of kwright"};
}

Error error_of(const ApiAnswer& answer, const std::string& doing) {
    const std::string status = std::to_string(answer.status);
    const auto words = words_of(answer.body);
    if (!words || words->message.empty()) {
        return {
            Errc::environment, doing + ": the server answers " + status, hint_for(answer.status)};
    }
    const bool ours = words->kind == "usage" || words->kind == "candidate";
    return {
        ours ? Errc::usage : Errc::environment,
        doing + ": " + words->message,
        words->hint.empty() ? hint_for(answer.status) : words->hint};
}

}  // namespace kw::server
