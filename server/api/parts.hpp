// SPDX-License-Identifier: Apache-2.0
// What the routes work on.
#pragma once

#include "core/clock.hpp"
#include "db/queue.hpp"
#include "db/store.hpp"
#include "db/tokens.hpp"
#include "server/http/server.hpp"
#include "server/http/wakeups.hpp"
#include "server/wire/job_options.hpp"
#include "server/work/dispatch.hpp"
#include "server/work/task_shelf.hpp"

#include <functional>
#include <string>

namespace kw::server {

struct ApiSettings {
    bool anonymous = true;       ///< callers without a token may do everything (loopback)
    bool loopback_hosts = true;  ///< only requests for this machine's own names: DNS rebinding
    bool read_only = false;      ///< shows, takes no work
    bool allow_run = false;      ///< POST /v1/campaigns
    bool tls = false;
    double requests_per_s = 50;  ///< of one caller; 0 = no limit
    double request_burst = 200;
    std::string campaign = "service";  ///< its campaigns are named so: "service-w4a16_gemv"
    JobLimits limits;
};

struct ApiParts {
    db::Store& store;
    db::Store& views;  ///< a reader of its own, so that a long look holds nobody up; or `store`
    db::Queue& queue;
    db::Tokens& tokens;
    Dispatch& dispatch;
    TaskShelf& tasks;
    Wakeups& wakeups;
    Clock& clock;
    ApiSettings settings;
    std::function<HttpCounts()> http_counts;  ///< empty without sockets
    class CampaignRunner* runner = nullptr;   ///< null: campaigns are not started here
};

}  // namespace kw::server
