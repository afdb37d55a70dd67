// SPDX-License-Identifier: Apache-2.0
// The service without sockets: a store in a folder that goes away, a clock that stands still, a
// device that judges by the source's text.
#pragma once

#include "server/api/access.hpp"
#include "server/api/api.hpp"
#include "server/work/lane.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/rows.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace kw::test {

namespace fs = std::filesystem;

template <class T>
T must(Result<T> result) {
    INFO((result.ok() ? std::string() : result.error().what + " | " + result.error().hint));
    REQUIRE(result.ok());
    if constexpr (!std::is_void_v<T>) {
        return std::move(result).value();
    }
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

class MemoryFolder {
public:
    MemoryFolder() {
        std::string pattern = "/dev/shm/kw-server-XXXXXX";
        if (mkdtemp(pattern.data()) == nullptr) {
            pattern = (fs::temp_directory_path() / "kw-server-XXXXXX").string();
            REQUIRE(mkdtemp(pattern.data()) != nullptr);
        }
        path_ = pattern;
    }
    ~MemoryFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    MemoryFolder(const MemoryFolder&) = delete;
    MemoryFolder& operator=(const MemoryFolder&) = delete;
    [[nodiscard]] fs::path operator/(const std::string& name) const { return path_ / name; }

private:
    fs::path path_;
};

struct StandingClock final : Clock {
    std::chrono::nanoseconds steady() override { return std::chrono::milliseconds(now); }
    std::int64_t utc_ms() override { return 1'700'000'000'000 + now; }
    void sleep(std::chrono::nanoseconds) override { FAIL("the service never sleeps"); }
    std::atomic<std::int64_t> now{0};  ///< ms
};

/// "good" in the source: accepted at 1.5x; "outage": an Error; anything else: wrong result.
class TextDevice final : public Device {
public:
    [[nodiscard]] std::string id() const override { return "cpu"; }
    [[nodiscard]] std::string description() const override { return "cpu: made up"; }
    Result<Evaluation> judge(
        const Task&,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver&) override {
        ++judged;
        if (contains(candidate.source, "outage")) {
            return Error{Errc::environment, "the compiler is gone", ""};
        }
        Evaluation result;
        result.device = description();
        result.wall_s = 1;
        result.verdict = contains(candidate.source, "good") ? Verdict::accepted
                         : options.built_only               ? Verdict::compiled_only
                                                            : Verdict::wrong_result;
        if (result.verdict == Verdict::accepted) {
            result.speedup = {1.5, 1.4, 1.6};
            result.shapes.resize(1);
        }
        result.summary = candidate.source.substr(0, 20);
        return result;
    }
    std::atomic<int> judged{0};
};

struct ServiceBench {
    explicit ServiceBench(
        server::ApiSettings settings = {}, const db::QueueSettings& queue_settings = {})
        : store(must(db::Store::open(folder / "k.db", db::Access::write)))
        , queue(store, clock, queue_settings)
        , tokens(must(db::Tokens::open(folder / "k.db", db::Access::write)))
        , dispatch(store, queue, wakeups)
        , tasks({fs::path(KW_SOURCE_DIR) / "tests/support/tasks"}, clock)
        , api({store, store, queue, tokens, dispatch, tasks, wakeups, clock, settings, {}}) {}

    server::Request request(
        const std::string& method, const std::string& target, const std::string& body = "") {
        server::Request made;
        made.method = method;
        REQUIRE(server::split_target(target, made.path, made.query));
        made.header = {{"host", "127.0.0.1:8737"}};
        if (method == "POST") {
            made.header["content-type"] = "application/json";
        }
        if (!token.empty()) {
            made.header["authorization"] = "Bearer " + token;
        }
        made.body = body;
        made.peer = "127.0.0.1";
        return made;
    }
    server::Response ask(
        const std::string& method, const std::string& target, const std::string& body = "") {
        return api.answer(request(method, target, body));
    }
    nlohmann::json json(const server::Response& response) {
        INFO(response.body);
        return nlohmann::json::parse(response.body);
    }
    static std::string evaluation(const std::string& source) {
        return nlohmann::json({{"task", "scale_add"}, {"source", source}}).dump();
    }
    /// A job's id.
    std::string submit(const std::string& source) {
        const server::Response response = ask("POST", "/v1/evaluations", evaluation(source));
        INFO(response.body);
        REQUIRE(response.status == 202);
        return json(response)["id"];
    }
    static std::string claim_text(const std::string& worker = "w1") {
        return nlohmann::json(
                   {{"worker", worker}, {"devices", {"cpu"}}, {"kinds", {"time", "build"}}})
            .dump();
    }
    /// Takes the next job and judges it; whether there was one.
    bool work_once(const std::string& worker = "w1") {
        const server::Response response = ask("POST", "/v1/leases", claim_text(worker));
        if (response.status == 204) {
            return false;
        }
        INFO(response.body);
        REQUIRE(response.status == 200);
        const server::Lease lease = must(server::lease_from_json(json(response)));
        const db::JobOutcome outcome = server::judge_lease(lease, device, tasks, false);
        const server::Response taken =
            ask("POST", "/v1/leases/" + lease.id + "/result", server::to_json(outcome).dump());
        INFO(taken.body);
        REQUIRE(taken.status == 200);
        return true;
    }
    std::string new_token(const std::string& name, const std::string& scope, bool trusted = false) {
        return must(server::make_token(tokens, name, scope, trusted, 1)).secret;
    }

    MemoryFolder folder;
    StandingClock clock;
    db::Store store;
    db::Queue queue;
    db::Tokens tokens;
    server::Wakeups wakeups;
    server::Dispatch dispatch;
    server::TaskShelf tasks;
    server::Api api;
    TextDevice device;
    std::string token;  ///< sent with each request
};

}  // namespace kw::test
