// SPDX-License-Identifier: Apache-2.0
// The HTTP proposers against a server on loopback. Waits are the fake clock's.
#include "agent/proposers/proposers.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_server.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <thread>

using namespace kw;
using namespace kw::agent;
using kw::test::contains;
using kw::test::FakeClock;
using kw::test::HttpAnswer;
using kw::test::HttpServer;
using kw::test::must;

namespace {

const std::string k_key = "sk-secret-0123456789";

const std::string k_openai_reply =
    R"({"model":"m","choices":[{"finish_reason":"stop","message":{"content":"hello"}}],
        "usage":{"prompt_tokens":1000,"completion_tokens":500}})";
const std::string k_anthropic_reply =
    R"({"content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn",
        "usage":{"input_tokens":1000,"output_tokens":500}})";

struct Setup {
    explicit Setup(std::vector<HttpAnswer> answers)
        : server(std::move(answers)) {
        models.base_url = server.url();
        models.usd_per_mtok_in = 3;
        models.usd_per_mtok_out = 15;
        models.max_output_tokens = 1000;
        models.environment = [](const std::string& name) -> std::optional<std::string> {
            return contains(name, "_API_KEY") ? std::optional<std::string>(k_key) : std::nullopt;
        };
    }

    Result<Reply> ask(const std::string& spec = "openai:m") {
        const Task task;
        const ProposerOptions options{
            clock, task, models, 1, 1, [this](const ProposeRequest&, const std::string& text) {
                retries.push_back(text);
            }};
        const auto proposer = must(make_proposer(spec, options));
        ProposeRequest request;
        request.system = "role";
        request.prompt = "question";
        return proposer->propose(request, cancelled);
    }

    FakeClock clock;
    HttpServer server;
    ModelConfig models;
    std::atomic<int> cancelled{0};
    std::vector<std::string> retries;
};

}  // namespace

TEST_CASE("api proposer: an answer comes with tokens and price") {
    Setup setup({{200, k_openai_reply, {}, 0, false, false}});
    const Reply reply = must(setup.ask());
    CHECK(reply.text == "hello");
    CHECK(reply.model == "openai:m");
    CHECK(reply.tokens_in == 1000);
    CHECK(reply.usd == Approx(0.003 + 0.0075));
    const auto requests = setup.server.requests();
    REQUIRE(requests.size() == 1);
    CHECK(contains(requests[0], "POST /chat/completions"));
    CHECK(contains(requests[0], "authorization: Bearer " + k_key));
}

TEST_CASE("api proposer: the messages API is spoken with its own headers") {
    Setup setup({{200, k_anthropic_reply, {}, 0, false, false}});
    CHECK(must(setup.ask("anthropic:claude-x")).text == "hello");
    const std::string request = setup.server.requests().front();
    CHECK(contains(request, "POST /v1/messages"));
    CHECK(contains(request, "x-api-key: " + k_key));
    CHECK(contains(request, "anthropic-version: 2023-06-01"));
}

TEST_CASE("api proposer: a 429 is tried again after the time the server asks for") {
    Setup setup(
        {{429, R"({"error":{"message":"slow down"}})", {"Retry-After: 7"}, 0, false, false},
         {200, k_openai_reply, {}, 0, false, false}});
    CHECK(must(setup.ask()).text == "hello");
    CHECK(setup.clock.slept_s() >= 7);
    CHECK(setup.clock.slept_s() < 8);
    REQUIRE(setup.retries.size() == 1);
    CHECK(contains(setup.retries[0], "slow down"));
}

TEST_CASE("api proposer: server errors truncated bodies and dropped connections are tried again") {
    const std::string half = k_openai_reply.substr(0, k_openai_reply.size() / 2);
    Setup setup(
        {{500, "oops", {}, 0, false, false},
         {200, half, {}, 100, false, false},
         {200, half, {}, 0, false, false},
         {200, "", {}, 0, false, true},
         {200, k_openai_reply, {}, 0, false, false}});
    CHECK(must(setup.ask()).text == "hello");
    CHECK(setup.retries.size() == 4);
    CHECK(setup.clock.slept_s() > 1 + 2 + 4 + 8 - 0.1);
}

TEST_CASE("api proposer: it gives up after its tries and within its deadline") {
    Setup setup({{503, "", {}, 0, false, false}});
    const auto result = setup.ask();
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::model);
    CHECK(setup.server.requests().size() == 8);
    Setup impatient({{429, "", {"retry-after: 100000"}, 0, false, false}});
    CHECK_FALSE(impatient.ask().ok());
    CHECK(impatient.clock.slept_s() == 0);
}

TEST_CASE("api proposer: a wrong key or request is not tried again") {
    for (const int status : {400, 401, 403, 404}) {
        Setup setup(
            {{status,
              R"({"error":{"message":"bad key )" + k_key + R"( sk-secre***789"}})",
              {},
              0,
              false,
              false}});
        const auto result = setup.ask();
        REQUIRE_FALSE(result.ok());
        CHECK(setup.server.requests().size() == 1);
        CHECK(result.error().code == Errc::model);
        CHECK_FALSE(contains(result.error().what, "sk-secre"));
        CHECK_FALSE(result.error().hint.empty());
    }
    Setup quota({{429, R"({"error":{"code":"insufficient_quota"}})", {}, 0, false, false}});
    CHECK_FALSE(quota.ask().ok());
    CHECK(quota.server.requests().size() == 1);
}

TEST_CASE("api proposer: a parameter that the server refuses is exchanged") {
    Setup setup(
        {{400,
          R"({"error":{"message":"max_tokens: use max_completion_tokens"}})",
          {},
          0,
          false,
          false},
         {200, k_openai_reply, {}, 0, false, false}});
    CHECK(must(setup.ask()).text == "hello");
    const auto requests = setup.server.requests();
    REQUIRE(requests.size() == 2);
    CHECK(contains(requests[0], "\"max_tokens\""));
    CHECK(contains(requests[1], "\"max_completion_tokens\""));
}

TEST_CASE("api proposer: a slow server is left at once when the user stops") {
    Setup setup({{200, "", {}, 0, true, false}});
    std::thread user([&] {
        while (!setup.server.someone_waits()) {
            std::this_thread::yield();
        }
        setup.cancelled = 1;
    });
    const auto result = setup.ask();
    user.join();
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::interrupted);
}

TEST_CASE("api proposer: a server that never answers meets the time limit") {
    Setup setup({{200, "", {}, 0, true, false}});
    setup.models.timeout_s = 0.05;
    setup.models.retry_deadline_s = 0;
    const auto result = setup.ask();
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::model);
}

TEST_CASE("api proposer: cut off and refused answers are remarked") {
    Setup cut(
        {{200,
          R"({"choices":[{"finish_reason":"length","message":{"content":"x"}}]})",
          {},
          0,
          false,
          false}});
    const Reply reply = must(cut.ask());
    CHECK(contains(reply.remark, "cut off"));
    CHECK(reply.tokens_out == 1000);  // no usage told: the bound is charged
    CHECK(reply.usd > 0);
    Setup refused(
        {{200, R"({"choices":[{"message":{"content":"","refusal":"no"}}]})", {}, 0, false, false}});
    CHECK(contains(must(refused.ask()).remark, "refused"));
}

TEST_CASE("api proposer: the worst case bounds every call and is unknown without prices") {
    Setup setup({{200, k_openai_reply, {}, 0, false, false}});
    const Task task;
    ProposeRequest request;
    request.prompt = std::string(10'000, 'x');
    const auto known = must(make_proposer("openai:m", {setup.clock, task, setup.models, 1, 1, {}}));
    CHECK(known->worst_case_tokens(request) >= 11'000);
    CHECK(known->worst_case_usd(request) >= (10'000 * 3 + 1000 * 15) * 1e-6);
    setup.models.usd_per_mtok_out = -1;
    const auto unknown =
        must(make_proposer("openai:m", {setup.clock, task, setup.models, 1, 1, {}}));
    CHECK(unknown->worst_case_usd(request) < 0);
}

TEST_CASE("proposers: wrong specifications are usage errors with a hint") {
    FakeClock clock;
    const Task task;
    ModelConfig models;
    models.environment = [](const std::string&) {
        return std::optional<std::string>();
    };
    const ProposerOptions options{clock, task, models, 1, 1, {}};
    for (const char* spec : {"opnai:m", "openai:", "exchange:", "command:", "", "tune"}) {
        INFO(spec);
        const auto result = make_proposer(spec, options);
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == Errc::usage);
        CHECK_FALSE(result.error().hint.empty());
    }
    const auto no_key = make_proposer("anthropic:m", options);
    REQUIRE_FALSE(no_key.ok());
    CHECK(no_key.error().code == Errc::environment);
}
