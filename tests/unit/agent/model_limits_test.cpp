// SPDX-License-Identifier: Apache-2.0
// When a model call may be sent, is tried again, and what it costs: pure functions.
#include "agent/models/model_family.hpp"
#include "agent/models/model_price.hpp"
#include "agent/models/rate_limit.hpp"
#include "agent/models/retry.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <algorithm>
#include <random>

using namespace kw;
using namespace kw::agent;
using kw::test::contains;
using kw::test::must;
using std::chrono::nanoseconds;
using std::chrono::seconds;

namespace {

HttpOutcome status(long code) {
    HttpOutcome outcome;
    outcome.end = HttpEnd::answered;
    outcome.status = code;
    outcome.sent = true;
    return outcome;
}

std::optional<double> asked(const std::string& retry_after, std::int64_t utc_ms = 0) {
    HttpOutcome outcome = status(429);
    outcome.retry_after = retry_after;
    return asked_wait_s(outcome, utc_ms);
}

}  // namespace

TEST_CASE("retry: Retry-After is read as seconds milliseconds or an HTTP date") {
    CHECK(asked("7") == 7.0);
    CHECK(asked("0.5") == 0.5);
    const std::int64_t now = 784'111'777'000;  // Sun, 06 Nov 1994 08:49:37 GMT
    CHECK(asked("Sun, 06 Nov 1994 08:49:47 GMT", now) == 10.0);
    CHECK(asked("Sun, 06 Nov 1994 08:49:07 GMT", now) == 0.0);
    for (const char* odd :
         {"",
          "soon",
          "-3",
          "nan",
          "inf",
          "7 s",
          "Sun, 99 Nov 1994 08:49:37 GMT",
          "Sun, 06 Foo 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 CET",
          "Sun, 06 Nov 1994",
          "Sunday, 06-Nov-94 08:49:37 GMT"}) {
        INFO(odd);
        CHECK_FALSE(asked(odd, now));
    }
    HttpOutcome precise = status(429);
    precise.retry_after = "2";
    precise.retry_after_ms = "1250";
    CHECK(asked_wait_s(precise, now) == 1.25);
    CHECK_FALSE(asked_wait_s(status(429), now));
}

TEST_CASE("retry: waits double to a minute and jitter takes at most a half") {
    CHECK(backoff_s(0, 0) == 2);
    CHECK(backoff_s(1, 0) == 4);
    CHECK(backoff_s(100, 0) == 60);
    CHECK(backoff_s(0, 0.999) >= 1);
}

TEST_CASE("retry: what may have been billed is what may have been answered") {
    CHECK(may_be_billed(status(200)));
    for (const long code : {400L, 401L, 404L, 429L, 500L, 502L, 503L, 529L}) {
        CHECK_FALSE(may_be_billed(status(code)));
    }
    for (const long code : {408L, 504L, 524L}) {
        CHECK(may_be_billed(status(code)));
    }
    HttpOutcome broken;
    CHECK_FALSE(may_be_billed(broken));  // nothing left
    broken.sent = true;
    CHECK(may_be_billed(broken));
    HttpOutcome page = status(200);
    page.body = "\n<!doctype html>";
    CHECK_FALSE(may_be_billed(page));
}

TEST_CASE("rate limit: no minute sees more than the limit and no call waits for nothing") {
    std::minstd_rand random(11);
    for (const double limit : {1.0, 3.0, 10.0, 60.0, 500.0}) {
        TokenBucket bucket(limit);
        nanoseconds now{0};
        std::vector<double> sent;  // seconds
        for (int i = 0; i < 400; ++i) {
            now += std::chrono::milliseconds(random() % 2 == 0 ? 0 : random() % 4000);
            const nanoseconds when = bucket.take(now, 1);
            CHECK(when >= now);
            sent.push_back(std::chrono::duration<double>(when).count());
        }
        CHECK(std::ranges::is_sorted(sent));
        for (std::size_t i = 0; i < sent.size(); ++i) {
            std::size_t in_minute = 0;
            while (i + in_minute < sent.size() && sent[i + in_minute] < sent[i] + 60) {
                ++in_minute;
            }
            REQUIRE(static_cast<double>(in_minute) <= limit);
        }
        const double pace = static_cast<double>(sent.size()) / (sent.back() - sent.front()) * 60;
        INFO("limit " << limit << " pace " << pace);
        if (limit <= 10) {  // the queue was never empty
            CHECK(pace > 0.85 * limit);
        }
    }
    TokenBucket none(0);
    CHECK(none.take(seconds(5), 1e9) == seconds(5));
}

TEST_CASE("rate limit: a call larger than the bucket goes and the next one pays for it") {
    TokenBucket bucket(6000);  // holds 600, gets 90 a second
    CHECK(bucket.take(seconds(0), 1500) == seconds(0));
    const nanoseconds next = bucket.take(seconds(0), 90);
    CHECK(next >= seconds(10));
    CHECK(next <= seconds(12));
    RateLimit both(60, 6000);
    CHECK(both.take(seconds(0), 1500) == seconds(0));
    CHECK(both.take(seconds(0), 90) >= seconds(10));
}

TEST_CASE("price: cached tokens cost what is said and new ones of the cache a quarter more") {
    const ModelPrice price{4, 20, 0.4};
    CHECK(cost_usd(price, {1'000'000, 0, 0, 0}) == Approx(4));
    CHECK(cost_usd(price, {1'000'000, 500'000, 250'000, 100'000}) == Approx(1 + 0.2 + 1.25 + 2));
    CHECK(cost_usd({4, 20, -1}, {1'000'000, 500'000, 0, 0}) == Approx(4));
}

TEST_CASE("price: a list of prices is read and mistakes are named") {
    const auto prices = must(parse_prices("openai:a=3/15, vendor/b=0.25/2/0.025,"));
    REQUIRE(prices.size() == 2);
    CHECK(prices.at("openai:a").out == 15);
    CHECK(prices.at("openai:a").cached < 0);
    CHECK(prices.at("vendor/b").cached == 0.025);
    CHECK(must(parse_prices("")).empty());
    for (const char* wrong :
         {"a", "a=", "a=1", "a=1/2/3/4", "a=1/x", "=1/2", "a=-1/2", "a=1/nan"}) {
        INFO(wrong);
        const auto result = parse_prices(wrong);
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == Errc::config);
        CHECK(contains(result.error().what, "model.prices"));
    }
}

TEST_CASE("families: the table ends with every model and the documentation shows it") {
    CHECK(model_families().back().prefix.empty());
    const std::string docs =
        test::read_text(std::filesystem::path(KW_SOURCE_DIR) / "docs/models.md");
    for (const ModelFamily& family : model_families()) {
        if (!family.prefix.empty()) {
            CHECK(contains(docs, "`" + std::string(family.prefix) + "`"));
        }
    }
    CHECK(family_of("openai/O3-mini").token_field == TokenField::max_completion_tokens);
    CHECK(family_of("Qwen3-Coder").think_tags);
    CHECK(family_of("anything").temperature);
}

TEST_CASE("families: what a server refuses is changed one thing at a time") {
    ParameterPolicy policy;
    CHECK(adjust_policy("unknown field: stream_options", policy));
    CHECK_FALSE(policy.stream_usage);
    CHECK(policy.stream);
    CHECK(adjust_policy("stream is not supported", policy));
    CHECK_FALSE(policy.stream);
    CHECK(adjust_policy("cache_control: extra field", policy));
    CHECK_FALSE(policy.cache_marks);
    CHECK_FALSE(adjust_policy("context length exceeded", policy));
}
