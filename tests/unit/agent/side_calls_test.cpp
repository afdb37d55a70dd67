// SPDX-License-Identifier: Apache-2.0
// Calls of critics and estimates on a proposer that answers many at once, on threads of its own.
#include "agent/campaign/paid_call.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <atomic>
#include <functional>
#include <thread>

using namespace kw;
using namespace kw::agent;
using kw::test::contains;
using kw::test::must;

namespace {

constexpr double k_worst_usd = 0.5;
constexpr double k_usd = 0.25;

CallEnd answered(const std::string& text) {
    Reply reply;
    reply.text = text;
    reply.usd = k_usd;
    reply.tokens_in = 100;
    reply.tokens_out = 10;
    return {std::move(reply), false, {}};
}

/// Every call has a thread; what it answers is scripted.
class Threads final : public Proposer, public ConcurrentProposer {
public:
    using Script = std::function<CallEnd(const ProposeRequest&, CallMeter&)>;
    explicit Threads(Script script)
        : script_(std::move(script)) {}
    ~Threads() override {
        for (std::thread& thread : threads_) {
            thread.join();
        }
    }
    [[nodiscard]] std::string label() const override { return "threads"; }
    [[nodiscard]] double worst_case_usd(const ProposeRequest&) const override {
        return k_worst_usd;
    }
    [[nodiscard]] std::int64_t worst_case_tokens(const ProposeRequest&) const override {
        return 200;
    }
    Result<Reply> propose(const ProposeRequest&, const std::atomic<int>&) override {
        FAIL("a concurrent proposer is not asked in turn");
        return Error{};
    }
    [[nodiscard]] ConcurrentProposer* concurrent() override { return this; }
    void start(const ProposeRequest& request, CallMeter& meter, Done done) override {
        ++started;
        last = request;
        threads_.emplace_back([this, request, &meter, done] { done(script_(request, meter)); });
    }
    void stop_retrying() override {}
    void cancel() override { ++cancels; }

    int started = 0;
    ProposeRequest last;
    std::atomic<int> cancels{0};

private:
    Script script_;
    std::vector<std::thread> threads_;
};

struct Scene {
    explicit Scene(Threads::Script script, double max_usd = 2)
        : store(must(db::Store::open(dir / "k.db", db::Access::write)))
        , proposer(std::move(script)) {
        CampaignRow row;
        row.name = "c";
        row.task = "t";
        id = must(store.create_campaign(row)).id;
        Budget budget;
        budget.max_evals = 0;
        budget.max_usd = max_usd;
        ledger = must(Ledger::open(store, clock, id, budget));
        calls = std::make_unique<SideCalls>(proposer, *ledger, "critic");
        request.step = 3;
        request.slot = 1;
    }
    Result<Reply> ask() { return calls->ask(request, cancelled); }
    /// "settled 0.25, lost 0.5" of the calls, oldest first.
    std::string book() {
        std::string text;
        for (const ModelCallRow& call : must(store.model_calls(id))) {
            CHECK(call.purpose == "critic");
            text +=
                (text.empty() ? "" : ", ") + call.state + " " +
                (call.state == "reserved" ? "" : std::to_string(charged_usd(call)).substr(0, 4));
        }
        return text;
    }

    test::TempDir dir;
    test::FakeClock clock;
    db::Store store;
    std::int64_t id = 0;
    std::unique_ptr<Ledger> ledger;
    ProposeRequest request;
    std::atomic<int> cancelled{0};
    Threads proposer;
    std::unique_ptr<SideCalls> calls;
};

}  // namespace

TEST_CASE("side calls: an answer stays reserved until what was learnt from it is stored") {
    Scene scene([](const ProposeRequest&, CallMeter&) { return answered("spills"); });
    CHECK(must(scene.ask()).text == "spills");
    CHECK(scene.book() == "reserved ");
    CHECK(scene.proposer.last.call_id.starts_with("3-1-"));
    must(scene.calls->settle());
    CHECK(scene.book() == "settled 0.25");
    must(scene.calls->settle());
    CHECK(scene.ledger->totals().usd == Approx(k_usd));
    CHECK(scene.ledger->totals().tokens == 110);
}

TEST_CASE("side calls: each try that may have been billed is charged") {
    Scene scene([](const ProposeRequest&, CallMeter& meter) {
        const auto again = meter.pay_again();
        return again && again->starts_with("3-1-") ? answered("second try") : answered("no");
    });
    CHECK(must(scene.ask()).text == "second try");
    must(scene.calls->settle());
    CHECK(scene.book() == "lost 0.50, settled 0.25");
}

TEST_CASE("side calls: without room in the budget nothing is asked") {
    Scene scene(
        [](const ProposeRequest&, CallMeter&) { return answered("x"); }, k_worst_usd - 0.01);
    const auto refused = scene.ask();
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::model);
    CHECK(scene.calls->refused() == "budget: usd");
    CHECK(scene.proposer.started == 0);
    CHECK(scene.book().empty());
}

TEST_CASE("side calls: a try that the budget cannot repeat names its limit and is charged once") {
    Scene scene(
        [](const ProposeRequest&, CallMeter& meter) {
            CHECK_FALSE(meter.pay_again());
            return CallEnd{Error{Errc::model, "gone", ""}, false, {}};
        },
        0.7);
    CHECK_FALSE(scene.ask().ok());
    CHECK(scene.calls->refused() == "budget: usd");
    CHECK(scene.book() == "lost 0.50");
}

TEST_CASE("side calls: a failure costs its reservation only where it may have been billed") {
    for (const bool billed : {true, false}) {
        Scene scene([billed](const ProposeRequest&, CallMeter&) {
            return CallEnd{Error{Errc::model, "broken", ""}, billed, {}};
        });
        const auto failed = scene.ask();
        REQUIRE_FALSE(failed.ok());
        CHECK(contains(failed.error().what, "broken"));
        CHECK_FALSE(scene.calls->refused());
        CHECK(scene.book() == (billed ? "lost 0.50" : "settled 0.00"));
    }
}

TEST_CASE("side calls: the user ends a call in flight, which is told once") {
    Threads* proposer = nullptr;
    Scene scene([&](const ProposeRequest&, CallMeter&) {
        while (proposer->cancels == 0) {
            std::this_thread::yield();
        }
        return CallEnd{Error{Errc::interrupted, "stopped", ""}, true, {}};
    });
    proposer = &scene.proposer;
    scene.cancelled = 1;
    const auto stopped = scene.ask();
    REQUIRE_FALSE(stopped.ok());
    CHECK(stopped.error().code == Errc::interrupted);
    CHECK(scene.proposer.cancels == 1);
    CHECK(scene.book() == "lost 0.50");
}

TEST_CASE("side calls: time in a queue is told once so that it is not charged") {
    using std::chrono::seconds;
    Scene scene([](const ProposeRequest&, CallMeter&) {
        CallEnd end = answered("late");
        end.queued = {{seconds(1), seconds(3)}, {seconds(5), seconds(6)}};
        return end;
    });
    must(scene.ask());
    CHECK(scene.calls->take_queued_s() == Approx(3));
    CHECK(scene.calls->take_queued_s() == 0);
}
