// SPDX-License-Identifier: Apache-2.0
// A model that is none: a process of its own that answers each chat completion after a fixed time,
// so that what the controller itself costs can be measured.
#pragma once

#include "core/result.hpp"

#include <sys/types.h>

#include <chrono>
#include <string>

namespace kw::cli {

class ModelStub {
public:
    /// Forks: the caller has no other thread yet. Every answer holds `source` in a fence, with a
    /// number of its own in it so that no two are the same code.
    static Result<ModelStub> start(std::chrono::milliseconds delay, const std::string& source);
    ~ModelStub();  ///< ends the process
    ModelStub(ModelStub&& other) noexcept;
    ModelStub& operator=(ModelStub&&) = delete;

    [[nodiscard]] std::string url() const;

private:
    ModelStub(pid_t pid, int port)
        : pid_(pid)
        , port_(port) {}
    pid_t pid_;
    int port_;
};

}  // namespace kw::cli
