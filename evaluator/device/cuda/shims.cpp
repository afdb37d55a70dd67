// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/shims.hpp"

namespace kw::cuda {
namespace {

// The widths are those of libcu++ under NVRTC; a redeclaration as the same type is allowed.
constexpr std::string_view k_prelude_text = R"(#pragma once
typedef signed char int8_t;
typedef signed short int16_t;
typedef signed int int32_t;
typedef signed long long int64_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef int64_t intptr_t;
typedef uint64_t uintptr_t;
)";

constexpr std::string_view k_stdint = R"(#pragma once
#include "kwright_prelude.h"
typedef int64_t intmax_t;
typedef uint64_t uintmax_t;
#ifndef INT8_MIN
#define INT8_MIN (-128)
#define INT16_MIN (-32767 - 1)
#define INT32_MIN (-2147483647 - 1)
#define INT64_MIN (-9223372036854775807LL - 1)
#define INT8_MAX 127
#define INT16_MAX 32767
#define INT32_MAX 2147483647
#define INT64_MAX 9223372036854775807LL
#define UINT8_MAX 255
#define UINT16_MAX 65535
#define UINT32_MAX 4294967295U
#define UINT64_MAX 18446744073709551615ULL
#define SIZE_MAX UINT64_MAX
#endif
)";

constexpr std::string_view k_cstdint = R"(#pragma once
#include <stdint.h>
namespace std {
using ::int8_t;
using ::int16_t;
using ::int32_t;
using ::int64_t;
using ::uint8_t;
using ::uint16_t;
using ::uint32_t;
using ::uint64_t;
using ::intptr_t;
using ::uintptr_t;
}
)";

constexpr std::string_view k_stddef = R"(#pragma once
#ifndef NULL
#define NULL 0
#endif
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
typedef long ptrdiff_t;
)";

constexpr std::string_view k_cstddef = R"(#pragma once
#include <stddef.h>
namespace std {
using ::size_t;
using ::ptrdiff_t;
}
)";

constexpr std::string_view k_limits_h = R"(#pragma once
#ifndef INT_MAX
#define CHAR_BIT 8
#define SCHAR_MIN (-128)
#define SCHAR_MAX 127
#define UCHAR_MAX 255
#define SHRT_MIN (-32768)
#define SHRT_MAX 32767
#define USHRT_MAX 65535
#define INT_MIN (-2147483647 - 1)
#define INT_MAX 2147483647
#define UINT_MAX 4294967295U
#define LONG_MIN (-9223372036854775807L - 1)
#define LONG_MAX 9223372036854775807L
#define ULONG_MAX 18446744073709551615UL
#define LLONG_MIN (-9223372036854775807LL - 1)
#define LLONG_MAX 9223372036854775807LL
#define ULLONG_MAX 18446744073709551615ULL
#endif
)";

constexpr std::string_view k_float_h = R"(#pragma once
#ifndef FLT_MAX
#define FLT_RADIX 2
#define FLT_MANT_DIG 24
#define DBL_MANT_DIG 53
#define FLT_EPSILON 1.1920928955078125e-7f
#define FLT_MIN 1.17549435082228750797e-38f
#define FLT_MAX 3.40282346638528859812e+38f
#define DBL_EPSILON 2.2204460492503130808e-16
#define DBL_MIN 2.22507385850720138309e-308
#define DBL_MAX 1.79769313486231570815e+308
#endif
)";

constexpr std::string_view k_math_h = R"(#pragma once
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif
#ifndef NAN
#define NAN __int_as_float(0x7fffffff)
#endif
#ifndef HUGE_VALF
#define HUGE_VALF INFINITY
#endif
#ifndef M_PI
#define M_E 2.71828182845904523536
#define M_LOG2E 1.44269504088896340736
#define M_LN2 0.693147180559945309417
#define M_PI 3.14159265358979323846
#define M_SQRT2 1.41421356237309504880
#endif
)";

// <algorithm>, <type_traits> and <limits> in as much as device code uses them.
constexpr std::string_view k_algorithm = R"(#pragma once
namespace std {
template <class T> __host__ __device__ constexpr void swap(T& a, T& b) {
    T c = static_cast<T&&>(a);
    a = static_cast<T&&>(b);
    b = static_cast<T&&>(c);
}
template <class T> __host__ __device__ constexpr const T& min(const T& a, const T& b) {
    return b < a ? b : a;
}
template <class T> __host__ __device__ constexpr const T& max(const T& a, const T& b) {
    return a < b ? b : a;
}
template <class T> __host__ __device__ constexpr const T& clamp(const T& v, const T& a, const T& b) {
    return v < a ? a : (b < v ? b : v);
}
}
)";

constexpr std::string_view k_type_traits = R"(#pragma once
#include <cuda/std/type_traits>
namespace std {
using cuda::std::conditional;
using cuda::std::conditional_t;
using cuda::std::decay_t;
using cuda::std::enable_if;
using cuda::std::enable_if_t;
using cuda::std::false_type;
using cuda::std::integral_constant;
using cuda::std::is_floating_point;
using cuda::std::is_floating_point_v;
using cuda::std::is_integral;
using cuda::std::is_integral_v;
using cuda::std::is_same;
using cuda::std::is_same_v;
using cuda::std::is_signed;
using cuda::std::is_signed_v;
using cuda::std::is_unsigned;
using cuda::std::is_unsigned_v;
using cuda::std::make_unsigned_t;
using cuda::std::make_signed_t;
using cuda::std::remove_cv_t;
using cuda::std::remove_reference_t;
using cuda::std::true_type;
}
)";

constexpr std::string_view k_limits = R"(#pragma once
#include <cuda/std/limits>
namespace std {
using cuda::std::numeric_limits;
}
)";

constexpr std::string_view k_utility = R"(#pragma once
#include <algorithm>
#include <cuda/std/utility>
namespace std {
using cuda::std::make_pair;
using cuda::std::pair;
}
)";

constexpr std::string_view k_array = R"(#pragma once
#include <cuda/std/array>
namespace std {
using cuda::std::array;
}
)";

constexpr std::string_view k_nothing = "#pragma once\n";

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
#include <cub/block/block_radix_sort.cuh>
#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>
#include <cub/block/block_store.cuh>
#include <cub/warp/warp_exchange.cuh>
#include <cub/warp/warp_load.cuh>
#include <cub/warp/warp_merge_sort.cuh>
#include <cub/warp/warp_reduce.cuh>
#include <cub/warp/warp_scan.cuh>
#include <cub/warp/warp_store.cuh>
)";

}  // namespace

const std::vector<Shim>& nvrtc_shims() {
    static const std::vector<Shim> shims{
        {k_prelude, k_prelude_text},
        {"stdint.h", k_stdint},
        {"inttypes.h", k_stdint},
        {"cstdint", k_cstdint},
        {"cinttypes", k_cstdint},
        {"stddef.h", k_stddef},
        {"cstddef", k_cstddef},
        {"limits.h", k_limits_h},
        {"climits", k_limits_h},
        {"float.h", k_float_h},
        {"cfloat", k_float_h},
        {"math.h", k_math_h},
        {"cmath", k_math_h},
        {"stdio.h", k_nothing},
        {"cstdio", k_nothing},
        {"stdlib.h", k_nothing},
        {"cstdlib", k_nothing},
        {"string.h", k_nothing},
        {"cstring", k_nothing},
        {"assert.h", k_nothing},
        {"cassert", k_nothing},
        {"algorithm", k_algorithm},
        {"type_traits", k_type_traits},
        {"limits", k_limits},
        {"utility", k_utility},
        {"array", k_array},
        {"cuda.h", k_cuda_h},
        {"cub/cub.cuh", k_cub},
        {"kwright_tensormap.h", k_tensormap}};
    return shims;
}

const std::vector<Shim>& nvcc_shims() {
    static const std::vector<Shim> shims{
        {k_prelude, "#pragma once\n#include <stdint.h>\n"}, {"kwright_tensormap.h", k_tensormap}};
    return shims;
}

}  // namespace kw::cuda
