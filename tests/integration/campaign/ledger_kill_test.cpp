// SPDX-License-Identifier: Apache-2.0
// kill -9 at random instants of a campaign with four model calls in flight: nothing that was stored
// is lost, nothing is charged twice, no cap is passed, and the ledger knows of every call that the
// server billed.
#include "agent/budget/ledger.hpp"
#include "db/store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_server.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <nlohmann/json.hpp>

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <map>
#include <mutex>
#include <random>
#include <spawn.h>

extern char** environ;

using namespace kw;
using namespace kw::test;

namespace {

constexpr int k_kills = 200;
constexpr unsigned k_seed = 20261129;
constexpr int k_evaluations = 100;
constexpr int k_kills_each = 25;  ///< of one campaign, then it may end

/// A model that answers, overloads, fails and breaks off, and remembers whom it billed.
class Model {
public:
    explicit Model(unsigned seed)
        : random_(seed)
        , server_([this](const std::string& request) { return answer(request); }) {}

    [[nodiscard]] std::string url() const { return server_.url(); }
    [[nodiscard]] int most_at_once() const { return server_.most_at_once(); }
    /// How often each call was billed, by its id in the ledger.
    [[nodiscard]] std::map<std::int64_t, int> billed() const {
        const std::lock_guard guard(mutex_);
        return billed_;
    }

private:
    HttpAnswer answer(const std::string& request) {
        const std::lock_guard guard(mutex_);
        const std::string mark = "x-client-request-id: kwright-";
        const std::size_t at = request.find(mark);
        const std::string name =
            request.substr(at + mark.size(), request.find('\r', at) - at - mark.size());
        const std::int64_t id = std::stoll(name.substr(name.rfind('-') + 1));
        HttpAnswer out;
        out.headers = {"retry-after-ms: 2"};
        out.delay_ms = static_cast<int>(random_() % 6);
        const auto dice = random_() % 20;
        if (dice == 0) {
            out.status = 429;
        } else if (dice == 1) {
            out.status = 500;
        } else {
            ++billed_[id];
            const std::string tag = "t" + std::to_string(++tags_);
            out.body =
                nlohmann::json({{"choices",
                                 {{{"finish_reason", "stop"},
                                   {"message", {{"content", reply_with(kernel(tag), tag)}}}}}},
                                {"usage", {{"prompt_tokens", 900}, {"completion_tokens", 100}}}})
                    .dump();
            out.promised_extra = dice == 2 ? 50 : 0;  // breaks off: billed, and nothing came of it
        }
        return out;
    }

    mutable std::mutex mutex_;
    std::minstd_rand random_;
    std::map<std::int64_t, int> billed_;
    int tags_ = 0;
    HttpServer server_;  ///< last: its threads use the others
};

/// True: it was killed; else it ended by itself with status 0.
bool run_and_kill(const fs::path& folder, const std::string& url, const std::string& cap, int ms) {
    std::string program = std::string(KW_BINARY_DIR) + "/bin/kw_test_ledger_campaign";
    std::string arg = folder.string();
    std::string where = url;
    std::string limit = cap;
    std::array<char*, 5> argv = {program.data(), arg.data(), where.data(), limit.data(), nullptr};
    pid_t pid = -1;
    REQUIRE(posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv.data(), environ) == 0);
    const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    REQUIRE(handle >= 0);
    pollfd fd{handle, POLLIN, 0};
    const bool over = poll(&fd, 1, ms) > 0;
    if (!over) {
        kill(pid, SIGKILL);
    }
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    close(handle);
    if (WIFSIGNALED(status)) {
        return true;
    }
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
    return false;
}

using Key = std::pair<int, int>;

/// What holds at every instant. Gives the hashes of the stored replies.
std::map<Key, std::string> check(const fs::path& file, const Model& model, double cap) {
    if (!fs::exists(file)) {
        return {};
    }
    db::Store store = must(db::Store::open(file, db::Access::write));
    const auto campaign = must(store.campaign("k"));
    if (!campaign) {
        return {};
    }
    double usd = 0;
    std::map<std::int64_t, const ModelCallRow*> by_id;
    std::map<Key, int> settled;
    const auto calls = must(store.model_calls(campaign->id));
    for (const ModelCallRow& call : calls) {
        by_id[call.id] = &call;
        usd += agent::charged_usd(call);
        settled[{call.step, call.slot}] += call.state == "settled" && call.tokens_in > 0;
    }
    REQUIRE(usd <= cap);
    const auto billed = model.billed();
    for (const auto& [id, times] : billed) {
        REQUIRE(times == 1);  // each try has a reservation of its own
        REQUIRE(by_id.contains(id));
        REQUIRE(agent::charged_usd(*by_id.at(id)) > 0);
    }
    for (const ModelCallRow& call : calls) {
        REQUIRE((call.state != "settled" || call.tokens_in == 0 || billed.contains(call.id)));
    }
    std::map<Key, std::string> replies;
    for (const ReplyRow& reply : must(store.replies(campaign->id))) {
        replies[{reply.step, reply.slot}] = reply.hash;
        REQUIRE(settled[{reply.step, reply.slot}] == 1);
    }
    std::map<Key, int> judged;
    for (const EvaluationRow& row : must(store.evaluations(campaign->id))) {
        if (row.step > 0) {
            REQUIRE(++judged[{row.step, row.slot}] == 1);
            REQUIRE(row.reply_hash == replies.at({row.step, row.slot}));
        }
    }
    if (campaign->state == "finished") {
        REQUIRE(campaign->spent_usd == Approx(usd));
        if (campaign->stop_reason == "budget: evaluations") {
            REQUIRE(judged.size() == k_evaluations - 1);
            REQUIRE(replies.size() == judged.size());
        } else {
            REQUIRE(campaign->stop_reason == "budget: usd");
        }
    }
    return replies;
}

}  // namespace

TEST_CASE(
    "ledger: killed at 200 instants with four calls in flight no cent is lost or paid twice") {
    std::minstd_rand random(k_seed);
    int kills = 0;
    int finished = 0;
    int by_money = 0;
    int most = 0;
    for (unsigned round = 0; kills < k_kills; ++round) {
        const TempDir dir;
        write_task(dir.path());
        const double cap = round % 3 == 2 ? 0.25 : 2;
        const Model model(k_seed + round);
        std::map<Key, std::string> known;
        int here = 0;
        for (bool over = false; !over;) {
            const bool enough = kills == k_kills || here == k_kills_each;
            const int ms = enough ? 120'000 : 10 + static_cast<int>(random() % 90);
            over = !run_and_kill(dir.path(), model.url(), std::to_string(cap), ms);
            kills += over ? 0 : 1;
            here += over ? 0 : 1;
            INFO("round " << round << ", kill " << kills);
            const auto now = check(dir / "k.db", model, cap);
            for (const auto& [key, hash] : known) {
                REQUIRE(now.at(key) == hash);
            }
            known = now;
        }
        ++finished;
        by_money += known.size() < k_evaluations - 1 ? 1 : 0;
        most = std::max(most, model.most_at_once());
    }
    CHECK(finished >= 3);
    CHECK(most >= 4);
    CHECK(by_money < finished);
}
