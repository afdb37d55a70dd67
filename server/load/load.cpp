// SPDX-License-Identifier: Apache-2.0
#include "server/load/load.hpp"

#include "core/clock.hpp"
#include "server/api/api.hpp"
#include "server/http/server.hpp"
#include "server/load/http_swarm.hpp"
#include "server/wire/json.hpp"
#include "server/work/lane.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

namespace kw::server {

namespace {

constexpr int k_batch = 200;
constexpr double k_patience_s = 120;

std::int64_t memory_kb(const std::string& field) {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(field + ":")) {
            return std::stoll(line.substr(field.size() + 1));
        }
    }
    return 0;
}

/// Judges nothing: the service is what is measured. The summary says which source it was.
class InstantDevice final : public Device {
public:
    [[nodiscard]] std::string id() const override { return "cpu"; }
    [[nodiscard]] std::string description() const override { return "cpu: judges nothing"; }
    Result<Evaluation> judge(
        const Task&,
        const Candidate& candidate,
        const JudgeOptions&,
        const StageObserver&) override {
        Evaluation result;
        result.verdict = Verdict::wrong_result;
        result.summary = candidate.source;
        result.device = description();
        result.wall_s = 1e-6;
        return result;
    }
};

/// The parts of a service without a janitor or real devices.
struct Service {
    Service(
        db::Store opened,
        db::Store opened_views,
        db::Tokens opened_tokens,
        const LoadSettings& load)
        : store(std::move(opened))
        , views(std::move(opened_views))
        , tokens(std::move(opened_tokens))
        , queue(store, system_clock(), limits(load))
        , dispatch(store, queue, wakeups)
        , tasks(load.task_roots, system_clock())
        , api({store, views, queue, tokens, dispatch, tasks, wakeups, system_clock(), open(), {}}) {
    }

    static db::QueueSettings limits(const LoadSettings& load) {
        db::QueueSettings settings;
        settings.max_queued = settings.max_queued_each =
            static_cast<std::int64_t>(load.jobs) + load.clients;
        return settings;
    }
    static ApiSettings open() {
        ApiSettings settings;
        settings.requests_per_s = 0;
        return settings;
    }

    db::Store store;
    db::Store views;
    db::Tokens tokens;
    Wakeups wakeups;
    db::Queue queue;
    Dispatch dispatch;
    TaskShelf tasks;
    Api api;
};

Result<std::unique_ptr<Service>> open_service(const LoadSettings& load) {
    const auto file = load.folder / "load.db";
    KW_TRY_ASSIGN(db::Store store, db::Store::open(file, db::Access::write));
    KW_TRY_ASSIGN(db::Store views, db::Store::open(file, db::Access::read_only));
    KW_TRY_ASSIGN(db::Tokens tokens, db::Tokens::open(file, db::Access::write));
    return std::make_unique<Service>(std::move(store), std::move(views), std::move(tokens), load);
}

class Timed {
public:
    Timed()
        : begin_(system_clock().steady()) {}
    void add(const SwarmAnswer& answer) { seconds_.push_back(answer.seconds); }
    [[nodiscard]] LoadPhase phase() {
        LoadPhase phase;
        phase.requests = static_cast<std::int64_t>(seconds_.size());
        phase.seconds = std::chrono::duration<double>(system_clock().steady() - begin_).count();
        std::ranges::sort(seconds_);
        if (!seconds_.empty()) {
            phase.p50_ms = seconds_[seconds_.size() / 2] * 1000;
            phase.p99_ms = seconds_[(seconds_.size() * 99 - 1) / 100] * 1000;
            phase.max_ms = seconds_.back() * 1000;
        }
        return phase;
    }

private:
    std::chrono::nanoseconds begin_;
    std::vector<double> seconds_;
};

/// One of the jobs: what was asked for and what it is called.
struct Asked {
    std::string source;
    std::string id;
};

/// Asks, waits, checks. Client c has the jobs c, c + clients, ...
class Load {
public:
    Load(const LoadSettings& settings, int port)
        : settings_(settings)
        , port_(port)
        , mine_(static_cast<std::size_t>(settings.clients)) {
        for (int i = 0; i < settings.jobs; ++i) {
            mine(i % settings.clients).push_back({"// job " + std::to_string(i), ""});
        }
    }

    Result<LoadPhase> fill() {
        std::vector<std::size_t> told(mine_.size(), 0);
        Timed timed;
        KW_TRY(run([&](int client, const SwarmAnswer* last) -> std::optional<std::string> {
            std::vector<Asked>& jobs = mine(client);
            std::size_t& done = told[static_cast<std::size_t>(client)];
            if (last != nullptr) {
                timed.add(*last);
                const auto document = parse_json(last->body);
                const auto list =
                    document ? document->value("evaluations", nlohmann::json()) : nlohmann::json();
                for (const auto& one : list) {
                    jobs[done++].id = one.value("id", "");
                }
                if (list.empty()) {
                    return fail(*last);
                }
            }
            if (done == jobs.size()) {
                return std::nullopt;
            }
            nlohmann::json batch = nlohmann::json::array();
            for (std::size_t i = done; i < std::min(jobs.size(), done + k_batch); ++i) {
                batch.push_back(request(jobs[i].source));
            }
            return http_post(
                "/v1/evaluations/batch", json_text({{"evaluations", std::move(batch)}}));
        }));
        return timed.phase();
    }

    Result<LoadPhase> submit() {
        Timed timed;
        KW_TRY(run([&](int client, const SwarmAnswer* last) -> std::optional<std::string> {
            std::vector<Asked>& jobs = mine(client);
            if (last == nullptr) {
                jobs.push_back({"// late job " + std::to_string(client), ""});
                return http_post("/v1/evaluations", json_text(request(jobs.back().source)));
            }
            timed.add(*last);
            const auto document = parse_json(last->body);
            jobs.back().id = document && last->status == 202 ? document->value("id", "") : "";
            return jobs.back().id.empty() ? fail(*last) : std::nullopt;
        }));
        return timed.phase();
    }

    Result<LoadPhase> judge() {
        std::vector<std::size_t> at(mine_.size(), 0);
        Timed timed;
        KW_TRY(run([&](int client, const SwarmAnswer* last) -> std::optional<std::string> {
            const std::vector<Asked>& jobs = mine(client);
            std::size_t& next = at[static_cast<std::size_t>(client)];
            if (last != nullptr) {
                timed.add(*last);
                next += ended(*last, jobs[next]) ? 1 : 0;
            }
            return next == jobs.size()
                       ? std::nullopt
                       : std::optional(http_get("/v1/evaluations/" + jobs[next].id + "?wait=60s"));
        }));
        return timed.phase();
    }

    Result<LoadPhase> look() {
        std::vector<int> looked(mine_.size(), 0);
        Timed timed;
        KW_TRY(run([&](int client, const SwarmAnswer* last) -> std::optional<std::string> {
            const std::vector<Asked>& jobs = mine(client);
            int& count = looked[static_cast<std::size_t>(client)];
            if (last != nullptr) {
                timed.add(*last);
            }
            if (count == settings_.looks || jobs.empty()) {
                return std::nullopt;
            }
            const auto which = static_cast<std::size_t>(count++) % jobs.size();
            return http_get("/v1/evaluations/" + jobs[which].id);
        }));
        return timed.phase();
    }

    std::int64_t wrong = 0;  ///< ended, and not as what was asked for

private:
    std::vector<Asked>& mine(int client) { return mine_[static_cast<std::size_t>(client)]; }

    [[nodiscard]] nlohmann::json request(const std::string& source) const {
        return {{"task", settings_.task}, {"source", source}};
    }

    std::optional<std::string> fail(const SwarmAnswer& answer) {
        if (refusal_.empty()) {
            refusal_ = std::to_string(answer.status) + " " + answer.body.substr(0, 300);
        }
        return std::nullopt;
    }

    Result<void> run(const NextRequest& next) {
        KW_TRY(run_swarm(port_, settings_.clients, k_patience_s, next));
        return refusal_.empty() ? Result<void>()
                                : Error{Errc::environment, "the service refused: " + refusal_, ""};
    }

    bool ended(const SwarmAnswer& answer, const Asked& job) {
        const auto document = parse_json(answer.body);
        const std::string state = document ? document->value("state", "") : "";
        if (answer.status == 200 && (state == "queued" || state == "leased")) {
            return false;
        }
        const bool right = state == "done" && document->value("id", "") == job.id &&
                           (*document)["evaluation"].value("summary", "") == job.source;
        wrong += right ? 0 : 1;
        return true;
    }

    const LoadSettings& settings_;
    int port_;
    std::vector<std::vector<Asked>> mine_;
    std::string refusal_;
};

/// Lanes that judge nothing, as long as this lives.
class Lanes {
public:
    Lanes(Service& service, int count)
        : service_(service) {
        for (int i = 0; i < count; ++i) {
            LaneSettings settings;
            settings.self.name = "local/load-" + std::to_string(i + 1);
            settings.self.trusted = true;
            settings.self.devices = {"cpu"};
            settings.self.kinds = {"time", "build"};
            lanes_.push_back(std::make_unique<Lane>(
                service.dispatch,
                service.tasks,
                [this](const Lease&) -> Result<Device*> { return &device_; },
                settings));
        }
    }
    ~Lanes() {
        for (const auto& lane : lanes_) {
            lane->stop();
        }
        service_.dispatch.interrupt();
    }
    Lanes(const Lanes&) = delete;
    Lanes& operator=(const Lanes&) = delete;

private:
    Service& service_;
    InstantDevice device_;
    std::vector<std::unique_ptr<Lane>> lanes_;
};

Result<void> count_results(Service& service, LoadReport& report) {
    KW_TRY_ASSIGN(const auto campaigns, service.store.campaigns());
    std::int64_t stored = 0;
    for (const CampaignRow& campaign : campaigns) {
        std::int64_t after = 0;
        constexpr int piece = 5'000;
        while (true) {
            KW_TRY_ASSIGN(
                const auto rows, service.store.evaluations_after(campaign.id, after, piece));
            stored += static_cast<std::int64_t>(rows.size());
            if (rows.size() < piece) {
                break;
            }
            after = rows.back().id;
        }
    }
    report.doubled = std::max<std::int64_t>(0, stored - report.jobs);
    report.lost += std::max<std::int64_t>(0, report.jobs - stored);
    return {};
}

}  // namespace

Result<LoadReport> run_load(const LoadSettings& settings) {
    LoadReport report;
    report.jobs = static_cast<std::int64_t>(settings.jobs) + settings.clients;
    KW_TRY_ASSIGN(const auto service, open_service(settings));
    HttpSettings http;
    http.port = 0;
    http.max_connections = static_cast<std::size_t>(settings.clients) + 10;
    KW_TRY_ASSIGN(const auto server, HttpServer::start(http, service->api, service->wakeups));
    Load load(settings, server->port());
    report.rss_before_kb = memory_kb("VmRSS");
    KW_TRY_ASSIGN(report.fill, load.fill());
    KW_TRY_ASSIGN(report.submit, load.submit());
    KW_TRY_ASSIGN(const db::QueueCounts counts, service->queue.counts());
    report.queued_most = counts.total;
    report.rss_queued_kb = memory_kb("VmRSS");
    {
        const Lanes lanes(*service, settings.lanes);
        KW_TRY_ASSIGN(report.judge, load.judge());
    }
    KW_TRY_ASSIGN(report.look, load.look());
    report.rss_after_kb = memory_kb("VmRSS");
    report.rss_peak_kb = memory_kb("VmHWM");
    report.lost = load.wrong;
    KW_TRY(count_results(*service, report));
    server->stop();
    std::error_code ignored;
    for (const char* name : {"load.db", "load.db-wal"}) {
        const auto bytes = std::filesystem::file_size(settings.folder / name, ignored);
        report.database_bytes += ignored ? 0 : static_cast<std::int64_t>(bytes);
    }
    return report;
}

}  // namespace kw::server
