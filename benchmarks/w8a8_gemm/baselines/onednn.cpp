// SPDX-License-Identifier: Apache-2.0
// oneDNN matmul, s8 x s8 -> s32, one thread, weights reordered once by prepare into the layout the
// library asks for. The sums go into y's own bytes (s32 and f32 are both four bytes wide) and one
// pass turns them into scaled floats.
#include "w8a8_gemm.h"

#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string.h>

// libdnnl on Debian runs on OpenMP; weak, because a sequential build has no such function.
extern "C" void omp_set_num_threads(int) __attribute__((weak));

namespace {

using dnnl::memory;

struct Plan {
    int64_t M, N, K;
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    memory::desc x_desc, w_desc, y_desc;
    dnnl::matmul::primitive_desc description;
    dnnl::matmul primitive;
    bool packed = false;
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
    plan->x_desc = {{M, K}, memory::data_type::s8, memory::format_tag::ab};
    plan->y_desc = {{M, N}, memory::data_type::s32, memory::format_tag::ab};
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
        if (!fits(last->w_desc.get_size(), N, K)) {
            last = make_plan(M, N, K, false);
        }
    }
    return *last;
}

}  // namespace

extern "C" size_t w8a8_gemm_prepare_size(int64_t M, int64_t N, int64_t K) {
    const Plan& plan = plan_for(M, N, K);
    return plan.packed ? plan.w_desc.get_size() : 0;
}

extern "C" void w8a8_gemm_prepare(
    const int8_t* w, const float* /*sw*/, void* packed, int64_t M, int64_t N, int64_t K) {
    Plan& plan = plan_for(M, N, K);
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
    memory a(plan.x_desc, plan.engine, const_cast<int8_t*>(x));
    memory b(plan.w_desc, plan.engine, const_cast<void*>(weights));
    memory c(plan.y_desc, plan.engine, y);
    plan.primitive.execute(
        plan.stream, {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}});
    plan.stream.wait();
    for (int64_t m = 0; m < M; ++m) {
        for (int64_t n = 0; n < N; ++n) {
            int32_t sum;
            memcpy(&sum, y + m * N + n, sizeof sum);
            y[m * N + n] = static_cast<float>(sum) * sx[m] * sw[n];
        }
    }
}
