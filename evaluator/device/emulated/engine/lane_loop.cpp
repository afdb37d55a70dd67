// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/lane_loop.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace kw::emu {

namespace {

template <class Lane>
void blend(Lane* to, const Lane* from, Lanes active) {
    for (int i = 0; i < k_lanes; ++i) {
        const Lane mask = Lane{0} - static_cast<Lane>((active & k_lane_bit[i]) != 0);
        to[i] = (from[i] & mask) | (to[i] & ~mask);
    }
}

#if defined(__x86_64__)
// Clang 14's builtin does not know the name. That the system keeps its registers follows from AVX2.
bool has_f16c() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

}  // namespace

void copy_active(std::uint32_t* to, const std::uint32_t* from, Lanes active) {
    blend(to, from, active);
}

void copy_active(std::uint64_t* to, const std::uint64_t* from, Lanes active) {
    blend(to, from, active);
}

void copy_active(u128* to, const u128* from, Lanes active) {
    blend(to, from, active);
}

bool& modern_allowed() {
#if defined(__x86_64__)
    static bool allowed = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                          has_f16c() && __builtin_cpu_supports("bmi2");
#else
    static bool allowed = false;
#endif
    return allowed;
}

}  // namespace kw::emu
