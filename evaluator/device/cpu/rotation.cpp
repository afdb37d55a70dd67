// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/rotation.hpp"

#include <algorithm>

namespace kw::cpu {
namespace {

constexpr std::int64_t k_wanted_caches = 3;
constexpr std::int64_t k_least_sets = 3;
constexpr std::int64_t k_most_sets = 64;
constexpr std::int64_t k_most_bytes = std::int64_t{512} << 20;  // kw-probe measures memory likewise

}  // namespace

Rotation plan_rotation(std::int64_t weight_bytes, std::int64_t llc_bytes) {
    if (weight_bytes <= 0) {
        return {};
    }
    const std::int64_t wanted = std::min(k_wanted_caches * llc_bytes, k_most_bytes);
    const std::int64_t bytes =
        std::clamp(wanted, k_least_sets * weight_bytes, k_most_sets * weight_bytes);
    Rotation rotation;
    rotation.sets = (bytes + weight_bytes - 1) / weight_bytes;
    rotation.caches = static_cast<double>(bytes) / static_cast<double>(llc_bytes);
    // A full rotation needs no correction: memory was calibrated over one just as long. Of a
    // shorter one, one cacheful may have survived.
    rotation.cold = rotation.caches >= static_cast<double>(k_wanted_caches)
                        ? 1
                        : std::max(0.0, 1 - 1 / rotation.caches);
    return rotation;
}

}  // namespace kw::cpu
