// SPDX-License-Identifier: Apache-2.0
// The lanes of a process, of a server or of a worker elsewhere: one that times a device each, and
// threads that build.
#pragma once

#include "server/work/lane.hpp"
#include "server/work/lease.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kw::server {

/// The names a device goes by in claims: a GPU also as any of its architecture and as any at all.
[[nodiscard]] std::vector<std::string> names_of(const Device& device);

/// How many build threads this machine has to spare beside its lanes: none on two cores, where a
/// build would disturb what is being timed.
[[nodiscard]] int spare_build_threads();

struct PoolSettings {
    std::vector<std::string> devices;  ///< one lane each
    int build_threads = 0;             ///< 0 = the lanes build what they time
    EvaluatorConfig evaluator;
    std::string prefix = "local/";                    ///< of the lanes' names
    std::string toolchain;                            ///< "g++ 12.2.0", for people
    std::vector<std::string> task_hashes;             ///< only jobs of these; empty = any
    std::function<std::string(const Device&)> facts;  ///< lines for prompts; may be empty
};

class LocalPool {
public:
    /// Opens the devices first; what open_device() says is the error.
    static Result<std::unique_ptr<LocalPool>> start(
        const PoolSettings& settings, LeaseSource& source, TaskShelf& tasks);
    ~LocalPool();

    void stop();     ///< finish what is being judged
    void abandon();  ///< give it back
    [[nodiscard]] bool ended() const;
    [[nodiscard]] std::int64_t finished() const;  ///< results that were taken

private:
    explicit LocalPool(LeaseSource& source)
        : source_(&source) {}
    LeaseSource* source_;
    std::vector<std::unique_ptr<Device>> devices_;
    std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace kw::server
