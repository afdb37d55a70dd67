// SPDX-License-Identifier: Apache-2.0
// Small headers of our own that make NVRTC take what people and models write: the C headers it
// lacks, integer types without any header, CUB by its device parts, the type of a tensor map.
#pragma once

#include <string_view>
#include <vector>

namespace kw::cuda {

struct Shim {
    std::string_view path;  ///< as it is included: "stdint.h", "cub/cub.cuh"
    std::string_view text;
};

inline constexpr const char* k_prelude = "kwright_prelude.h";  ///< included before every source

/// For NVRTC.
[[nodiscard]] const std::vector<Shim>& nvrtc_shims();
/// For nvcc, which has the host's headers.
[[nodiscard]] const std::vector<Shim>& nvcc_shims();

}  // namespace kw::cuda
