// SPDX-License-Identifier: Apache-2.0
// What the queue's parts share: queue.cpp (leases), queue_submit.cpp (admission and fair order),
// queue_results.cpp (ends), queue_reads.cpp.
#pragma once

#include "db/job_columns.hpp"
#include "db/queue.hpp"
#include "db/store_impl.hpp"

#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>

namespace kw::db {

/// The (rank, id) of what waits for a device, with its place in the order in logarithmic time.
using WaitingOrder = __gnu_pbds::tree<
    std::pair<std::int64_t, std::int64_t>,
    __gnu_pbds::null_type,
    std::less<>,
    __gnu_pbds::rb_tree_tag,
    __gnu_pbds::tree_order_statistics_node_update>;

/// What waits, held in memory: the queue is the file's one writer, and counting a hundred thousand
/// rows at each submission would cost more than the submission.
struct Queue::Counted {
    bool loaded = false;                        ///< false after a failure in the middle: read anew
    std::map<std::string, WaitingOrder> order;  ///< by device
    std::map<std::int64_t, std::int64_t> by_token;
    std::map<std::pair<std::string, std::string>, std::int64_t> by_lane;
    std::int64_t total = 0;
};

inline constexpr std::string_view k_queueing = "storing the job";
inline constexpr std::string_view k_leasing = "leasing a job";
inline constexpr std::string_view k_ending_job = "ending the job";
inline constexpr std::string_view k_reading_jobs = "reading the jobs";
inline constexpr int k_queue_schema = 9;

/// "id, " and every column.
[[nodiscard]] std::string job_columns();
[[nodiscard]] Result<JobRow> job_of(const Statement& query);
/// One result is taken from the worker, or one lease expired in its hands.
[[nodiscard]] Result<void> credit(
    Connection& connection, const std::string& worker, const char* column);

}  // namespace kw::db
