// SPDX-License-Identifier: Apache-2.0
#include "agent/proposers/proposers.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

using namespace kw;
using namespace kw::agent;
using kw::test::contains;
using kw::test::FakeClock;
using kw::test::must;
using kw::test::read_text;
using kw::test::TempDir;
using kw::test::write_text;

namespace {

ProposeRequest request_of(int step, int slot, const std::string& prompt = "question") {
    ProposeRequest request;
    request.campaign = "camp";
    request.step = step;
    request.slot = slot;
    request.system = "role";
    request.prompt = prompt;
    return request;
}

Result<Reply> run_command(const std::string& command, double timeout_s = 60) {
    std::atomic<int> cancelled{0};
    const auto proposer = make_command_proposer(command, timeout_s, system_clock());
    return proposer->propose(request_of(3, 1), cancelled);
}

}  // namespace

TEST_CASE("exchange: the prompt is written and the answer is read") {
    const TempDir dir;
    FakeClock clock;
    std::atomic<int> cancelled{0};
    const auto proposer = must(make_exchange_proposer(dir.path(), 60, clock));
    clock.on_sleep = [&] {
        REQUIRE(read_text(dir / "camp/1-0.prompt.md") == "role\n\nquestion");
        write_text(dir / "tmp", "the answer");
        std::filesystem::rename(dir / "tmp", dir / "camp/1-0.reply.md");
        clock.on_sleep = {};
    };
    CHECK(must(proposer->propose(request_of(1, 0), cancelled)).text == "the answer");
    CHECK(contains(read_text(dir / "README.txt"), "reply.md"));
}

TEST_CASE("exchange: a file that still grows is not taken") {
    const TempDir dir;
    FakeClock clock;
    std::atomic<int> cancelled{0};
    const auto proposer = must(make_exchange_proposer(dir.path(), 60, clock));
    std::string text;
    clock.on_sleep = [&] {
        if (text.size() < 50) {
            text += "0123456789";
            write_text(dir / "camp/1-0.reply.md", text);
        }
    };
    CHECK(must(proposer->propose(request_of(1, 0), cancelled)).text.size() == 50);
}

TEST_CASE("exchange: all prompts of a wave appear at once") {
    const TempDir dir;
    FakeClock clock;
    const auto proposer = must(make_exchange_proposer(dir.path(), 60, clock));
    proposer->begin_wave(History{}, {request_of(2, 0), request_of(2, 1)});
    CHECK(std::filesystem::exists(dir / "camp/2-0.prompt.md"));
    CHECK(std::filesystem::exists(dir / "camp/2-1.prompt.md"));
}

TEST_CASE("exchange: an answer to another prompt of the same name is set aside") {
    const TempDir dir;
    FakeClock clock;
    std::atomic<int> cancelled{0};
    const auto proposer = must(make_exchange_proposer(dir.path(), 5, clock));
    write_text(dir / "camp/1-0.prompt.md", "role\n\nan older question");
    write_text(dir / "camp/1-0.reply.md", "an older answer");
    const auto waited = proposer->propose(request_of(1, 0), cancelled);
    REQUIRE_FALSE(waited.ok());
    CHECK(waited.error().code == Errc::model);
    CHECK(contains(waited.error().hint, "resume camp"));
    CHECK(read_text(dir / "camp/1-0.reply.md.old") == "an older answer");
    write_text(dir / "camp/1-0.reply.md", "the new answer");
    CHECK(must(proposer->propose(request_of(1, 0), cancelled)).text == "the new answer");
}

TEST_CASE("exchange: waiting ends when the user stops") {
    const TempDir dir;
    FakeClock clock;
    std::atomic<int> cancelled{0};
    const auto proposer = must(make_exchange_proposer(dir.path(), 1e9, clock));
    clock.on_sleep = [&] {
        cancelled = 1;
    };
    const auto result = proposer->propose(request_of(1, 0), cancelled);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::interrupted);
}

TEST_CASE("exchange: a campaign name cannot leave the folder") {
    const TempDir dir;
    FakeClock clock;
    const auto proposer = must(make_exchange_proposer(dir / "x", 1, clock));
    ProposeRequest request = request_of(1, 0);
    request.campaign = "../../escape";
    proposer->begin_wave(History{}, {request});
    CHECK_FALSE(std::filesystem::exists(dir / "escape"));
    CHECK(std::filesystem::exists(dir / "x/_._.._escape/1-0.prompt.md"));
}

TEST_CASE("command: prompt on stdin and answer on stdout") {
    CHECK(must(run_command("cat")).text == "role\n\nquestion");
    CHECK(must(run_command("printf %s $KWRIGHT_STEP-$KWRIGHT_SLOT")).text == "3-1");
    CHECK(must(run_command("true")).text.empty());
}

TEST_CASE("command: a failure names the status and what it said") {
    const auto failed = run_command("echo trouble >&2; exit 3");
    REQUIRE_FALSE(failed.ok());
    CHECK(failed.error().code == Errc::model);
    CHECK(contains(failed.error().what, "exit status 3: trouble"));
    const auto killed = run_command("kill -9 $$");
    REQUIRE_FALSE(killed.ok());
    CHECK(contains(killed.error().what, "signal 9"));
}

TEST_CASE("command: the time limit and the user end it with all its children") {
    const auto late = run_command("sleep 600 & sleep 600", 0.05);
    REQUIRE_FALSE(late.ok());
    CHECK(contains(late.error().what, "no answer after"));
    std::atomic<int> cancelled{1};
    const auto stopped = make_command_proposer("sleep 600", 600, system_clock())
                             ->propose(request_of(1, 0), cancelled);
    REQUIRE_FALSE(stopped.ok());
    CHECK(stopped.error().code == Errc::interrupted);
}

TEST_CASE("command: endless output is cut and a full stderr does not block") {
    const auto endless = run_command("yes");
    REQUIRE_FALSE(endless.ok());
    CHECK(contains(endless.error().what, "4 MiB"));
    CHECK(must(run_command("head -c 300000 /dev/zero >&2; echo ok")).text == "ok\n");
}
