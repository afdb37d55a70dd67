// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/cuda/support.hpp"

#include <cstring>

namespace {

using namespace kw;
using namespace kw::test;
using cuda::KernelParameter;
using cuda::KernelSignature;

const DimMap k_dims{{"N", 33}, {"K", 256}};

std::string launch(const std::string& clauses) {
    return "//!launch k " + clauses + "\n";
}

TEST_CASE("launch plan: a plan follows the shape and the file and the device") {
    const std::string source =
        "#define ROWS 8\n//!workspace p=4*N q=0\n" +
        launch(
            "grid=(ceil_div(N, ROWS), min(SM_COUNT, 2), CC/90) block=(WARP_SIZE, 4) "
            "smem=MAX_SMEM-K args=(w, p, N, 2*K+1, -0.5)");
    const auto plan = evaluated(source, k_dims);
    REQUIRE(plan.launches.size() == 1);
    const auto& one = plan.launches[0];
    CHECK(one.grid == std::array<std::uint32_t, 3>{5, 2, 1});
    CHECK(one.block == std::array<std::uint32_t, 3>{32, 4, 1});
    CHECK(one.cluster == std::array<std::uint32_t, 3>{0, 0, 0});
    CHECK(one.smem == 232448 - 256);
    CHECK(one.args[2].value == 33);
    CHECK(one.args[3].value == 513);
    CHECK(one.args[4].real == -0.5);
    REQUIRE(plan.workspaces.size() == 2);
    CHECK(plan.workspaces[0].bytes == 132);
    CHECK(plan.workspaces[1].bytes == 0);
}

TEST_CASE("launch plan: sizes out of range name the place and the shape") {
    struct Row {
        const char* clauses;
        const char* error;
    };
    for (const Row& row : std::vector<Row>{
             {"grid=N/64 block=1 args=()",
              "1:18: grid.x is 0 at K=256 N=33; expected 1 to 2147483647"},
             {"grid=(1,N-34) block=1 args=()", "1:21: grid.y is -1 at K=256 N=33; expected 1 to"},
             {"grid=(1,65536) block=1 args=()", "1:21: grid.y is 65536"},
             {"grid=2147483648 block=1 args=()", "1:18: grid.x is 2147483648"},
             {"grid=1 block=1025 args=()", "1:26: block.x is 1025"},
             {"grid=1 block=(1,1,65) args=()", "1:31: block.z is 65"},
             {"grid=1 block=(64,32) args=()", "1:27: the block has 2048 threads"},
             {"grid=1 block=1 smem=232449 args=()", "1:33: smem is 232449"},
             {"grid=1 block=1 smem=0-1 args=()", "1:33: smem is -1"},
             {"grid=N block=1 cluster=2 args=()",
              "1:36: cluster (2, 1, 1) does not divide the grid (33, 1, 1) at K=256 N=33"},
             {"grid=64 block=1 cluster=(4,4) args=()", "1:38: the cluster has 16 blocks"},
             {"grid=(64,64) block=1 cluster=(4,4) args=()", "1:43: the cluster has 16 blocks"},
             {"grid=1/(N-33) block=1 args=()", "1:18: "},
             {"grid=1 block=1 args=(N*1000000000000000000)", "1:34: "},
             {"grid=1 block=1 args=() when=N<33", "1:41: no launch remains at K=256 N=33"}}) {
        CAPTURE(row.clauses);
        const std::string error = evaluate_error(launch(row.clauses), k_dims);
        INFO(error);
        CHECK(error.rfind(row.error, 0) == 0);
    }
    CHECK(
        evaluate_error(launch("grid=2 block=1 cluster=2 args=()"), k_dims, "sm_89") ==
        "1:36: a cluster on sm_89 at K=256 N=33; expected sm_90");
    CHECK(
        evaluate_error("//!workspace p=17179869185\n" + launch("grid=1 block=1 args=()"), k_dims)
            .rfind("1:16: the workspace 'p' is 17179869185", 0) == 0);
}

TEST_CASE("launch plan: a launch whose condition fails is left out with its maps") {
    const std::string source =
        "//!launch a grid=0 block=0 args=(tm) when=N>100\n"
        "//!launch b grid=1 block=1 args=() when=N<=100\n"
        "//!launch b grid=2 block=1 args=()\n"
        "//!tensormap name=tm base=w dtype=u8 dims=(7, N) box=(16, 1)\n";
    const auto plan = evaluated(source, k_dims);
    REQUIRE(plan.launches.size() == 2);
    CHECK(plan.launches[0].kernel == "b");
    CHECK(plan.launches[1].grid[0] == 2);
    CHECK(plan.tensormaps.empty());
}

TEST_CASE("launch plan: tensor maps obey the descriptor and stay inside their buffer") {
    const auto with = [](const std::string& map) {
        return launch("grid=1 block=1 args=(tm)") + "//!tensormap name=tm base=w dtype=u8 " + map +
               "\n";
    };
    const auto plan = evaluated(with("dims=(K/2, N) box=(64, 8) swizzle=64B"), k_dims);
    REQUIRE(plan.tensormaps.size() == 1);
    CHECK(plan.tensormaps[0].dims == std::vector<std::uint64_t>{128, 33});
    CHECK(plan.tensormaps[0].strides == std::vector<std::uint64_t>{128});
    CHECK(plan.tensormaps[0].box == std::vector<std::uint32_t>{64, 8});
    CHECK(plan.tensormaps[0].element_strides == std::vector<std::uint32_t>{1, 1});
    struct Row {
        const char* map;
        const char* error;
    };
    for (const Row& row : std::vector<Row>{
             {"dims=(K/2, N+1) box=(64, 8)", "reaches beyond 'w' (4224 bytes)"},
             {"dims=(K/2, 4294967296) strides=1099511627760 box=(64, 8)", "reaches beyond"},
             {"dims=(7, N) box=(16, 1)", "the stride of dim 1 is 7 bytes"},
             {"dims=(K/2, N) strides=100 box=(64, 8)", "the stride of dim 1 is 100 bytes"},
             {"dims=(K/2, N) box=(8, 8)", "the innermost box is 8 bytes"},
             {"dims=(K/2, N) box=(128, 8) swizzle=64B", "at most 64 with swizzle=64B"},
             {"dims=(K/2, N) box=(512, 8)", "a box size is 512"},
             {"dims=(K/2, N-33) box=(16, 8)", "a dim is 0"},
             {"dims=(K/2, N) box=(16, 8) element_strides=(1, 9)", "an element stride is 9"}}) {
        CAPTURE(row.map);
        const std::string error = evaluate_error(with(row.map), k_dims);
        INFO(error);
        CHECK(error.find(row.error) != std::string::npos);
    }
}

KernelParameter scalar(const char* type, std::size_t bytes) {
    return {"p", type, bytes, bytes, 0, false};
}

TEST_CASE("launch plan: parameters lie at their alignment with the kernel's own types") {
    const auto plan = evaluated(
        launch("grid=1 block=1 args=(y, N, K, -2, 3, 0.5, N, tm)") +
            "//!tensormap name=tm base=w dtype=u8 dims=(K/2, N) box=(16, 8)\n",
        k_dims);
    KernelSignature kernel;
    kernel.parameters = {
        scalar("u64", 8),
        scalar("u32", 4),
        scalar("u64", 8),
        scalar("u16", 2),
        scalar("f32", 4),
        scalar("f64", 8),
        {"p", "b8", 4, 4, 4, false},
        {"p", "b8", 128, 64, 128, false}};
    cuda::Addresses addresses;
    addresses.buffers["y"] = 0x1122334455667788;
    addresses.tensormaps["tm"].fill(std::byte{0xab});
    CHECK(
        cuda::parameter_offsets(kernel) == std::vector<std::size_t>{0, 8, 16, 24, 28, 32, 40, 64});
    const auto block = cuda::parameter_block(plan.launches[0], kernel, addresses);
    REQUIRE(block);
    REQUIRE(block->size() == 192);
    const auto at = [&](std::size_t offset, auto value) {
        std::memcpy(&value, block->data() + offset, sizeof value);
        return value;
    };
    CHECK(at(0, std::uint64_t{}) == 0x1122334455667788);
    CHECK(at(8, std::uint32_t{}) == 33);
    CHECK(at(12, std::uint32_t{}) == 0);
    CHECK(at(16, std::int64_t{}) == 256);
    CHECK(at(24, std::int16_t{}) == -2);
    CHECK(at(28, float{}) == 3.0F);
    CHECK(at(32, double{}) == 0.5);
    CHECK(at(40, std::int32_t{}) == 33);
    CHECK(at(64, std::uint8_t{}) == 0xab);
    CHECK(at(191, std::uint8_t{}) == 0xab);
    addresses.buffers.clear();
    CHECK_FALSE(cuda::parameter_block(plan.launches[0], kernel, addresses));
}

TEST_CASE("launch plan: an argument that its parameter cannot take is told apart") {
    struct Row {
        const char* arg;
        KernelParameter parameter;
        const char* error;
    };
    for (const Row& row : std::vector<Row>{
             {"w", scalar("u32", 4), "a pointer for a 4-byte integer parameter (.u32)"},
             {"w", scalar("f64", 8), "a pointer for a 8-byte floating-point parameter (.f64)"},
             {"w", {"p", "b8", 128, 64, 128, false}, "a pointer for a tensor map parameter"},
             {"w", {"p", "b8", 24, 8, 24, false}, "a pointer for a 24-byte structure (.b8[24])"},
             {"N", {"p", "u64", 8, 8, 0, true}, "an integer for a 8-byte integer parameter"},
             {"N", {"p", "b8", 2, 2, 2, false}, "an integer for a 2-byte structure"},
             {"0.5", scalar("u32", 4), "a number with a point for a 4-byte integer"},
             {"5000000000", scalar("u32", 4), "is 5000000000 and does not fit"},
             {"0-40000", scalar("u16", 2), "is -40000 and does not fit"},
             {"256", scalar("u8", 1), "is 256 and does not fit"},
             {"16777217", scalar("f32", 4), "has no exact value"},
             {"9007199254740993", scalar("f64", 8), "has no exact value"},
             {"1.0e300", scalar("f32", 4), "has no exact value"}}) {
        CAPTURE(row.arg);
        const std::string source = launch("grid=1 block=1 args=(" + std::string(row.arg) + ")");
        KernelSignature kernel;
        kernel.name = "k";
        kernel.parameters = {row.parameter};
        cuda::Addresses addresses;
        addresses.buffers["w"] = 256;
        const auto plan = evaluated(source, k_dims);
        const auto block = cuda::parameter_block(plan.launches[0], kernel, addresses);
        REQUIRE_FALSE(block);
        INFO(block.error().what);
        CHECK(block.error().what.rfind("1:34: ", 0) == 0);
        CHECK(block.error().what.find(row.error) != std::string::npos);
    }
    for (const char* good : {"16777218", "0-2147483648", "4294967295"}) {
        KernelSignature kernel;
        kernel.parameters = {scalar("u32", 4)};
        const auto plan =
            evaluated(launch("grid=1 block=1 args=(" + std::string(good) + ")"), k_dims);
        CHECK(cuda::parameter_block(plan.launches[0], kernel, {}));
    }
}

TEST_CASE("launch plan: kernels are found by plain and by mangled names or told to be missing") {
    std::vector<KernelSignature> kernels(3);
    kernels[0].name = "k";
    kernels[1].name = "_Z5plainPf";
    kernels[1].parameters = {scalar("u64", 8)};
    kernels[2].name = "_Z2tkILi3EEvPf";
    CHECK(cuda::find_kernel(kernels, "k") == &kernels[0]);
    CHECK(cuda::find_kernel(kernels, "plain") == &kernels[1]);
    CHECK(cuda::find_kernel(kernels, "tk") == &kernels[2]);
    CHECK(cuda::find_kernel(kernels, "t") == nullptr);
    const auto problems = [&](const std::string& source) {
        std::string text;
        for (const auto& problem : cuda::check_against_kernels(good_plan(source), kernels)) {
            text += cuda::show(problem, "c.cu") + "\n";
        }
        return text;
    };
    CHECK(problems(launch("grid=1 block=1 args=()")) == "");
    CHECK(problems("//!launch plain grid=1 block=1 args=(N)\n") == "");
    CHECK(
        problems(launch("grid=1 block=1 args=(w, x)")) ==
        "c.cu:1:11: kernel 'k' takes 0 parameters, args gives 2; expected one argument for each "
        "parameter, in its order\n");
    CHECK(
        problems("//!launch z grid=1 block=1 args=()\n")
            .rfind("c.cu:1:11: kernel 'z' is not in the file; it defines k, _Z5plainPf", 0) == 0);
    kernels.push_back({"_Z5plainPd", {}, {}, {}, {}, 0});
    CHECK(
        problems("//!launch plain grid=1 block=1 args=(N)\n").find("is ambiguous") !=
        std::string::npos);
}

TEST_CASE("launch plan: what only the kernel knows bounds its launch") {
    const cuda::DeviceConstants device = cuda::constants_of_arch("sm_90a").value();
    const auto error = [&](const KernelSignature& kernel, const std::string& clauses) {
        const auto plan = evaluated(launch(clauses + " args=()"), k_dims);
        const auto result = cuda::check_launch(plan.launches[0], kernel, device);
        return result ? std::string("none") : result.error().what;
    };
    KernelSignature kernel;
    CHECK(error(kernel, "grid=1 block=1024 smem=232448") == "none");
    kernel.max_threads = {128, 1, 1};
    CHECK(error(kernel, "grid=1 block=(16, 8)") == "none");
    CHECK(
        error(kernel, "grid=1 block=129").find("__launch_bounds__ allow 128") != std::string::npos);
    kernel.required_threads = {64, 1, 1};
    CHECK(error(kernel, "grid=1 block=32").find("not the one it requires") != std::string::npos);
    KernelSignature big;
    big.static_smem = 1024;
    CHECK(
        error(big, "grid=1 block=1 smem=232448").find("233472 bytes of shared memory") !=
        std::string::npos);
    KernelSignature grouped;
    grouped.required_cluster = {2, 1, 1};
    CHECK(error(grouped, "grid=2 block=1") == "none");
    CHECK(error(grouped, "grid=4 block=1 cluster=4").find("__cluster_dims__") != std::string::npos);
}

}  // namespace
