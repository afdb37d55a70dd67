// SPDX-License-Identifier: Apache-2.0
#include "server/client/link.hpp"

#include "server/client/queue_load.hpp"
#include "tests/unit/server_client/fakes.hpp"

using namespace kw;
using namespace kw::server;
using namespace kw::test;

namespace {

/// The answers in order, the last one for ever.
FakeLink scripted(std::vector<Result<ApiAnswer>> answers) {
    return FakeLink([answers = std::move(answers), at = std::size_t{0}](const ApiCall&) mutable {
        return answers[std::min(at++, answers.size() - 1)];
    });
}

}  // namespace

TEST_CASE("link: a server that restarts is asked again until it answers", "[server]") {
    LeapClock clock;
    FakeLink link =
        scripted({no_connection(), no_connection(), answer(503), answer(502), answer(200)});
    std::vector<std::string> told;
    RetryWorld world{clock, [&](const std::string& why) {
                         told.push_back(why);
                     }};
    const auto got = call_until_answered(link, {}, {}, world);
    REQUIRE(got);
    CHECK(got->status == 200);
    CHECK(link.calls.size() == 5);
    REQUIRE(told.size() == 4);
    CHECK(told[2] == "the server answers 503");
    CHECK(clock.seconds() < 20);
}

TEST_CASE("link: refusals are answers, not reasons to ask again", "[server]") {
    for (const long status : {400, 401, 403, 404, 405, 409, 410, 413, 422, 501, 301, 302}) {
        LeapClock clock;
        FakeLink link = scripted({answer(status)});
        RetryWorld world{clock, {}};
        CHECK(call_until_answered(link, {}, {}, world)->status == status);
        CHECK(link.calls.size() == 1);
    }
}

TEST_CASE("link: the deadline ends it with what was wrong last", "[server]") {
    LeapClock clock;
    FakeLink link = scripted({no_connection()});
    RetryWorld world{clock, {}};
    const double begin = clock.seconds();
    const auto got = call_until_answered(link, {}, {60, 0.5, 15}, world);
    REQUIRE(!got);
    CHECK(got.error().code == Errc::environment);
    CHECK(clock.seconds() - begin <= 61);
    CHECK(link.calls.size() > 4);
    CHECK(link.calls.size() < 60);
}

TEST_CASE("link: Retry-After is kept and cannot hold a client for ever", "[server]") {
    LeapClock clock;
    ApiAnswer busy{429, "", 100.0};
    FakeLink link = scripted({busy, answer(200)});
    RetryWorld world{clock, {}};
    double begin = clock.seconds();
    REQUIRE(call_until_answered(link, {}, {}, world));
    CHECK(clock.seconds() - begin >= 100);

    for (const double seconds : {1e9, 1e300}) {
        FakeLink hostile = scripted({ApiAnswer{503, "", seconds}, answer(200)});
        begin = clock.seconds();
        REQUIRE(call_until_answered(hostile, {}, {}, world));
        CHECK(clock.seconds() - begin <= 16);
    }
}

TEST_CASE("link: a stop ends the waiting at once", "[server]") {
    LeapClock clock;
    FakeLink link = scripted({no_connection()});
    bool stopped = false;
    clock.on_sleep = [&] {
        stopped = true;
    };
    RetryWorld world{clock, {}};
    ApiCall call;
    call.stop = [&] {
        return stopped;
    };
    const auto got = call_until_answered(link, call, {}, world);
    REQUIRE(!got);
    CHECK(got.error().code == Errc::interrupted);
    CHECK(link.calls.size() == 1);
}

TEST_CASE("link: the server's own words make the error", "[server]") {
    const Error error = error_of(
        answer(
            400,
            R"({"error":{"kind":"usage","message":"there is no task 'x'","hint":"see /v1/tasks"}})"),
        "asking for a judgement");
    CHECK(error.code == Errc::usage);
    CHECK(error.what == "asking for a judgement: there is no task 'x'");
    CHECK(error.hint == "see /v1/tasks");
    CHECK(
        error_of(answer(429, R"({"error":{"kind":"limit","message":"queue full"}})"), "x").code ==
        Errc::environment);
}

TEST_CASE("link: hostile answers make an error of one short line", "[server]") {
    const std::string long_text(100'000, 'a');
    for (const std::string& body :
         {std::string("{"),
          std::string("[]"),
          std::string("{\"error\":7}"),
          std::string("{\"error\":{\"message\":[1]}}"),
          "{\"error\":{\"message\":\"" + long_text + "\"}}",
          std::string("{\"error\":{\"message\":\"\\u001b[31mred\\nline\"}}"),
          std::string("\xff\xfe"),
          std::string(200'000, '[')}) {
        const Error error = error_of(answer(500, body), "asking");
        CHECK(error.what.size() < 1100);
        CHECK(error.what.find_first_of("\n\x1b") == std::string::npos);
        CHECK(error.code == Errc::environment);
    }
}

TEST_CASE("queue load: read from the answer, and said when it is not there", "[server]") {
    FakeLink link = scripted({answer(200, R"({"schema":"x","queued":12,"leased":3})")});
    const auto queue = ask_queue(link);
    REQUIRE(queue);
    CHECK(queue->waiting == 12);
    CHECK(queue->leased == 3);
    CHECK(link.calls[0].path == "/v1/queue");
    for (const std::string body :
         {"{}",
          "[]",
          "x",
          R"({"queued":-1,"leased":0})",
          R"({"queued":"1","leased":0})",
          R"({"queued":1})"}) {
        FakeLink hostile = scripted({answer(200, body)});
        INFO(body);
        CHECK(!ask_queue(hostile));
    }
    FakeLink refused = scripted({answer(401)});
    CHECK(ask_queue(refused).error().hint.find("KWRIGHT_TOKEN") != std::string::npos);
}
