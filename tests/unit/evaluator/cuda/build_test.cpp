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

TEST_CASE("cuda build: what people and models write compiles as it stands") {
    KW_WORKSHOP_OR_SKIP(shop);
    const std::string body =
        "__device__ uint8_t table[4];\n"
        "extern \"C\" __global__ void k(const float* x, float* y, int64_t n) {\n"
        "    const int i = blockIdx.x * blockDim.x + threadIdx.x;\n"
        "    if (i >= n) return;\n"
        "    y[i] = fmaxf(x[i], -INFINITY) + FLT_MAX * 0.0f + table[i & 3] + float(INT_MAX) + "
        "M_PI;\n"
        "    printf(\"%d\\n\", i);\n    assert(n > 0);\n    memcpy(y, x, 4);\n}\n";
    for (const char* headers :
         {"#include <stdint.h>\n#include <math.h>\n#include <float.h>\n#include <limits.h>\n",
          "#include <cstdint>\n#include <cmath>\n#include <cfloat>\n#include <climits>\n"
          "#include <cstdio>\n#include <cassert>\n#include <cstring>\n#include <cstddef>\n",
          "#include <cuda_runtime.h>\n#include <float.h>\n#include <limits.h>\n#include <math.h>\n"
          "#include <cuda_fp16.h>\n#include <cuda_bf16.h>\n#include <cuda_fp8.h>\n#include "
          "<mma.h>\n"
          "#include <cuda.h>\n#include <kwright_tensormap.h>\n"}) {
        CAPTURE(headers);
        const auto outcome = shop->build(headers + body);
        INFO(outcome.summary << "\n" << outcome.detail);
        CHECK(outcome.verdict == Verdict::accepted);
        CHECK(outcome.route == "nvrtc");
        CHECK(has_finding(outcome, "device-state"));
    }
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

TEST_CASE("cuda build: CUB works by its device headers") {
    KW_WORKSHOP_OR_SKIP(shop);
    const auto outcome = shop->build(
        "#include <cub/cub.cuh>\n"
        "extern \"C\" __global__ void k(const float* x, float* y, int n) {\n"
        "    using Reduce = cub::BlockReduce<float, 256>;\n"
        "    __shared__ typename Reduce::TempStorage temp;\n"
        "    const float sum = Reduce(temp).Sum(x[threadIdx.x]);\n"
        "    if (threadIdx.x == 0) y[blockIdx.x] = sum;\n}\n");
    INFO(outcome.summary << "\n" << outcome.detail);
    CHECK(outcome.verdict == Verdict::accepted);
    CHECK(outcome.route == "nvrtc");
}

}  // namespace
