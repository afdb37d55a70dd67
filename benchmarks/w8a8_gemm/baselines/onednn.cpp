// SPDX-License-Identifier: Apache-2.0
// oneDNN matmul, s8 x s8 -> s32, one thread, weights reordered once by prepare into the layout the
// library asks for. The sums go into y's own bytes (s32 and f32 are both four bytes wide) and one
// pass turns them into scaled floats.
//
// Without VNNI the library adds the products of two neighbours in 16 bits, which 255 * 127 * 2 does
// not fit: its s8 results are wrong there, as its documentation says. On such machines x + 128 is
// split into two halves of at most 128 (2 * 128 * -128 and 2 * 128 * 127 fit), which are multiplied
// as 2M rows of u8, and 128 times the sum of each column of w is taken off again.
#include "w8a8_gemm.h"

#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string.h>
#include <vector>

// libdnnl on Debian runs on OpenMP; weak, because a sequential build has no such function.
extern "C" void omp_set_num_threads(int) __attribute__((weak));

namespace {

using dnnl::memory;

bool adds_in_32_bits() {
    return __builtin_cpu_supports("avx512vnni") || __builtin_cpu_supports("avxvnni");
}

struct Plan {
    int64_t M, N, K;
    bool exact = adds_in_32_bits();
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    memory::desc x_desc, w_desc, y_desc;
    dnnl::matmul::primitive_desc description;
    dnnl::matmul primitive;
    bool packed = false;
    std::vector<uint8_t> halves;  // [2][M][K], unless exact
    std::vector<int32_t> sums;    // [2][M][N], unless exact

    // What prepare leaves: the weights in the library's layout, if packed; the sums of the columns
    // of w, unless exact.
    size_t weights_bytes() const { return packed ? (w_desc.get_size() + 63) / 64 * 64 : 0; }
    size_t bytes() const {
        return weights_bytes() + (exact ? 0 : static_cast<size_t>(N) * sizeof(int32_t));
    }
};

memory::desc canonical_weights(int64_t N, int64_t K) {
    return {{K, N}, memory::data_type::s8, memory::format_tag::ba};
}

std::unique_ptr<Plan> make_plan(int64_t M, int64_t N, int64_t K, bool packed) {
    if (omp_set_num_threads != nullptr) {
        omp_set_num_threads(1);
    }
    auto plan = std::make_unique<Plan>();
    plan->M = M;
    plan->N = N;
    plan->K = K;
    plan->packed = packed;
    const int64_t rows = plan->exact ? M : 2 * M;
    if (!plan->exact) {
        plan->halves.resize(static_cast<size_t>(rows * K));
        plan->sums.resize(static_cast<size_t>(rows * N));
    }
    plan->x_desc = {
        {rows, K},
        plan->exact ? memory::data_type::s8 : memory::data_type::u8,
        memory::format_tag::ab};
    plan->y_desc = {{rows, N}, memory::data_type::s32, memory::format_tag::ab};
    plan->w_desc = packed ? memory::desc({K, N}, memory::data_type::s8, memory::format_tag::any)
                          : canonical_weights(N, K);
    plan->description = dnnl::matmul::primitive_desc(
        dnnl::matmul::desc(plan->x_desc, plan->w_desc, plan->y_desc), plan->engine);
    plan->w_desc = plan->description.weights_desc();
    plan->primitive = dnnl::matmul(plan->description);
    return plan;
}

// The cap of [prepare]. A layout beyond it is not used: the canonical one is multiplied as it is.
bool fits(size_t bytes, int64_t N, int64_t K) {
    return bytes <= static_cast<size_t>((N + 63) / 64 * 64 * (K + 8) + 65536);
}

// Plans are cached by shape: creating one compiles code.
Plan& plan_for(int64_t M, int64_t N, int64_t K) {
    static std::unique_ptr<Plan> last;
    if (!last || last->M != M || last->N != N || last->K != K) {
        last = make_plan(M, N, K, true);
        if (!fits(last->bytes(), N, K)) {
            last = make_plan(M, N, K, false);
        }
    }
    return *last;
}

void split(const int8_t* x, Plan& plan) {
    const int64_t count = plan.M * plan.K;
    for (int64_t i = 0; i < count; ++i) {
        const int shifted = x[i] + 128;
        plan.halves[i] = static_cast<uint8_t>(shifted / 2);
        plan.halves[count + i] = static_cast<uint8_t>(shifted - shifted / 2);
    }
}

void execute(Plan& plan, const void* x, const void* weights, void* sums) {
    memory a(plan.x_desc, plan.engine, const_cast<void*>(x));
    memory b(plan.w_desc, plan.engine, const_cast<void*>(weights));
    memory c(plan.y_desc, plan.engine, sums);
    plan.primitive.execute(
        plan.stream, {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}});
    plan.stream.wait();
}

}  // namespace

extern "C" size_t w8a8_gemm_prepare_size(int64_t M, int64_t N, int64_t K) {
    return plan_for(M, N, K).bytes();
}

extern "C" void w8a8_gemm_prepare(
    const int8_t* w, const float* /*sw*/, void* packed, int64_t M, int64_t N, int64_t K) {
    Plan& plan = plan_for(M, N, K);
    if (!plan.exact) {
        auto* columns = reinterpret_cast<int32_t*>(static_cast<char*>(packed) + plan.weights_bytes());
        for (int64_t n = 0; n < N; ++n) {
            columns[n] = 0;
            for (int64_t k = 0; k < K; ++k) {
                columns[n] += w[n * K + k];
            }
        }
    }
    if (!plan.packed) {
        return;
    }
    memory from(canonical_weights(N, K), plan.engine, const_cast<int8_t*>(w));
    memory to(plan.w_desc, plan.engine, packed);
    dnnl::reorder(from, to).execute(plan.stream, from, to);
    plan.stream.wait();
}

extern "C" void w8a8_gemm(
    const int8_t* x,
    const float* sx,
    const int8_t* w,
    const float* sw,
    float* y,
    const void* packed,
    int64_t M,
    int64_t N,
    int64_t K) {
    Plan& plan = plan_for(M, N, K);
    const void* weights = plan.packed ? packed : w;
    if (!plan.exact) {
        split(x, plan);
        execute(plan, plan.halves.data(), weights, plan.sums.data());
        const auto* columns = reinterpret_cast<const int32_t*>(
            static_cast<const char*>(packed) + plan.weights_bytes());
        const int32_t* low = plan.sums.data();
        const int32_t* high = low + M * N;
        for (int64_t m = 0; m < M; ++m) {
            for (int64_t n = 0; n < N; ++n) {
                const int32_t sum = low[m * N + n] + high[m * N + n] - 128 * columns[n];
                y[m * N + n] = static_cast<float>(sum) * sx[m] * sw[n];
            }
        }
        return;
    }
    execute(plan, x, weights, y);
    for (int64_t m = 0; m < M; ++m) {
        for (int64_t n = 0; n < N; ++n) {
            int32_t sum;
            memcpy(&sum, y + m * N + n, sizeof sum);
            y[m * N + n] = static_cast<float>(sum) * sx[m] * sw[n];
        }
    }
}
