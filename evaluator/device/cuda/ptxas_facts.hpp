// SPDX-License-Identifier: Apache-2.0
// Resources of kernels as `ptxas -v` prints them.
#pragma once

#include "evaluator/device/cuda/build.hpp"

#include <string_view>
#include <vector>

namespace kw::cuda {

/// Kernels in the order printed; lines that are not understood are passed over.
[[nodiscard]] std::vector<KernelResources> ptxas_facts(std::string_view log);

}  // namespace kw::cuda
