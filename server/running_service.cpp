// SPDX-License-Identifier: Apache-2.0
#include "server/running_service.hpp"

#include "core/log.hpp"
#include "server/api/api.hpp"
#include "server/work/campaign_runner.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace kw::server {

namespace {

constexpr std::chrono::milliseconds k_look_for_expired{5'000};

/// Leases run out also when nobody asks for work.
class Janitor {
public:
    Janitor(db::Queue& queue, Wakeups& wakeups)
        : thread_([this, &queue, &wakeups] { run(queue, wakeups); }) {}
    ~Janitor() {
        {
            const std::lock_guard guard(mutex_);
            ending_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    Janitor(const Janitor&) = delete;
    Janitor& operator=(const Janitor&) = delete;

private:
    void run(db::Queue& queue, Wakeups& wakeups) {
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, k_look_for_expired, [this] { return ending_; })) {
            lock.unlock();
            const auto expired = queue.expire();
            if (!expired) {
                log::warn("queue: " + expired.error().what);
            } else if (*expired > 0) {
                wakeups.wake(k_topic_queue);
            }
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool ending_ = false;
    std::thread thread_;
};

Result<void> check(const ServeSettings& settings, db::Tokens& tokens) {
    if (settings.http.tls_certificate.empty() != settings.http.tls_key.empty()) {
        return Error{
            Errc::usage,
            "TLS needs both --tls-cert and --tls-key",
            "docs/service.md has an example"};
    }
    if (is_loopback(settings.http.bind)) {
        return {};
    }
    KW_TRY_ASSIGN(const std::vector<TokenRow> rows, tokens.list());
    for (const TokenRow& row : rows) {
        if (row.revoked_ms == 0) {
            return {};
        }
    }
    return Error{
        Errc::usage,
        "others reach " + settings.http.bind + ", and nobody has a token yet",
        "kwright serve token new --name ME --scope admin; or leave --bind out: this machine only"};
}

}  // namespace

bool is_loopback(const std::string& bind) {
    return bind.starts_with("127.") || bind == "::1";
}

struct RunningService::Parts {
    Parts(db::Store opened, db::Store opened_views, db::Tokens opened_tokens)
        : store(std::move(opened))
        , views(std::move(opened_views))
        , tokens(std::move(opened_tokens)) {}

    db::Store store;
    db::Store views;
    db::Tokens tokens;
    Wakeups wakeups;
    std::unique_ptr<db::Queue> queue;
    std::unique_ptr<Dispatch> dispatch;
    std::unique_ptr<TaskShelf> tasks;
    std::unique_ptr<Api> api;
    std::unique_ptr<Janitor> janitor;
    std::unique_ptr<CampaignRunner> runner;
    std::unique_ptr<LocalPool> pool;
    std::atomic<HttpServer*> counted{nullptr};  ///< `http`, once it is there
    std::unique_ptr<HttpServer> http;
};

RunningService::RunningService(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}

RunningService::~RunningService() {
    stop();
}

namespace {

/// What lanes of an earlier process had in hand when it died.
Result<void> recover(db::Queue& queue) {
    KW_TRY_ASSIGN(const std::vector<WorkerRow> workers, queue.workers());
    for (const WorkerRow& worker : workers) {
        if (worker.name.starts_with("local/")) {
            KW_TRY(queue.lose_leases_of(worker.name));
        }
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<RunningService>> RunningService::start(
    const ServeSettings& settings, Clock& clock) {
    const bool read_only = settings.api.read_only;
    const db::Access access = read_only ? db::Access::read_only : db::Access::write;
    auto opened = db::Store::open(settings.database, access);
    if (!opened) {
        Error error = opened.error();
        if (!read_only && error.what.find("pid") != std::string::npos) {
            error.hint += "; --read-only shows what that process does";
        }
        return error;
    }
    KW_TRY_ASSIGN(db::Store views, db::Store::open(settings.database, db::Access::read_only));
    KW_TRY_ASSIGN(db::Tokens tokens, db::Tokens::open(settings.database, access));
    KW_TRY(check(settings, tokens));
    auto parts = std::make_unique<Parts>(std::move(*opened), std::move(views), std::move(tokens));
    parts->queue = std::make_unique<db::Queue>(parts->store, clock, settings.queue);
    parts->dispatch = std::make_unique<Dispatch>(parts->store, *parts->queue, parts->wakeups);
    parts->tasks = std::make_unique<TaskShelf>(settings.task_roots, clock);
    if (settings.api.allow_run && !read_only) {
        parts->runner = std::make_unique<CampaignRunner>(RunnerParts{
            parts->store,
            *parts->queue,
            *parts->dispatch,
            parts->wakeups,
            *parts->tasks,
            clock,
            settings.prompts_dir,
            settings.models});
    }
    ApiSettings api = settings.api;
    api.anonymous = api.loopback_hosts = is_loopback(settings.http.bind);
    api.tls = !settings.http.tls_certificate.empty();
    Parts* raw = parts.get();
    parts->api = std::make_unique<Api>(ApiParts{
        parts->store,
        parts->views,
        *parts->queue,
        parts->tokens,
        *parts->dispatch,
        *parts->tasks,
        parts->wakeups,
        clock,
        api,
        [raw] {
            const HttpServer* http = raw->counted;
            return http != nullptr ? http->counts() : HttpCounts();
        },
        parts->runner.get()});
    if (!read_only) {
        KW_TRY(recover(*parts->queue));
        KW_TRY_ASSIGN(
            parts->pool, LocalPool::start(settings.pool, *parts->dispatch, *parts->tasks));
        parts->janitor = std::make_unique<Janitor>(*parts->queue, parts->wakeups);
    }
    KW_TRY_ASSIGN(parts->http, HttpServer::start(settings.http, *parts->api, parts->wakeups));
    parts->counted = parts->http.get();
    return std::unique_ptr<RunningService>(new RunningService(std::move(parts)));
}

int RunningService::port() const {
    return parts_->http->port();
}

HttpCounts RunningService::counts() const {
    return parts_->http->counts();
}

void RunningService::drain() {
    if (parts_->runner) {
        parts_->runner->ask_to_stop(1);
    }
    if (parts_->pool) {
        parts_->pool->stop();
    }
}

bool RunningService::drained() const {
    return (!parts_->pool || parts_->pool->ended()) && (!parts_->runner || parts_->runner->ended());
}

void RunningService::abandon() {
    if (parts_->runner) {
        parts_->runner->ask_to_stop(2);
    }
    if (parts_->pool) {
        parts_->pool->abandon();
    }
}

void RunningService::stop() {
    drain();
    parts_->http->stop();
    if (parts_->runner) {
        parts_->runner->stop();
    }
}

}  // namespace kw::server
