// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/shims.hpp"

namespace kw::cuda {

// shims_c.cpp, shims_std.cpp
std::vector<Shim> c_shims();
std::vector<Shim> std_shims();

namespace {

constexpr std::string_view k_tensormap = R"(#pragma once
#ifdef __CUDACC_RTC__
#if __CUDACC_VER_MAJOR__ >= 13
struct alignas(128) CUtensorMap_st {
#else
struct alignas(64) CUtensorMap_st {
#endif
    unsigned long long opaque[16];
};
typedef struct CUtensorMap_st CUtensorMap;
#else
#include <cuda.h>
#endif
)";

constexpr std::string_view k_cuda_h = R"(#pragma once
#include "kwright_tensormap.h"
)";

// The whole of CUB has host code; what kernels call is in its block and warp headers.
constexpr std::string_view k_cub = R"(#pragma once
#include <cub/block/block_adjacent_difference.cuh>
#include <cub/block/block_discontinuity.cuh>
#include <cub/block/block_exchange.cuh>
#include <cub/block/block_histogram.cuh>
#include <cub/block/block_load.cuh>
#include <cub/block/block_merge_sort.cuh>
#include <cub/block/block_radix_rank.cuh>
#include <cub/block/block_radix_sort.cuh>
#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>
#include <cub/block/block_store.cuh>
#include <cub/thread/thread_load.cuh>
#include <cub/thread/thread_store.cuh>
#include <cub/warp/warp_exchange.cuh>
#include <cub/warp/warp_load.cuh>
#include <cub/warp/warp_merge_sort.cuh>
#include <cub/warp/warp_reduce.cuh>
#include <cub/warp/warp_scan.cuh>
#include <cub/warp/warp_store.cuh>
)";

// nvcc finds the mathematics and the integer limits without any header, floating limits not.
constexpr std::string_view k_nvcc_prelude = R"(#pragma once
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
)";

}  // namespace

const std::vector<Shim>& nvrtc_shims() {
    static const std::vector<Shim> shims = [] {
        std::vector<Shim> all = c_shims();
        for (const Shim& shim : std_shims()) {
            all.push_back(shim);
        }
        for (const char* header : {"cuda.h", "cudaTypedefs.h"}) {
            all.push_back({header, k_cuda_h});
        }
        all.push_back({"cub/cub.cuh", k_cub});
        all.push_back({"kwright_tensormap.h", k_tensormap});
        return all;
    }();
    return shims;
}

const std::vector<Shim>& nvcc_shims() {
    static const std::vector<Shim> shims{
        {k_prelude, k_nvcc_prelude}, {"kwright_tensormap.h", k_tensormap}};
    return shims;
}

}  // namespace kw::cuda
