// SPDX-License-Identifier: Apache-2.0
// A job out of what is to be judged, and the campaign of the service that its result enters.
#pragma once

#include "core/clock.hpp"
#include "core/task.hpp"
#include "db/queue.hpp"
#include "server/wire/job_options.hpp"

#include <cstdint>
#include <string>

namespace kw::server {

struct JobWish {
    std::string source;
    std::string target = "cpu";  ///< unless the source's line says another
    std::string device = "cpu";
    std::string isa = "native";
    std::string seed;  ///< hex; "" = fresh
    JobOptions options;
    std::int64_t token_id = 0;
};

/// `prefix`: the service's campaigns are named "prefix-task[-device]", one a task and device; it is
/// made when it is not there.
[[nodiscard]] Result<db::NewJob> make_job(
    const JobWish& wish,
    const Task& task,
    const std::string& prefix,
    db::Store& store,
    Clock& clock);

}  // namespace kw::server
