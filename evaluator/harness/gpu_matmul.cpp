// SPDX-License-Identifier: Apache-2.0
#include "evaluator/harness/gpu_matmul.hpp"

#include <dlfcn.h>

#include <cstring>

namespace kw::harness {
namespace {

constexpr std::size_t k_workspace_bytes = std::size_t{32} << 20;
constexpr int k_transposed = 1;      // CUBLAS_OP_T
constexpr int k_desc_trans_a = 3;    // CUBLASLT_MATMUL_DESC_TRANSA
constexpr int k_desc_trans_b = 4;    // CUBLASLT_MATMUL_DESC_TRANSB
constexpr int k_desc_fast = 25;      // CUBLASLT_MATMUL_DESC_FAST_ACCUM
constexpr int k_pref_workspace = 1;  // CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES

template <class F>
bool find(void* library, const char* name, F*& function) {
    void* symbol = dlsym(library, name);
    std::memcpy(&function, &symbol, sizeof(function));
    return symbol != nullptr;
}

std::string key_of(const MatmulRecord& spec) {
    MatmulRecord bare;
    std::memset(static_cast<void*>(&bare), 0, sizeof(bare));
    bare = spec;
    bare.a = bare.b = bare.d = 0;
    return {reinterpret_cast<const char*>(&bare), sizeof(bare)};
}

}  // namespace

bool Matmul::open(const std::string& library, const cu::Driver& driver, std::string& problem) {
    if (handle_ != nullptr) {
        return true;
    }
    void* opened = library.empty() ? nullptr : dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (opened == nullptr) {
        const char* message = library.empty() ? "cuBLASLt was not found" : dlerror();
        problem = message == nullptr ? library : message;
        return false;
    }
    const bool complete = find(opened, "cublasLtCreate", create_) &&
                          find(opened, "cublasLtMatmul", matmul_) &&
                          find(opened, "cublasLtMatmulDescCreate", operation_create_) &&
                          find(opened, "cublasLtMatmulDescSetAttribute", operation_set_) &&
                          find(opened, "cublasLtMatrixLayoutCreate", layout_create_) &&
                          find(opened, "cublasLtMatmulPreferenceCreate", preference_create_) &&
                          find(opened, "cublasLtMatmulPreferenceSetAttribute", preference_set_) &&
                          find(opened, "cublasLtMatmulPreferenceDestroy", preference_destroy_) &&
                          find(opened, "cublasLtMatmulAlgoGetHeuristic", heuristic_);
    if (!complete) {
        problem = library + " is no cuBLASLt";
        return false;
    }
    if (driver.allocate(&workspace_, k_workspace_bytes) != cu::k_success ||
        create_(&handle_) != 0) {
        handle_ = nullptr;
        problem = "cublasLtCreate failed";
        return false;
    }
    return true;
}

bool Matmul::choose(const MatmulRecord& spec, Chosen& chosen, std::string& problem) {
    const auto rows = [](bool transposed, std::uint64_t plain, std::uint64_t other) {
        return transposed ? other : plain;
    };
    const bool ta = spec.transposed_a != 0;
    const bool tb = spec.transposed_b != 0;
    bool good = operation_create_(&chosen.operation, spec.compute, spec.scale_type) == 0;
    const int transposed = k_transposed;
    if (ta) {
        good = good && operation_set_(chosen.operation, k_desc_trans_a, &transposed, 4) == 0;
    }
    if (tb) {
        good = good && operation_set_(chosen.operation, k_desc_trans_b, &transposed, 4) == 0;
    }
    if (spec.fast_accumulate != 0) {
        const std::int8_t fast = 1;
        good = good && operation_set_(chosen.operation, k_desc_fast, &fast, 1) == 0;
    }
    good =
        good &&
        layout_create_(
            &chosen.a, spec.type_a, rows(ta, spec.m, spec.k), rows(ta, spec.k, spec.m), spec.lda) ==
            0 &&
        layout_create_(
            &chosen.b, spec.type_b, rows(tb, spec.k, spec.n), rows(tb, spec.n, spec.k), spec.ldb) ==
            0 &&
        layout_create_(&chosen.d, spec.type_d, spec.m, spec.n, spec.ldd) == 0;
    void* preference = nullptr;
    const std::uint64_t most = k_workspace_bytes;
    good = good && preference_create_(&preference) == 0 &&
           preference_set_(preference, k_pref_workspace, &most, sizeof(most)) == 0;
    HeuristicResult found{};
    int count = 0;
    good = good &&
           heuristic_(
               handle_,
               chosen.operation,
               chosen.a,
               chosen.b,
               chosen.d,
               chosen.d,
               preference,
               1,
               &found,
               &count) == 0 &&
           count == 1 && found.state == 0;
    if (preference != nullptr) {
        (void)preference_destroy_(preference);
    }
    chosen.algorithm = found.algorithm;
    chosen.workspace = found.workspace;
    problem = good ? "" : "cuBLASLt has no algorithm for this product";
    return good;
}

bool Matmul::run(const MatmulRecord& spec, cu::Stream stream, std::string& problem) {
    const std::string key = key_of(spec);
    auto entry = chosen_.find(key);
    if (entry == chosen_.end()) {
        Chosen chosen;
        if (handle_ == nullptr || !choose(spec, chosen, problem)) {
            return false;
        }
        entry = chosen_.emplace(key, chosen).first;
    }
    const Chosen& chosen = entry->second;
    // Alpha and beta have the scale's type: f32, or s32 for integer products.
    const float one_f = 1, zero_f = 0;
    const std::int32_t one_i = 1, zero_i = 0;
    constexpr int k_r_32i = 10;
    const void* one = spec.scale_type == k_r_32i ? static_cast<const void*>(&one_i) : &one_f;
    const void* zero = spec.scale_type == k_r_32i ? static_cast<const void*>(&zero_i) : &zero_f;
    const int status = matmul_(
        handle_,
        chosen.operation,
        one,
        reinterpret_cast<const void*>(spec.a),
        chosen.a,
        reinterpret_cast<const void*>(spec.b),
        chosen.b,
        zero,
        reinterpret_cast<const void*>(spec.d),
        chosen.d,
        reinterpret_cast<void*>(spec.d),
        chosen.d,
        &chosen.algorithm,
        reinterpret_cast<void*>(workspace_),
        chosen.workspace,
        stream);
    problem = status == 0 ? "" : "cublasLtMatmul gave " + std::to_string(status);
    return status == 0;
}

}  // namespace kw::harness
