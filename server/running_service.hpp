// SPDX-License-Identifier: Apache-2.0
// A whole evaluation service in this process: database, queue, lanes, HTTP. What `kwright serve`
// runs.
#pragma once

#include "agent/models/model_config.hpp"
#include "core/result.hpp"
#include "server/api/parts.hpp"
#include "server/http/server.hpp"
#include "server/work/local_pool.hpp"

#include <filesystem>
#include <memory>
#include <vector>

namespace kw::server {

struct ServeSettings {
    std::filesystem::path database;
    std::vector<std::filesystem::path> task_roots;
    HttpSettings http;
    ApiSettings api;  ///< `anonymous`, `loopback_hosts` and `tls` follow from `http`
    db::QueueSettings queue;
    PoolSettings pool;
    std::filesystem::path prompts_dir;  ///< of campaigns, with `api.allow_run`
    agent::ModelConfig models;
};

/// Whether only this machine can reach the address.
[[nodiscard]] bool is_loopback(const std::string& bind);

class RunningService {
public:
    /// Errors: Errc::usage for an address that others reach while nobody has a token, or for half
    /// of a TLS certificate; Errc::database (also: another process writes the file), and what
    /// devices and sockets say.
    static Result<std::unique_ptr<RunningService>> start(
        const ServeSettings& settings, Clock& clock);
    ~RunningService();
    RunningService(const RunningService&) = delete;
    RunningService& operator=(const RunningService&) = delete;

    [[nodiscard]] int port() const;
    [[nodiscard]] HttpCounts counts() const;

    /// Takes no further job; those in hand are finished. Clients are served until stop().
    void drain();
    [[nodiscard]] bool drained() const;
    /// The jobs in hand go back to the queue.
    void abandon();
    void stop();

private:
    struct Parts;
    explicit RunningService(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace kw::server
