// SPDX-License-Identifier: Apache-2.0
// The kernels that `kwright dev bench emulated` runs, as PTX: no compiler is needed.
#pragma once

#include <string_view>

namespace kw::cli {

/// gemm_f32, add_f16, gemm_s8, gemv_w4a16: cli/bench_kernels/kernels.cu.
[[nodiscard]] std::string_view bench_ptx();

}  // namespace kw::cli
