// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_records.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace kw::cuda {
namespace {

constexpr std::size_t k_align = 64;

struct Numbered {
    std::string_view name;
    std::uint32_t number;
};
// CUtensorMapDataType
constexpr std::array<Numbered, 15> k_types{{
    {"u8", 0},
    {"i8", 0},
    {"u16", 1},
    {"i16", 1},
    {"u32", 2},
    {"i32", 3},
    {"u64", 4},
    {"i64", 5},
    {"f16", 6},
    {"f32", 7},
    {"f64", 8},
    {"bf16", 9},
    {"f32_ftz", 10},
    {"tf32", 11},
    {"tf32_ftz", 12},
}};
constexpr std::array<Numbered, 3> k_interleaves{{{"none", 0}, {"16B", 1}, {"32B", 2}}};
constexpr std::array<Numbered, 4> k_swizzles{{{"none", 0}, {"32B", 1}, {"64B", 2}, {"128B", 3}}};
constexpr std::array<Numbered, 4> k_promotions{{{"none", 0}, {"64B", 1}, {"128B", 2}, {"256B", 3}}};
constexpr std::array<Numbered, 2> k_fills{{{"zero", 0}, {"nan", 1}}};

template <std::size_t n>
std::uint32_t number_of(const std::array<Numbered, n>& table, std::string_view name) {
    const auto found = std::ranges::find(table, name, &Numbered::name);
    KW_CHECK(found != table.end());
    return found->number;
}

constexpr std::string_view k_matmul = "kw_matmul_";

/// Numbers of cudaDataType and cublasComputeType_t.
struct Product {
    std::string_view type;
    std::int32_t operand, result, compute, scale;
    std::int32_t fast;
};
constexpr Product k_products[] = {
    {"s8", 3, 10, 72, 10, 0},    // CUDA_R_8I, CUDA_R_32I, CUBLAS_COMPUTE_32I
    {"bf16", 14, 14, 68, 0, 0},  // CUDA_R_16BF, CUBLAS_COMPUTE_32F, CUDA_R_32F
    {"f16", 2, 2, 68, 0, 0},     // CUDA_R_16F
    {"e4m3", 28, 14, 68, 0, 1},  // CUDA_R_8F_E4M3 -> CUDA_R_16BF
};

/// Row-major d = a * b^T is column-major d^T = b * a^T, and what is stored is b^T and a^T already:
/// the first operand transposed, the form that the library has for every type.
Result<std::optional<harness::MatmulRecord>> matmul_of(
    const EvaluatedLaunch& launch, const Addresses& addresses) {
    const auto* product = std::ranges::find(
        k_products, std::string_view(launch.kernel).substr(k_matmul.size()), &Product::type);
    const auto bad = [&launch](const char* what) {
        return Error{Errc::config, launch.kernel + ": " + what, ""};
    };
    if (product == std::end(k_products) || launch.args.size() != 6) {
        return bad("a product has a known type and args=(a, b, d, M, N, K)");
    }
    std::array<std::uint64_t, 3> pointers{};
    for (std::size_t i = 0; i < 3; ++i) {
        const auto found = addresses.buffers.find(launch.args[i].name);
        if (launch.args[i].kind != LaunchArg::Kind::pointer || found == addresses.buffers.end()) {
            return bad("its first three arguments are buffers");
        }
        pointers[i] = found->second;
    }
    const std::int64_t rows = launch.args[3].value;
    const std::int64_t columns = launch.args[4].value;
    const std::int64_t depth = launch.args[5].value;
    harness::MatmulRecord record;
    record.type_a = record.type_b = product->operand;
    record.type_d = product->result;
    record.compute = product->compute;
    record.scale_type = product->scale;
    record.fast_accumulate = product->fast;
    record.transposed_a = 1;
    record.m = static_cast<std::uint64_t>(columns);
    record.n = static_cast<std::uint64_t>(rows);
    record.k = static_cast<std::uint64_t>(depth);
    record.lda = record.ldb = depth;
    record.ldd = columns;
    record.a = pointers[1];
    record.b = pointers[0];
    record.d = pointers[2];
    return std::optional(record);
}

/// Where the next thing goes, aligned.
std::size_t place(std::vector<std::byte>& bytes, const void* from, std::size_t size) {
    const std::size_t at = (bytes.size() + k_align - 1) / k_align * k_align;
    bytes.resize(at + size);
    if (size > 0) {
        std::memcpy(bytes.data() + at, from, size);
    }
    return at;
}

}  // namespace

harness::TensorMapRecord tensormap_record(const EvaluatedTensorMap& map, std::uint64_t base) {
    harness::TensorMapRecord record;
    record.base = base;
    record.dtype = number_of(k_types, map.dtype);
    record.rank = static_cast<std::uint32_t>(map.dims.size());
    record.interleave = number_of(k_interleaves, map.interleave);
    record.swizzle = number_of(k_swizzles, map.swizzle);
    record.l2 = number_of(k_promotions, map.l2);
    record.oob = number_of(k_fills, map.oob);
    std::ranges::copy(map.dims, record.dims);
    std::ranges::copy(map.strides, record.strides);
    std::ranges::copy(map.box, record.box);
    std::ranges::copy(map.element_strides, record.element_strides);
    return record;
}

Result<PlannedCall> plan_call(
    const BuildOutcome& built,
    const EvaluatedPlan& plan,
    const DeviceConstants& device,
    const Addresses& addresses,
    bool uses_library) {
    const std::vector<KernelSignature> kernels = signatures(built.ptx_facts);
    PlannedCall call;
    for (const EvaluatedLaunch& launch : plan.launches) {
        const KernelSignature* kernel = find_kernel(kernels, launch.kernel);
        if (kernel == nullptr) {
            return Error{Errc::config, "there is no kernel " + launch.kernel, ""};
        }
        KW_TRY(check_launch(launch, *kernel, device));
        KW_TRY_ASSIGN(
            std::vector<std::byte> parameters, parameter_block(launch, *kernel, addresses));
        std::optional<harness::MatmulRecord> matmul;
        if (uses_library && launch.kernel.starts_with(k_matmul)) {
            KW_TRY_ASSIGN(matmul, matmul_of(launch, addresses));
        }
        call.push_back({kernel->name, launch, std::move(parameters), matmul});
    }
    return call;
}

std::vector<std::byte> launch_records(
    const std::vector<PlannedCall>& calls, std::int64_t begin, std::uint64_t& count) {
    std::vector<harness::LaunchRecord> records;
    for (const PlannedCall& call : calls) {
        records.resize(records.size() + call.size());
    }
    count = records.size();
    std::vector<std::byte> bytes(records.size() * sizeof(harness::LaunchRecord));
    std::size_t i = 0;
    for (const PlannedCall& call : calls) {
        for (const PlannedLaunch& planned : call) {
            harness::LaunchRecord& record = records[i++];
            std::ranges::copy(planned.launch.grid, record.grid);
            std::ranges::copy(planned.launch.block, record.block);
            std::ranges::copy(planned.launch.cluster, record.cluster);
            record.smem = planned.launch.smem;
            record.cooperative = planned.launch.cooperative ? 1 : 0;
            record.name_bytes = planned.kernel.size();
            if (planned.matmul) {
                record.is_matmul = 1;
                record.parameter_bytes = sizeof(*planned.matmul);
                record.parameter_offset = static_cast<std::uint64_t>(begin) +
                                          place(bytes, &*planned.matmul, sizeof(*planned.matmul));
                continue;
            }
            record.parameter_bytes = planned.parameters.size();
            record.name_offset = static_cast<std::uint64_t>(begin) +
                                 place(bytes, planned.kernel.data(), planned.kernel.size());
            record.parameter_offset =
                static_cast<std::uint64_t>(begin) +
                place(bytes, planned.parameters.data(), planned.parameters.size());
        }
    }
    std::memcpy(bytes.data(), records.data(), records.size() * sizeof(harness::LaunchRecord));
    return bytes;
}

}  // namespace kw::cuda
