// SPDX-License-Identifier: Apache-2.0
#include "core/event.hpp"

#include "core/clock.hpp"
#include "tests/unit/core/support.hpp"

using namespace kw;

TEST_CASE("clock: iso8601 prints milliseconds in UTC", "[core]") {
    CHECK(iso8601(0) == "1970-01-01T00:00:00.000Z");
    CHECK(iso8601(951782400123) == "2000-02-29T00:00:00.123Z");
    CHECK(iso8601(1795345441201) == "2026-11-22T11:04:01.201Z");
    CHECK(iso8601(-1) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("clock: the system clock is monotonic and in this century", "[core]") {
    Clock& clock = system_clock();
    const auto first = clock.steady();
    CHECK(clock.steady() >= first);
    CHECK(iso8601(clock.utc_ms()).substr(0, 2) == "20");
}

TEST_CASE("event: an empty event says its schema and type and no more", "[core]") {
    CHECK(
        to_json_line(Event{}) ==
        R"({"schema":"kwright.event/1","t":"1970-01-01T00:00:00.000Z","type":"stage"})");
}

TEST_CASE("event: a judged event carries every field that is set", "[core]") {
    Event event;
    event.type = EventType::judged;
    event.utc_ms = 1795345441201;
    event.campaign = "gemv-a";
    event.task = "w4a16_gemv";
    event.eval = 0;
    event.max_evals = 40;
    event.step = 0;
    event.slot = 2;
    event.candidate = "7f";
    event.parent = "1c";
    event.verdict = Verdict::accepted;
    event.speedup = Ratio{2.5, 2.25, 2.75};
    event.best_speedup = Ratio{3, 2.5, 3.5};
    event.usd = 0.25;
    event.tokens_in = 5120;
    event.tokens_out = 1890;
    event.seconds = 1.5;
    event.text = "new best";
    CHECK(
        to_json_line(event) ==
        R"({"schema":"kwright.event/1","t":"2026-11-22T11:04:01.201Z","type":"judged",)"
        R"("campaign":"gemv-a","task":"w4a16_gemv","eval":0,"max_evals":40,"step":0,"slot":2,)"
        R"("candidate":"7f","parent":"1c","verdict":"AC","verdict_name":"accepted",)"
        R"("speedup":2.5,"ci95":[2.25,2.75],"best_speedup":3.0,"best_ci95":[2.5,3.5],)"
        R"("usd":0.25,"tokens":{"in":5120,"out":1890},"seconds":1.5,"text":"new best"})");
}

TEST_CASE("event: hostile bytes never break the line", "[core]") {
    test::Dice dice(11);
    for (int i = 0; i < 500; ++i) {
        Event event;
        event.text = dice.bytes(dice.below(200));
        const std::string line = to_json_line(event);
        CHECK(line.find('\n') == std::string::npos);
        CHECK(line.back() == '}');
    }
}

TEST_CASE("event: a stream passes every event to each sink in order", "[core]") {
    struct Recorder final : EventSink {
        std::vector<std::string>& seen;
        std::string name;
        Recorder(std::vector<std::string>& list, std::string own)
            : seen(list)
            , name(std::move(own)) {}
        void on_event(const Event& event) override { seen.push_back(name + event.text); }
    };
    std::vector<std::string> seen;
    Recorder a(seen, "a");
    Recorder b(seen, "b");
    EventStream stream;
    stream.add(a);
    stream.add(b);
    Event event;
    event.text = "1";
    stream.on_event(event);
    CHECK(seen == std::vector<std::string>{"a1", "b1"});
}
