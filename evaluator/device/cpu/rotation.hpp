// SPDX-License-Identifier: Apache-2.0
// How many sets of weights a cold measurement rotates through, and how cold that makes them.
#pragma once

#include <cstdint>

namespace kw::cpu {

/// What every contestant of one shape rotates through, in copies of its own.
struct Rotation {
    std::int64_t sets = 1;
    double caches = 0;  ///< last-level caches that one contestant's rotation passes; 3 is wanted
    double cold = 0;    ///< part of the weights that the rotation has surely thrown out of every
                        ///< cache, in the worst case
};

/// `weight_bytes`: of one set; 0 makes a rotation of one set that is not cold. A rotation passes
/// three last-level caches unless that takes more than 64 sets or 512 MiB: virtual machines show
/// the cache of the whole socket (480 MiB seen), and three of those for three contestants and every
/// timed shape take seconds and gigabytes. At least three sets, whatever they take.
[[nodiscard]] Rotation plan_rotation(std::int64_t weight_bytes, std::int64_t llc_bytes);

}  // namespace kw::cpu
