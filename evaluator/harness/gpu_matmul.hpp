// SPDX-License-Identifier: Apache-2.0
// The vendor's matrix product (cuBLASLt), loaded at run time: the strongest baseline of the GEMM
// tasks. Numbers are those of cublasLt.h, cublas_api.h and library_types.h.
#pragma once

#include "evaluator/harness/cuda_driver.hpp"
#include "evaluator/harness/gpu_protocol.hpp"

#include <map>
#include <string>

namespace kw::harness {

class Matmul {
public:
    /// Opens the library once. False: `problem` says what the loader or the library said.
    bool open(const std::string& library, const cu::Driver& driver, std::string& problem);
    /// Queues the product. The algorithm is the library's first choice, kept per product.
    bool run(const MatmulRecord& spec, cu::Stream stream, std::string& problem);

private:
    struct Algorithm {
        std::uint64_t data[8];
    };
    struct Chosen {
        void* operation = nullptr;
        void* a = nullptr;
        void* b = nullptr;
        void* d = nullptr;
        Algorithm algorithm{};
        std::uint64_t workspace = 0;
    };
    struct HeuristicResult {
        Algorithm algorithm;
        std::size_t workspace;
        int state;
        float waves;
        int reserved[4];
    };
    static_assert(sizeof(HeuristicResult) == 96);

    bool choose(const MatmulRecord& spec, Chosen& chosen, std::string& problem);

    int (*create_)(void**) = nullptr;
    int (*matmul_)(
        void*,
        void*,
        const void*,
        const void*,
        void*,
        const void*,
        void*,
        const void*,
        const void*,
        void*,
        void*,
        void*,
        const Algorithm*,
        void*,
        std::size_t,
        cu::Stream) = nullptr;
    int (*operation_create_)(void**, int, int) = nullptr;
    int (*operation_set_)(void*, int, const void*, std::size_t) = nullptr;
    int (*layout_create_)(void**, int, std::uint64_t, std::uint64_t, std::int64_t) = nullptr;
    int (*preference_create_)(void**) = nullptr;
    int (*preference_set_)(void*, int, const void*, std::size_t) = nullptr;
    int (*preference_destroy_)(void*) = nullptr;
    int (*heuristic_)(
        void*, void*, void*, void*, void*, void*, void*, int, HeuristicResult*, int*) = nullptr;
    void* handle_ = nullptr;
    cu::Pointer workspace_ = 0;
    std::map<std::string, Chosen> chosen_;  ///< by the record without its addresses
};

}  // namespace kw::harness
