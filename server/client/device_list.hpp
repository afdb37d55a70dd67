// SPDX-License-Identifier: Apache-2.0
// What a server says of its workers and their devices.
#pragma once

#include "core/result.hpp"
#include "server/client/link.hpp"

#include <functional>
#include <string>
#include <vector>

namespace kw::server {

/// A device as its worker describes it.
struct RemoteMachine {
    std::string device;       ///< id: "cpu", "cuda:0"
    std::string description;  ///< Device::description()
    std::string arch;         ///< CUDA: "sm_90a"
    std::string facts;        ///< lines for prompts: caches, bandwidths, peaks
};

struct RemoteWorker {
    std::string name;
    bool alive = false;
    std::vector<std::string> devices;  ///< the names that its devices go by in claims
    std::vector<RemoteMachine> machines;

    [[nodiscard]] bool serves(const std::string& device) const;
    /// Of the device; null when the worker does not describe it.
    [[nodiscard]] const RemoteMachine* machine(const std::string& device) const;
};

/// GET /v1/workers, once. Texts are cut and cleaned: they end in prompts and on screens. What a
/// worker says in another form is passed over.
[[nodiscard]] Result<std::vector<RemoteWorker>> ask_workers(
    ServerLink& link, std::function<bool()> stop = {});

}  // namespace kw::server
