// SPDX-License-Identifier: Apache-2.0
// kw-probe: what one thread of this machine can do at most. Stands alone: includes nothing else of
// kwright, links nothing but the C library's start-up, runs on any x86-64 and picks the widest
// instructions at run time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kw_probe {

double now();  ///< seconds, monotonic

struct CacheSizes {
    std::size_t l1 = 0;
    std::size_t l2 = 0;
    std::size_t l3 = 0;  ///< 0: none
};
CacheSizes cache_sizes();

struct Bandwidth {
    double gb_per_s = 0;       ///< best of all patterns
    double read_gb_per_s = 0;  ///< best of those that only read
    const char* pattern = "";
    std::size_t bytes = 0;  ///< working set of the best measurement
};

/// Best of all access patterns over working sets of exactly `bytes` inside `buffer`, `seconds` for
/// each pattern. Counted as the kernel sees it: a copy of n bytes moves 2 n.
/// `trace`: every pattern on stderr.
Bandwidth bandwidth(std::byte* buffer, std::size_t bytes, double seconds, bool trace);

/// Operations a second, in units of 1e9; 0 where the processor has no such instruction.
struct Rates {
    double f32 = 0;   ///< multiply and add counted apart
    double f16 = 0;   ///< AVX512-FP16
    double bf16 = 0;  ///< dot products of pairs
    double i8 = 0;
    double bit = 0;  ///< and + popcount: two operations a bit
};
Rates rates(double seconds_each);

}  // namespace kw_probe
