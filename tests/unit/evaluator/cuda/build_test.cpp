// SPDX-License-Identifier: Apache-2.0
// Real compilers in the real sandbox; skipped where there is no toolkit.
#include "tests/unit/evaluator/cuda/workshop.hpp"

#include <fstream>
#include <set>

namespace {

using namespace kw;
using namespace kw::test;
using cuda::Route;

const std::string k_copy =
    "extern \"C\" __global__ void k(const float* x, float* y, int n) {\n"
    "    const int i = blockIdx.x * blockDim.x + threadIdx.x;\n"
    "    if (i < n) y[i] = x[i];\n}\n";

TEST_CASE("cuda build: a small kernel becomes PTX and cubin with its resources") {
    KW_WORKSHOP_OR_SKIP(shop);
    const auto outcome = shop->build(k_copy);
    INFO(outcome.summary << "\n" << outcome.detail);
    REQUIRE(outcome.verdict == Verdict::accepted);
    CHECK(outcome.route == "nvrtc");
    CHECK(outcome.arch == "sm_90a");
    CHECK(outcome.ptx_facts.target == "sm_90a");
    REQUIRE(outcome.kernels.size() == 1);
    CHECK(outcome.kernels[0].name == "k");
    CHECK(outcome.kernels[0].registers > 0);
    CHECK(outcome.cubin.substr(1, 3) == "ELF");
    REQUIRE(outcome.ptx_facts.kernels.size() == 1);
    CHECK(outcome.ptx_facts.kernels[0].signature.parameters.size() == 3);
    CHECK(outcome.facts.compiler.rfind("NVRTC ", 0) == 0);
    CHECK(
        outcome.facts.command ==
        "nvrtc --gpu-architecture=compute_90a -std=c++17 -lineinfo candidate.cu");
    CHECK(cuda::show_classes(outcome.facts.instruction_classes) == "none");
    CHECK(outcome.ptx.find("kw-") == std::string::npos);
    CHECK(outcome.ptx.find(shop->cache().string()) == std::string::npos);
}

TEST_CASE("cuda build: equal requests come from the cache and damage is built anew") {
    KW_WORKSHOP_OR_SKIP(shop);
    const auto first = shop->build(k_copy);
    const auto second = shop->build(k_copy);
    CHECK_FALSE(first.facts.cached);
    CHECK(second.facts.cached);
    CHECK(second.ptx == first.ptx);
    CHECK(second.cubin == first.cubin);
    CHECK(second.kernels.size() == 1);
    CHECK(second.kernels[0].registers == first.kernels[0].registers);
    CHECK_FALSE(shop->build(k_copy, Route::nvcc).facts.cached);
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(shop->cache() / "build")) {
        if (entry.path().filename() == "kernel.so") {
            std::filesystem::permissions(entry.path(), std::filesystem::perms::all);
            std::ofstream(entry.path(), std::ios::app) << "x";
        }
    }
    const auto third = shop->build(k_copy);
    CHECK_FALSE(third.facts.cached);
    CHECK(third.ptx == first.ptx);
}

/// Built by NVRTC alone, and by nvcc from the same text.
void require_both(CudaWorkshop& shop, const std::string& body) {
    for (const Route route : {Route::automatic, Route::nvcc}) {
        const auto outcome = shop.build(body, route);
        INFO(outcome.summary << "\n" << outcome.detail);
        CHECK(outcome.verdict == Verdict::accepted);
        CHECK(outcome.route == (route == Route::nvcc ? "nvcc" : "nvrtc"));
    }
}

TEST_CASE("cuda build: limits, constants and small types need no header") {
    KW_WORKSHOP_OR_SKIP(shop);
    require_both(*shop, R"(
constexpr float most = INFINITY, least = -FLT_MAX, none = NAN;
__device__ constexpr uint8_t bytes[] = {0, UINT8_MAX, uint8_t(CHAR_BIT)};
struct Pair { int a; double b; };
static_assert(INT_MAX == 2147483647 && INT_MIN + INT_MAX == -1 && UINT_MAX == 4294967295u);
static_assert(UINT32_MAX == UINT_MAX && INT64_MIN < 0 && SHRT_MIN == -32768 && CHAR_MIN < 0);
static_assert(LLONG_MAX > 0 && ULLONG_MAX == UINT64_MAX && SIZE_MAX == UINT64_MAX);
static_assert(sizeof(INT_MAX) == 4 && sizeof(UINT32_MAX) == 4 && sizeof(INT64_MAX) == 8);
static_assert(sizeof(INFINITY) == 4 && sizeof(NAN) == 4 && sizeof(FLT_MAX) == 4 && sizeof(M_PI) == 8);
static_assert(FLT_EPSILON == 0x1p-23f && FLT_MIN == 0x1p-126f && FLT_MAX == 0x1.fffffep127f);
static_assert(DBL_MAX > FLT_MAX && DBL_EPSILON == 0x1p-52 && FLT_TRUE_MIN == 0x1p-149f);
static_assert(sizeof(int8_t) + sizeof(int16_t) + sizeof(int32_t) + sizeof(int64_t) == 15);
static_assert(sizeof(uintptr_t) == 8 && sizeof(ptrdiff_t) == 8 && sizeof(size_t) == 8);
static_assert(sizeof(uint) == 4 && sizeof(ushort) == 2 && sizeof(ulong) == 8);
static_assert(offsetof(Pair, b) == 8 && sizeof(std::size_t) == 8);
static_assert(none != none && most > -least);
extern "C" __global__ void k(const float* x, float* y, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    assert(n > 0 && x != NULL);
    memcpy(y, x, 4);
    memset(y, 0, 4);
    printf("%d\n", i);
    y[i] = fmaxf(x[i], -INFINITY) * float(M_PI) + bytes[i % 3] + min(n, 3) + isnan(x[i]);
})");
}

TEST_CASE("cuda build: the headers of C and C++ hold what device code uses of them") {
    KW_WORKSHOP_OR_SKIP(shop);
    require_both(*shop, R"(
#include <algorithm>
#include <array>
#include <assert.h>
#include <cassert>
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda.h>
#include <cuda_runtime.h>
#include <float.h>
#include <functional>
#include <inttypes.h>
#include <initializer_list>
#include <limits.h>
#include <limits>
#include <math.h>
#include <new>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tuple>
#include <type_traits>
#include <utility>
template <class T, class = std::enable_if_t<std::is_integral_v<T>>> __device__ int kind(T) { return 1; }
template <class T, std::enable_if_t<std::is_floating_point<T>::value, int> = 0> __device__ int kind(T) { return 2; }
template <class T> __device__ std::remove_reference_t<T> copy(T&& v) { return std::forward<T>(v); }
template <std::size_t... I> __device__ int sum(std::index_sequence<I...>) { return (0 + ... + int(I)); }
static_assert(sizeof(std::conditional_t<true, int8_t, int>) == 1 && std::is_same_v<std::decay_t<const int&>, int>);
static_assert(std::numeric_limits<float>::max() == FLT_MAX && std::numeric_limits<int>::lowest() == INT_MIN);
static_assert(std::is_trivially_copyable_v<std::pair<int, float>> || true);
extern "C" __global__ void k(const float* x, float* y, int n) {
    const float v = x[n];
    float s = std::sqrt(v) + std::exp(v) + std::abs(v) + std::fma(v, v, 1.0f) + std::floor(v);
    s += std::isnan(v) + std::isinf(v) + std::lround(v) + std::pow(v, 2.0f) + std::tanh(v);
    s += std::min(v, 1.0f) + std::max(n, 3) + std::clamp(n, 0, 7) + std::max({v, s, 1.0f});
    s += std::numeric_limits<float>::infinity() + std::abs(n) + std::plus<float>()(v, s);
    std::array<int, 4> four{1, 2, 3, 4};
    const auto pair = std::make_pair(n, v);
    const std::tuple<int, float> both{n, v};
    s += four[n & 3] + pair.first + std::get<1>(both) + kind(n) + kind(v) + copy(v);
    s += sum(std::make_index_sequence<4>()) + float(UINT64_C(5)) + std::uint32_t(7);
    std::memcpy(y + 1, x, sizeof(float));
    std::printf("%f\n", s);
    y[n] = std::move(s);
}
__global__ void mapped(const __grid_constant__ CUtensorMap map, int* p) {
    *p = reinterpret_cast<const int*>(&map)[0];
})");
}

TEST_CASE("cuda build: the same source means the same to both compilers") {
    KW_WORKSHOP_OR_SKIP(shop);
    const std::string body =
        "#include <cuda_fp16.h>\n#include <kwright_tensormap.h>\n#include <type_traits>\n" +
        k_copy +
        "template <class T> __device__ T twice(T v) {\n"
        "    if (std::is_same<T, int64_t>::value || std::is_same_v<T, float>) return v + v;\n"
        "    return v;\n}\n"
        "__global__ void other(const __grid_constant__ CUtensorMap map, __half2 h, uint8_t* p) {\n"
        "    p[0] = uint8_t(twice(int64_t(1))) + uint8_t(twice(1.0f));\n}\n";
    std::set<std::size_t> align;
    for (const Route route : {Route::automatic, Route::nvcc}) {
        const auto outcome = shop->build(body, route);
        INFO(outcome.summary << "\n" << outcome.detail);
        REQUIRE(outcome.verdict == Verdict::accepted);
        CHECK(outcome.route == (route == Route::nvcc ? "nvcc" : "nvrtc"));
        REQUIRE(outcome.ptx_facts.kernels.size() == 2);
        for (const auto& kernel : outcome.ptx_facts.kernels) {
            if (kernel.signature.name == "k") {
                CHECK(kernel.signature.parameters[2].bytes == 4);
            } else {
                CHECK(kernel.signature.parameters[0].align >= 64);
                align.insert(kernel.signature.parameters[0].align);
                CHECK(kernel.signature.parameters[0].bytes == 128);
                CHECK(kernel.signature.parameters[1].bytes == 4);
            }
        }
    }
    CHECK(align.size() == 1);
}

TEST_CASE("cuda build: a header that NVRTC lacks is built with nvcc and host code still refused") {
    KW_WORKSHOP_OR_SKIP(shop);
    const auto good = shop->build("#include <vector>\n" + k_copy);
    INFO(good.summary << "\n" << good.detail);
    CHECK(good.verdict == Verdict::accepted);
    CHECK(good.route == "nvcc");
    CHECK(has_finding(good, "missing-header"));
    CHECK(good.facts.compiler.rfind("nvcc ", 0) == 0);
    for (const char* host :
         {"int helper() { return 1; }\n",
          "__host__ int helper() { return 1; }\n",
          "struct S { S() {} };\n",
          "std::vector<int> all() { return {}; }\n",
          "#ifndef __CUDACC_RTC__\n__host__ int helper() { return 1; }\n#endif\n"}) {
        CAPTURE(host);
        const auto bad = shop->build("#include <vector>\n" + k_copy + host);
        INFO(bad.summary << "\n" << bad.detail);
        CHECK(bad.verdict == Verdict::forbidden);
        CHECK(bad.detail.find("candidate.cu:") != std::string::npos);
    }
    const auto nowhere = shop->build("#include <no/such/header.h>\n" + k_copy);
    INFO(nowhere.detail);
    CHECK(nowhere.verdict == Verdict::compile_error);
    CHECK(nowhere.summary.rfind("candidate.cu:3: error: ", 0) == 0);
}

TEST_CASE("cuda build: errors name lines of the candidate") {
    KW_WORKSHOP_OR_SKIP(shop);
    const auto undefined = shop->build(k_copy + "__device__ int f() { return nothing; }\n");
    CHECK(undefined.verdict == Verdict::compile_error);
    CHECK(undefined.summary == "candidate.cu:7: error: identifier \"nothing\" is undefined");
    CHECK(undefined.detail.find("    __device__ int f() { return nothing; }") != std::string::npos);
    const auto shared = shop->build(
        "extern \"C\" __global__ void k(const float* x, float* y, int n) {\n"
        "    __shared__ float s[80000];\n    s[threadIdx.x] = x[n];\n    __syncthreads();\n"
        "    y[0] = s[n];\n}\n");
    CHECK(shared.verdict == Verdict::compile_error);
    CHECK(shared.detail.find("shared data") != std::string::npos);
    const auto plan =
        shop->build("extern \"C\" __global__ void k(const float* x, float* y) { y[0] = x[0]; }\n");
    CHECK(plan.verdict == Verdict::forbidden);
    CHECK(
        plan.summary ==
        "candidate.cu:2:11: kernel 'k' takes 2 parameters, args gives 3; expected one argument for "
        "each parameter, in its order");
}

TEST_CASE("cuda build: the class of matrix instructions is read from what was built") {
    KW_WORKSHOP_OR_SKIP(shop);
    const std::string wmma =
        "#include <mma.h>\nusing namespace nvcuda;\n"
        "extern \"C\" __global__ void k(const float* x, float* y, int n) {\n"
        "    wmma::fragment<wmma::matrix_a, 16, 16, 16, half, wmma::row_major> a;\n"
        "    wmma::fragment<wmma::matrix_b, 16, 16, 16, half, wmma::col_major> b;\n"
        "    wmma::fragment<wmma::accumulator, 16, 16, 16, float> c;\n"
        "    wmma::fill_fragment(c, 0.0f);\n"
        "    wmma::load_matrix_sync(a, reinterpret_cast<const half*>(x), 16);\n"
        "    wmma::load_matrix_sync(b, reinterpret_cast<const half*>(x), 16);\n"
        "    wmma::mma_sync(c, a, b, c);\n"
        "    wmma::store_matrix_sync(y, c, 16, wmma::mem_row_major);\n}\n";
    const auto outcome = shop->build(wmma);
    INFO(outcome.summary << "\n" << outcome.detail);
    REQUIRE(outcome.verdict == Verdict::accepted);
    CHECK(cuda::show_classes(outcome.facts.instruction_classes) == "mma.f16");
    Task strict = copy_task();
    strict.cuda.require = {"mma.e4m3", "wgmma.e4m3"};
    CHECK(shop->build(wmma, Route::automatic, strict).verdict == Verdict::forbidden);
    const auto dp4a = shop->build(
        "__device__ __noinline__ int dot(int a, int b) { return __dp4a(a, b, 0); }\n"
        "extern \"C\" __global__ void k(const int* x, int* y, int n) { y[n] = dot(x[0], x[n]); "
        "}\n");
    INFO(dp4a.detail);
    CHECK(cuda::show_classes(dp4a.facts.instruction_classes) == "dp4a");
}

TEST_CASE("cuda build: the toolkit's device headers work in NVRTC, the whole of CUB too") {
    KW_WORKSHOP_OR_SKIP(shop);
    const auto outcome = shop->build(R"(
#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>
#include <cooperative_groups/reduce.h>
#include <cub/cub.cuh>
#include <cuda/atomic>
#include <cuda/barrier>
#include <cuda/pipeline>
#include <cuda/ptx>
#include <cuda/std/array>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <cuda_pipeline.h>
#include <math_constants.h>
#include <mma.h>
namespace cg = cooperative_groups;
using namespace nvcuda;
extern "C" __global__ void k(const float* x, float* y, int n) {
    using Reduce = cub::BlockReduce<float, 256>;
    __shared__ typename Reduce::TempStorage temp;
    const float sum = Reduce(temp).Sum(x[threadIdx.x]);
    const auto warp = cg::tiled_partition<32>(cg::this_thread_block());
    const float most = cg::reduce(warp, sum, cg::greater<float>());
    cuda::atomic_ref<float, cuda::thread_scope_device>(y[1]).fetch_add(most);
    const cuda::std::array<__half2, 1> h{__floats2half2_rn(sum, most)};
    const __nv_bfloat16 b = __float2bfloat16(sum);
    const __nv_fp8_e4m3 e(most);
    wmma::fragment<wmma::accumulator, 16, 16, 16, float> c;
    wmma::fill_fragment(c, CUDART_PI_F);
    y[0] = __low2float(h[0]) + __bfloat162float(b) + float(e) + c.x[0];
}
extern "C" __global__ void pipes(const float4* x, float4* y) {
    __shared__ float4 tile[256];
    __shared__ cuda::barrier<cuda::thread_scope_block> barrier;
    if (threadIdx.x == 0) init(&barrier, blockDim.x);
    __syncthreads();
    auto pipe = cuda::make_pipeline();
    pipe.producer_acquire();
    cuda::memcpy_async(&tile[threadIdx.x], &x[threadIdx.x], sizeof(float4), pipe);
    pipe.producer_commit();
    pipe.consumer_wait();
    barrier.arrive_and_wait();
    y[threadIdx.x] = tile[threadIdx.x ^ 1];
    pipe.consumer_release();
})");
    INFO(outcome.summary << "\n" << outcome.detail);
    CHECK(outcome.verdict == Verdict::accepted);
    CHECK(outcome.route == "nvrtc");
}

}  // namespace
