// SPDX-License-Identifier: Apache-2.0
// Calls in flight: several replies of a wave come at once, in any order, at any moment.
#include "agent/campaign/wave_calls.hpp"

#include "agent/campaign/campaign.hpp"
#include "agent/campaign/campaign_loop.hpp"
#include "core/task_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"
#include "tests/unit/agent/search_fakes.hpp"

#include <algorithm>
#include <thread>

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::Bomb;
using kw::test::contains;
using kw::test::Crash;
using kw::test::kernel;
using kw::test::must;
using kw::test::reply_with;
using kw::test::shipped_strategy;
using kw::test::World;

namespace {

constexpr double k_worst_usd = 0.5;
constexpr double k_usd = 0.25;

CallEnd reply_to(const ProposeRequest& request) {
    const std::string tag = "k" + std::to_string(request.step) + "_" + std::to_string(request.slot);
    Reply reply;
    reply.text = reply_with(kernel(tag), tag);
    reply.model = "many";
    reply.usd = k_usd;
    reply.tokens_in = 100;
    reply.tokens_out = 10;
    return {std::move(reply), false, {}};
}

/// Answers at once, on the caller's thread.
class Inline : public Proposer, public ConcurrentProposer {
public:
    explicit Inline(Bomb* bomb = nullptr)
        : bomb_(bomb) {}
    [[nodiscard]] std::string label() const override { return "many"; }
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
        begun_ = done;
        tick();
        asked.push_back({request.step, request.slot});
        begun_ = nullptr;
        answer(request, meter, done);
        tick();
    }
    void stop_retrying() override { stopped_retrying = true; }
    void cancel() override {
        if (const Done done = std::exchange(begun_, nullptr)) {
            done({Error{Errc::interrupted, "stopped", ""}, true, {}});
        }
    }

    virtual void answer(const ProposeRequest& request, CallMeter&, const Done& done) {
        done(reply_to(request));
    }

    std::vector<std::pair<int, int>> asked;
    bool stopped_retrying = false;

private:
    void tick() {
        if (bomb_ != nullptr) {
            bomb_->tick();
        }
    }
    Bomb* bomb_;
    Done begun_;
};

/// Keeps the calls of a wave until all are there, then answers the last one first.
class Backwards final : public Inline {
public:
    explicit Backwards(int width)
        : width_(width) {}
    ~Backwards() override {
        for (std::thread& thread : threads_) {
            thread.join();
        }
    }
    void answer(const ProposeRequest& request, CallMeter&, const Done& done) override {
        waiting_.push_back({request, done});
        if (static_cast<int>(waiting_.size()) == width_) {
            threads_.emplace_back([calls = std::exchange(waiting_, {})] {
                for (auto call = calls.rbegin(); call != calls.rend(); ++call) {
                    call->second(reply_to(call->first));
                }
            });
        }
    }

private:
    int width_;
    std::vector<std::pair<ProposeRequest, Done>> waiting_;
    std::vector<std::thread> threads_;
};

struct Scene {
    explicit Scene(const Budget& budget, int width = 4, int crash_at = -1)
        : world([](const std::string&) -> Result<Evaluation> { return accepted(1.0); }, &bomb)
        , task(must(load_task(test::write_task(world.dir.path())))) {
        bomb.at = crash_at;
        stored.settings.budget = budget;
        stored.settings.width = width;
        stored.settings.strategy = "best-of-n";
        stored.task_folder = task.folder;
        CampaignRow row;
        row.name = "camp";
        row.task = task.name;
        row.task_hash = hash_for(task, row.target);
        row.settings_json = to_json(stored);
        row.state = "running";
        must(world.store.create_campaign(row));
    }

    Result<CampaignSummary> run(Proposer& proposer) {
        auto context = world.context();
        const CampaignRow row = *must(world.store.campaign("camp"));
        const auto strategy =
            shipped_strategy("best-of-n", {stored.settings.width, stored.settings.depth});
        const PromptBook prompts = must(load_prompts(context.prompts_dir, "cpu"));
        CampaignLoop loop(
            stored, task, context, {proposer, *strategy, prompts, {kernel("seed"), "seed"}}, row);
        return loop.run();
    }

    std::vector<ModelCallRow> calls() {
        return must(world.store.model_calls(must(world.store.campaign("camp"))->id));
    }
    std::size_t replies() {
        return must(world.store.replies(must(world.store.campaign("camp"))->id)).size();
    }

    Bomb bomb;
    World world;
    Task task;
    StoredSettings stored;
};

}  // namespace

TEST_CASE("calls in flight: replies that come in any order are judged in the order of slots") {
    Scene backwards({9, 0, 0, 0});
    Backwards proposer(4);
    must(backwards.run(proposer));
    Scene in_order({9, 0, 0, 0});
    Inline plain;
    must(in_order.run(plain));
    CHECK(
        test::outline(backwards.world.store, "camp") ==
        test::outline(in_order.world.store, "camp"));
    CHECK(backwards.world.device.judged == in_order.world.device.judged);
    CHECK(proposer.asked.size() == 8);
}

TEST_CASE("calls in flight: all of a wave are asked before its first reply is judged") {
    Scene scene({5, 0, 0, 0});
    Inline proposer;
    std::vector<std::size_t> asked;
    scene.world.device.after = [&] {
        asked.push_back(proposer.asked.size());
    };
    must(scene.run(proposer));
    CHECK(asked == std::vector<std::size_t>{0, 4, 4, 4, 4});
}

TEST_CASE("calls in flight: no more are asked than evaluations are left") {
    Scene scene({4, 0, 0, 0});  // the start source and three more
    Inline proposer;
    const CampaignSummary summary = must(scene.run(proposer));
    CHECK(summary.stop_reason == "budget: evaluations");
    CHECK(proposer.asked.size() == 3);
    CHECK(scene.calls().size() == 3);
}

TEST_CASE("calls in flight: what fits is reserved together and the rest when money comes back") {
    // Two reservations fit at once; each call then costs half of its reservation.
    Scene scene({0, 1.2, 0, 0});
    Inline proposer;
    const CampaignSummary summary = must(scene.run(proposer));
    CHECK(summary.stop_reason == "budget: usd");
    // 1.2: at 0.75 spent the next reservation of 0.5 does not fit any more.
    CHECK(summary.row.spent_usd == Approx(3 * k_usd));
    CHECK(scene.replies() == 3);
    for (const ModelCallRow& call : scene.calls()) {
        CHECK(call.state == "settled");
        CHECK(call.reserved_usd == k_worst_usd);
    }
}

TEST_CASE("calls in flight: a campaign crashed at any moment pays for each reply once", "[slow]") {
    const Budget budget{7, 50, 0, 0};
    Scene plain(budget, 3);
    Inline calm(&plain.bomb);
    must(plain.run(calm));
    const std::string want = test::outline(plain.world.store, "camp");
    REQUIRE(plain.bomb.ticks > 60);
    REQUIRE(plain.bomb.moments.size() > 30);
    int lost = 0;
    for (const int moment : plain.bomb.moments) {
        INFO("crashed at moment " << moment);
        Scene crashed(budget, 3, moment);
        Inline first(&crashed.bomb);
        bool died = false;
        try {
            (void)crashed.run(first);
        } catch (const Crash&) {
            died = true;
        }
        REQUIRE(died);
        Inline second(&crashed.bomb);
        const CampaignSummary summary = must(crashed.run(second));
        REQUIRE(test::outline(crashed.world.store, "camp") == want);
        REQUIRE(crashed.replies() == 6);
        double usd = 0;
        int settled = 0;
        for (const ModelCallRow& call : crashed.calls()) {
            REQUIRE(call.state != "reserved");
            settled += call.state == "settled";
            lost += call.state == "lost";
            usd += charged_usd(call);
        }
        REQUIRE(settled == 6);
        REQUIRE(summary.row.spent_usd == Approx(usd));
    }
    CHECK(lost > 10);
}

TEST_CASE("calls in flight: when one gives up the others are stored before the campaign ends") {
    struct OneFails final : Inline {
        void answer(const ProposeRequest& request, CallMeter& meter, const Done& done) override {
            if (request.slot == 1) {
                CHECK(meter.pay_again());
                done({Error{Errc::model, "gone", "later"}, false, {}});
            } else {
                done(reply_to(request));
            }
        }
    };
    Scene scene({9, 50, 0, 0});
    OneFails proposer;
    const auto result = scene.run(proposer);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::model);
    CHECK(proposer.stopped_retrying);
    CHECK(scene.replies() == 3);
    const auto calls = scene.calls();
    REQUIRE(calls.size() == 5);
    CHECK(std::ranges::count_if(calls, [](const auto& call) {
              return call.state == "lost";
          }) == 1);  // paid again
    CHECK(must(scene.world.store.campaign("camp"))->spent_usd == Approx(3 * k_usd + k_worst_usd));
    // A resume asks for the one that is missing and for nothing twice.
    Inline again;
    CHECK(must(scene.run(again)).evaluations == 9);
    CHECK(again.asked.front() == std::pair(1, 1));
    CHECK(again.asked.size() == 5);
}

TEST_CASE("calls in flight: a try that the budget cannot repeat ends the campaign at its limit") {
    struct Breaks final : Inline {
        void answer(const ProposeRequest& request, CallMeter& meter, const Done& done) override {
            const bool again = request.slot != 1 || meter.pay_again();
            done(again ? reply_to(request) : CallEnd{Error{Errc::model, "gone", ""}, false, {}});
        }
    };
    Scene scene({0, 1.2, 0, 0}, 2);
    Breaks proposer;
    const CampaignSummary summary = must(scene.run(proposer));
    CHECK(summary.stop_reason == "budget: usd");
    CHECK(summary.row.state == "finished");
    CHECK(summary.row.spent_usd <= 1.2);
    CHECK(
        std::ranges::any_of(scene.calls(), [](const auto& call) { return call.state == "lost"; }));
}

TEST_CASE("calls in flight: a stop of the user ends the wait and charges what was under way") {
    struct Silent final : Inline {
        void answer(const ProposeRequest&, CallMeter&, const Done& done) override {
            waiting.push_back(done);
        }
        void cancel() override {
            for (const Done& done : std::exchange(waiting, {})) {
                done({Error{Errc::interrupted, "stopped", ""}, true, {}});
            }
        }
        std::vector<Done> waiting;
    };
    Scene scene({9, 50, 0, 0});
    Silent proposer;
    const std::int64_t id = must(scene.world.store.campaign("camp"))->id;
    std::thread user([&] {
        while (scene.world.stop.level == 0) {
            const auto calls = scene.world.store.model_calls(id);
            scene.world.stop.level = calls.ok() && calls->size() == 4 ? 1 : 0;
            std::this_thread::yield();
        }
    });
    const CampaignSummary summary = must(scene.run(proposer));
    user.join();
    CHECK(summary.interrupted);
    CHECK(summary.row.spent_usd == Approx(4 * k_worst_usd));
    for (const ModelCallRow& call : scene.calls()) {
        CHECK(call.state == "lost");
    }
}

TEST_CASE("calls in flight: of a wait that part is free which the call stood in a queue") {
    using std::chrono::seconds;
    CHECK(seconds_within({}, seconds(0), seconds(9)) == 0);
    const std::vector<std::pair<std::chrono::nanoseconds, std::chrono::nanoseconds>> queued = {
        {seconds(1), seconds(3)}, {seconds(5), seconds(9)}};
    CHECK(seconds_within(queued, seconds(0), seconds(10)) == 6);
    CHECK(seconds_within(queued, seconds(2), seconds(6)) == 2);
    CHECK(seconds_within(queued, seconds(3), seconds(5)) == 0);
    CHECK(seconds_within(queued, seconds(20), seconds(30)) == 0);
}

TEST_CASE(
    "device time: a judgement that may not fit is not begun and waits for the lane are free") {
    World world([](const std::string&) -> Result<Evaluation> {
        Evaluation result = accepted(1.0);
        result.wall_s = 14;
        result.stages.push_back({"lane", 10'000});
        return result;
    });
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    CampaignSettings settings;
    settings.proposer = "tune";
    settings.judge_cap_s = 5;
    settings.budget.max_evals = 0;
    settings.budget.max_device_seconds = 30;
    const CampaignSummary summary = must(run_campaign(settings, task, context));
    CHECK(summary.stop_reason == "budget: device time");
    // Four seconds each; begun while twice the cap of five is left.
    double seconds = 0;
    const auto id = summary.row.id;
    for (const EvaluationRow& row : must(world.store.evaluations(id))) {
        seconds += device_seconds(row.result);
    }
    for (const EvaluationRow& row : must(world.store.judgings(id))) {
        seconds += device_seconds(row.result);
    }
    CHECK(seconds > 20);
    CHECK(seconds <= 30);
    settings.budget.max_device_seconds = 9;
    const auto refused = run_campaign(settings, task, context);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::usage);
}
