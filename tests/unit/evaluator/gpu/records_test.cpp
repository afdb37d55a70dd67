// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_records.hpp"
#include "tests/support/catch.hpp"

#include <cstring>

using namespace kw;
using namespace kw::cuda;

namespace {

EvaluatedLaunch launch_of(const std::string& kernel, std::vector<EvaluatedArg> args) {
    EvaluatedLaunch launch;
    launch.kernel = kernel;
    launch.grid = {3, 2, 1};
    launch.block = {64, 1, 1};
    launch.args = std::move(args);
    return launch;
}

EvaluatedArg pointer(const std::string& name) {
    EvaluatedArg arg;
    arg.kind = LaunchArg::Kind::pointer;
    arg.name = name;
    return arg;
}

EvaluatedArg scalar(std::int64_t value) {
    EvaluatedArg arg;
    arg.value = value;
    return arg;
}

BuildOutcome built_with(const std::string& kernel) {
    BuildOutcome built;
    PtxKernel entry;
    entry.signature.name = kernel;
    for (int i = 0; i < 6; ++i) {
        entry.signature.parameters.push_back({"p" + std::to_string(i), "u64", 8, 8, 0, i < 3});
    }
    built.ptx_facts.kernels.push_back(entry);
    return built;
}

}  // namespace

TEST_CASE("gpu records: names and parameters stand where the records say") {
    const std::vector<std::byte> parameters{std::byte{1}, std::byte{2}, std::byte{3}};
    const PlannedCall call{
        {"first", launch_of("first", {}), parameters, {}},
        {"second_kernel", launch_of("second_kernel", {}), {}, {}}};
    std::uint64_t count = 0;
    constexpr std::int64_t k_begin = 8192;
    const std::vector<std::byte> bytes = launch_records({call, call}, k_begin, count);
    REQUIRE(count == 4);
    std::vector<harness::LaunchRecord> records(4);
    std::memcpy(records.data(), bytes.data(), 4 * sizeof(harness::LaunchRecord));
    const auto text = [&](const harness::LaunchRecord& record) {
        return std::string(
            reinterpret_cast<const char*>(bytes.data()) + (record.name_offset - k_begin),
            record.name_bytes);
    };
    CHECK(text(records[0]) == "first");
    CHECK(text(records[3]) == "second_kernel");
    CHECK(records[2].parameter_bytes == 3);
    CHECK(
        std::memcmp(bytes.data() + (records[2].parameter_offset - k_begin), parameters.data(), 3) ==
        0);
    CHECK(records[1].grid[1] == 2);
    CHECK(records[1].cluster[0] == 0);
    CHECK(records[1].is_matmul == 0);
}

TEST_CASE("gpu records: a product of the vendor's stands in for its kernel in a baseline alone") {
    EvaluatedPlan plan;
    plan.launches = {launch_of(
        "kw_matmul_s8",
        {pointer("a"), pointer("b"), pointer("d"), scalar(16), scalar(32), scalar(64)})};
    Addresses addresses;
    addresses.buffers = {{"a", 0x1000}, {"b", 0x2000}, {"d", 0x3000}};
    const BuildOutcome built = built_with("kw_matmul_s8");
    const auto own = plan_call(built, plan, DeviceConstants{}, addresses);
    REQUIRE(own.ok());
    CHECK(!own->front().matmul);
    const auto vendor = plan_call(built, plan, DeviceConstants{}, addresses, true);
    REQUIRE(vendor.ok());
    const auto& product = vendor->front().matmul;
    REQUIRE(product);
    // Row-major d[16][32] is column-major 32 x 16.
    CHECK(product->m == 32);
    CHECK(product->n == 16);
    CHECK(product->k == 64);
    CHECK(product->a == 0x2000);
    CHECK(product->b == 0x1000);
    CHECK(product->d == 0x3000);
    CHECK(product->lda == 64);
    CHECK(product->ldb == 64);
    CHECK(product->ldd == 32);
    CHECK(product->type_a == 3);
    CHECK(product->type_d == 10);
}

TEST_CASE("gpu records: a product of an unknown type is refused") {
    EvaluatedPlan plan;
    plan.launches = {launch_of(
        "kw_matmul_s5",
        {pointer("a"), pointer("b"), pointer("d"), scalar(16), scalar(32), scalar(64)})};
    Addresses addresses;
    addresses.buffers = {{"a", 0x1000}, {"b", 0x2000}, {"d", 0x3000}};
    const auto refused =
        plan_call(built_with("kw_matmul_s5"), plan, DeviceConstants{}, addresses, true);
    REQUIRE(!refused.ok());
    CHECK(refused.error().code == Errc::config);
}

TEST_CASE("gpu records: every name a tensor map may hold has a number") {
    EvaluatedTensorMap map;
    map.dims = {64, 8};
    map.strides = {128};
    map.box = {64, 8};
    map.element_strides = {1, 1};
    for (const char* dtype :
         {"u8",
          "i8",
          "u16",
          "i16",
          "u32",
          "i32",
          "u64",
          "i64",
          "f16",
          "f32",
          "bf16",
          "f64",
          "f32_ftz",
          "tf32",
          "tf32_ftz"}) {
        for (const char* swizzle : {"none", "32B", "64B", "128B"}) {
            for (const char* l2 : {"none", "64B", "128B", "256B"}) {
                map.dtype = dtype;
                map.swizzle = swizzle;
                map.l2 = l2;
                map.interleave = "none";
                map.oob = "zero";
                const harness::TensorMapRecord record = tensormap_record(map, 0x100);
                CHECK(record.dtype <= 12);
                CHECK(record.swizzle <= 3);
                CHECK(record.l2 <= 3);
                CHECK(record.rank == 2);
                CHECK(record.strides[0] == 128);
            }
        }
    }
}
