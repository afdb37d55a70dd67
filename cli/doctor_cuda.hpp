// SPDX-License-Identifier: Apache-2.0
// doctor's look at CUDA: a toolkit, the emulated device, a GPU. None of it is needed for CPU tasks,
// so nothing here is ever "missing".
#pragma once

#include "cli/host.hpp"
#include "core/config.hpp"

#include <vector>

namespace kw::cli {

struct CudaReport {
    std::vector<Condition> lines;
    bool can_judge = false;  ///< CUDA kernels, on the emulated device
};

/// `host_can_judge`: compiler and sandbox are there; without them the device is not tried.
[[nodiscard]] CudaReport look_at_cuda(const Config& config, bool host_can_judge);

}  // namespace kw::cli
