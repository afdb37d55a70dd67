// SPDX-License-Identifier: Apache-2.0
// The client of chat APIs against a server that plays every way to misbehave. Waits between tries
// are the fake clock's.
#include "agent/models/model_client.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/http_server.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <nlohmann/json.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

using namespace kw;
using namespace kw::agent;
using kw::test::contains;
using kw::test::event_stream;
using kw::test::FakeClock;
using kw::test::HttpAnswer;
using kw::test::HttpServer;
using kw::test::must;

namespace {

const std::string k_key = "sk-secret-0123456789";

const std::string k_body =
    R"({"model":"m","choices":[{"finish_reason":"stop","message":{"content":"hello"}}],
        "usage":{"prompt_tokens":1000,"completion_tokens":500}})";

std::vector<std::string> deltas(const std::vector<std::string>& texts) {
    std::vector<std::string> data;
    for (const std::string& text : texts) {
        data.push_back(
            nlohmann::json({{"choices", {{{"index", 0}, {"delta", {{"content", text}}}}}}}).dump());
    }
    return data;
}

HttpAnswer good_stream(const std::vector<std::string>& texts = {"hel", "lo"}) {
    std::vector<std::string> data = deltas(texts);
    data.push_back(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
    data.push_back(R"({"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500}})");
    data.push_back("[DONE]");
    return event_stream(data);
}

HttpAnswer plain(int status, const std::string& body, std::vector<std::string> headers = {}) {
    HttpAnswer answer;
    answer.status = status;
    answer.body = body;
    answer.headers = std::move(headers);
    return answer;
}

/// Counts what is paid.
struct Purse final : CallMeter {
    std::optional<std::string> pay_again() override {
        return ++paid <= allowed ? std::optional<std::string>(std::to_string(paid)) : std::nullopt;
    }
    int paid = 0;
    int allowed = 100;
};

struct Setup {
    explicit Setup(std::vector<HttpAnswer> answers)
        : server(std::move(answers)) {
        config.base_url = server.url();
        config.prices = {{"m", {3, 15, 0.3}}};
        config.max_output_tokens = 1000;
        config.environment = [](const std::string& name) -> std::optional<std::string> {
            return contains(name, "_API_KEY") ? std::optional<std::string>(k_key) : std::nullopt;
        };
    }

    Result<ModelAnswer> ask(const std::string& kind = "openai", ModelCall call = {}) {
        client = must(ModelClient::open(kind, "m", config, clock, nullptr));
        call.system = "role";
        call.prompt = call.prompt.empty() ? "question" : call.prompt;
        call.call_id = "1-2-3";
        std::mutex mutex;
        std::condition_variable arrived;
        std::optional<ModelEnd> end;
        client->ask(
            call,
            &purse,
            [this](const std::string& text) { retries.push_back(text); },
            [&](ModelEnd result) {
                const std::lock_guard guard(mutex);
                end = std::move(result);
                arrived.notify_all();
            });
        std::unique_lock lock(mutex);
        arrived.wait(lock, [&] { return end.has_value(); });
        billed = end->may_be_billed;
        return std::move(end->answer);
    }

    FakeClock clock;
    HttpServer server;
    ModelConfig config;
    Purse purse;
    std::vector<std::string> retries;
    bool billed = false;
    std::unique_ptr<ModelClient> client;
};

}  // namespace

TEST_CASE("model client: a stream is an answer with tokens and price") {
    Setup setup({good_stream()});
    const ModelAnswer answer = must(setup.ask());
    CHECK(answer.text == "hello");
    CHECK(answer.label == "openai:m");
    CHECK(answer.tokens_in == 1000);
    CHECK(answer.usd == Approx(0.003 + 0.0075));
    CHECK(setup.purse.paid == 0);
    const std::string request = setup.server.requests().front();
    CHECK(contains(request, "\"stream\":true"));
    CHECK(contains(request, "\"include_usage\":true"));
    CHECK(contains(request, "x-client-request-id: kwright-1-2-3"));
}

TEST_CASE("model client: a whole body where a stream was asked for is an answer too") {
    Setup setup({plain(200, k_body, {"content-type: application/json"})});
    CHECK(must(setup.ask()).text == "hello");
    setup.config.stream = false;
    CHECK(must(setup.ask()).text == "hello");
    CHECK_FALSE(contains(setup.server.requests().back(), "\"stream\""));
}

TEST_CASE("model client: an Anthropic stream is read and its stable prefix marked for the cache") {
    HttpAnswer stream = event_stream(
        {R"({"type":"message_start","message":{"usage":{"input_tokens":10,)"
         R"("cache_read_input_tokens":90,"output_tokens":1}}})",
         R"({"type":"content_block_delta","delta":{"type":"text_delta","text":"hello"}})",
         R"({"type":"message_delta","delta":{"stop_reason":"max_tokens"},)"
         R"("usage":{"output_tokens":9}})",
         R"({"type":"message_stop"})"});
    Setup setup({stream});
    ModelCall call;
    call.prompt = "stable\nnew";
    call.stable_bytes = 7;
    const ModelAnswer answer = must(setup.ask("anthropic", call));
    CHECK(answer.text == "hello");
    CHECK(answer.tokens_in == 100);
    CHECK(answer.tokens_cached == 90);
    CHECK(answer.usd == Approx((10 * 3 + 90 * 0.3 + 9 * 15) * 1e-6));
    CHECK(contains(answer.remark, "cut off"));
    const std::string request = setup.server.requests().front();
    const auto body = nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4));
    CHECK(body["system"][0]["cache_control"]["type"] == "ephemeral");
    const auto& content = body["messages"][0]["content"];
    REQUIRE(content.size() == 2);
    CHECK(content[0]["text"] == "stable\n");
    CHECK(content[0]["cache_control"]["type"] == "ephemeral");
    CHECK(content[1]["text"] == "new");
    CHECK_FALSE(content[1].contains("cache_control"));
}

TEST_CASE("model client: overload and server errors are tried again and cost nothing") {
    Setup setup(
        {plain(429, "{}", {"Retry-After: 7"}),
         plain(429, R"({"error":{"message":"slow down"}})"),
         plain(500, "oops"),
         plain(503, ""),
         good_stream()});
    CHECK(must(setup.ask()).text == "hello");
    CHECK(setup.retries.size() == 4);
    CHECK(setup.purse.paid == 0);
    CHECK(setup.clock.slept_s() >= 7 + 2 + 4 + 8);
}

TEST_CASE("model client: Retry-After as a date is waited for") {
    // The fake clock begins at 2023-11-14T22:13:20Z.
    Setup setup({plain(429, "{}", {"Retry-After: Tue, 14 Nov 2023 22:13:32 GMT"}), good_stream()});
    CHECK(must(setup.ask()).text == "hello");
    CHECK(setup.clock.slept_s() >= 11.9);
    CHECK(setup.clock.slept_s() < 13.5);
}

TEST_CASE("model client: what may have been billed is paid again before the next try") {
    HttpAnswer half = plain(200, k_body.substr(0, 60));
    half.promised_extra = 100;
    HttpAnswer reset = good_stream();
    reset.body.resize(reset.body.size() / 3);
    reset.reset = true;
    HttpAnswer cut = event_stream(deltas({"hel"}));
    HttpAnswer drop;
    drop.drop = true;
    const std::vector<std::pair<const char*, HttpAnswer>> broken = {
        {"half a body", half},
        {"bad JSON", plain(200, k_body.substr(0, 60))},
        {"an empty choice", plain(200, R"({"choices":[{}]})")},
        {"no choices", plain(200, R"({"choices":[]})")},
        {"another content type", plain(200, "hello", {"content-type: text/plain"})},
        {"a gateway's time-out", plain(504, "")},
        {"a stream that was cut", cut},
        {"a connection that was reset", reset},
        {"an error within the stream",
         event_stream({R"({"error":{"message":"overloaded","type":"x"}})"})},
        {"a stream of something else", event_stream({"hello"})},
        {"a dropped connection", drop}};
    for (const auto& [name, answer] : broken) {
        INFO(name);
        Setup setup({answer, good_stream()});
        CHECK(must(setup.ask()).text == "hello");
        CHECK(setup.retries.size() == 1);
        CHECK(setup.purse.paid == 1);
        const auto requests = setup.server.requests();
        REQUIRE(requests.size() == 2);
        CHECK(contains(requests[1], "x-client-request-id: kwright-1\r\n"));

        Setup poor({answer, good_stream()});
        poor.purse.allowed = 0;
        const auto refused = poor.ask();
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().code == Errc::model);
        CHECK(contains(refused.error().what, "budget"));
        CHECK_FALSE(poor.billed);  // it is charged already
        CHECK(poor.server.requests().size() == 1);
    }
}

TEST_CASE("model client: a web page in the answer's place is tried again and free") {
    Setup setup({plain(200, "<html>log in</html>", {"content-type: text/html"}), good_stream()});
    CHECK(must(setup.ask()).text == "hello");
    CHECK(setup.purse.paid == 0);
}

TEST_CASE("model client: an empty answer counts and is not asked again") {
    Setup setup({plain(200, R"({"choices":[{"finish_reason":"stop","message":{"content":""}}],
        "usage":{"prompt_tokens":10,"completion_tokens":0}})")});
    const ModelAnswer answer = must(setup.ask());
    CHECK(answer.text.empty());
    CHECK(answer.tokens_in == 10);
    CHECK(setup.server.requests().size() == 1);
}

TEST_CASE("model client: a slow drip is an answer as long as its time lasts") {
    HttpAnswer drip = good_stream();
    drip.drip = 40;
    Setup setup({drip});
    CHECK(must(setup.ask()).text == "hello");
    HttpAnswer slower = good_stream(std::vector<std::string>(300, "x"));
    slower.drip = 4;
    Setup late({slower});
    late.config.timeout_s = 0.1;
    late.config.retry_deadline_s = 0;
    const auto result = late.ask();
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::model);
    CHECK(late.billed);
}

TEST_CASE("model client: streams and bodies without end meet a limit") {
    HttpAnswer stream = event_stream(deltas({std::string(50'000, 'x')}));
    stream.endless = true;
    HttpAnswer body = plain(200, std::string(100'000, ' '));
    body.endless = true;
    HttpAnswer line = event_stream({});
    line.body = "data: " + std::string(100'000, 'x');
    line.endless = true;
    for (const HttpAnswer& answer : {stream, body, line}) {
        Setup setup({answer});
        setup.config.retry_deadline_s = 0;
        const auto result = setup.ask();
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == Errc::model);
        CHECK(contains(result.error().what, "longer than allowed"));
        CHECK(setup.billed);
    }
}

TEST_CASE("model client: it gives up after its tries") {
    Setup setup({plain(503, "")});
    const auto result = setup.ask();
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::model);
    CHECK(contains(result.error().what, "after 8 tries"));
    CHECK_FALSE(setup.billed);
    CHECK(setup.server.requests().size() == 8);
    Setup nobody({plain(200, "")});
    nobody.config.base_url = "http://127.0.0.1:1";  // nothing listens
    const auto refused = nobody.ask();
    REQUIRE_FALSE(refused.ok());
    CHECK_FALSE(nobody.billed);
    CHECK(nobody.purse.paid == 0);
}

TEST_CASE("model client: the key is in no text that leaves it, also when it comes in pieces") {
    Setup setup({good_stream({"your key is " + k_key.substr(0, 9), k_key.substr(9) + "!"})});
    CHECK(must(setup.ask()).text == "your key is [key]!");
    Setup error({event_stream(
        {R"({"error":{"message":"bad key )" + k_key + R"(","type":"sk-secre***789"}})"})});
    error.config.retry_deadline_s = 0;
    const auto result = error.ask();
    REQUIRE_FALSE(result.ok());
    CHECK(contains(result.error().what, "bad key [key]"));
    CHECK_FALSE(contains(result.error().what, "sk-secre"));
}

TEST_CASE("model client: calls are in flight together and all are cancelled at once") {
    HttpAnswer hang;
    hang.hang = true;
    HttpServer server({hang});
    ModelConfig config;
    config.base_url = server.url();
    config.environment = [](const std::string&) {
        return std::optional<std::string>();
    };
    constexpr int k_calls = 16;
    std::atomic<int> interrupted{0};
    std::atomic<int> billed{0};
    {
        const auto client = must(ModelClient::open("openai", "m", config, system_clock(), nullptr));
        for (int i = 0; i < k_calls; ++i) {
            client->ask({"", "q", 0, "", 0}, nullptr, {}, [&](ModelEnd end) {
                interrupted += !end.answer && end.answer.error().code == Errc::interrupted;
                billed += end.may_be_billed;
            });
        }
        while (server.most_at_once() < k_calls) {
            std::this_thread::yield();
        }
        client->cancel();
    }  // waits for all of them
    CHECK(interrupted == k_calls);
    CHECK(billed == k_calls);
}

TEST_CASE("model client: a call that waits for the rate limit is cancelled and free") {
    HttpServer server({good_stream()});
    ModelConfig config;
    config.base_url = server.url();
    config.requests_per_minute = 1;
    config.environment = [](const std::string&) {
        return std::optional<std::string>();
    };
    std::atomic<int> answers{0};
    std::atomic<int> free{0};
    {
        const auto client = must(ModelClient::open("openai", "m", config, system_clock(), nullptr));
        for (int i = 0; i < 4; ++i) {
            client->ask({"", "q", 0, "", 0}, nullptr, {}, [&](ModelEnd end) {
                answers += end.answer.ok();
                free += !end.answer.ok() && !end.may_be_billed;
            });
        }
        while (answers == 0) {
            std::this_thread::yield();
        }
    }
    CHECK(answers == 1);
    CHECK(free == 3);
    CHECK(server.requests().size() == 1);
}

TEST_CASE("model client: the rate limit spaces calls and says how long they stood in its queue") {
    HttpAnswer answer = plain(200, k_body);
    HttpServer server({answer});
    FakeClock clock;
    ModelConfig config;
    config.base_url = server.url();
    config.requests_per_minute = 6;
    config.environment = [](const std::string&) {
        return std::optional<std::string>();
    };
    double queued_s = 0;
    int good = 0;
    {
        const auto client = must(ModelClient::open("openai", "m", config, clock, nullptr));
        std::atomic<int> done{0};
        for (int i = 0; i < 3; ++i) {
            client->ask({"", "q", 0, "", 0}, nullptr, {}, [&](ModelEnd end) {
                good += end.answer.ok() ? 1 : 0;
                for (const auto& [from, to] : end.queued) {
                    queued_s += std::chrono::duration<double>(to - from).count();
                }
                ++done;
            });
        }
        while (done < 3) {
            std::this_thread::yield();
        }
    }
    CHECK(clock.slept_s() >= 2 * 60 / 5.5);
    CHECK(good == 3);
    // The third may be asked for only when the second has had its turn.
    CHECK(queued_s >= 2 * 60 / 5.5);
}
