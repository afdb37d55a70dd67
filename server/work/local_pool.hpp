// SPDX-License-Identifier: Apache-2.0
// The lanes of a serve process: one that times a device each, and threads that build.
#pragma once

#include "server/work/dispatch.hpp"
#include "server/work/lane.hpp"

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
};

class LocalPool {
public:
    /// Opens the devices first; what open_device() says is the error.
    static Result<std::unique_ptr<LocalPool>> start(
        const PoolSettings& settings, Dispatch& dispatch, TaskShelf& tasks);
    ~LocalPool();

    void stop();     ///< finish what is being judged
    void abandon();  ///< give it back
    [[nodiscard]] bool ended() const;

private:
    LocalPool(Dispatch& dispatch)
        : dispatch_(&dispatch) {}
    Dispatch* dispatch_;
    std::vector<std::unique_ptr<Device>> devices_;
    std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace kw::server
