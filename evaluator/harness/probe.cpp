// SPDX-License-Identifier: Apache-2.0
// Prints one JSON document: bandwidth per cache level and peak rates of one thread, maxima over
// repetitions and access patterns. About two seconds.
#include "evaluator/harness/probe.hpp"

#include <cpuid.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <time.h>

namespace kw_probe {

double now() {
    timespec at{};
    clock_gettime(CLOCK_MONOTONIC, &at);
    return static_cast<double>(at.tv_sec) + 1e-9 * static_cast<double>(at.tv_nsec);
}

namespace {

/// Deterministic cache parameters: leaf 4 (Intel) or 0x8000001d (AMD).
bool sizes_from_cpuid(unsigned leaf, CacheSizes& sizes) {
    bool found = false;
    for (unsigned index = 0; index < 16; ++index) {
        unsigned a = 0;
        unsigned b = 0;
        unsigned c = 0;
        unsigned d = 0;
        if (__get_cpuid_count(leaf, index, &a, &b, &c, &d) == 0) {
            return false;
        }
        const unsigned type = a & 31U;  // 1 data, 2 instructions, 3 both
        if (type == 0) {
            break;
        }
        const std::size_t ways = (b >> 22) + 1;
        const std::size_t partitions = ((b >> 12) & 0x3ffU) + 1;
        const std::size_t line = (b & 0xfffU) + 1;
        const std::size_t bytes = ways * partitions * line * (static_cast<std::size_t>(c) + 1);
        const unsigned level = (a >> 5) & 7U;
        if (type != 2 && level >= 1 && level <= 3) {
            (level == 1 ? sizes.l1 : level == 2 ? sizes.l2 : sizes.l3) = bytes;
            found = true;
        }
    }
    return found;
}

std::size_t from_sysconf(int name) {
    const long bytes = sysconf(name);
    return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

}  // namespace

CacheSizes cache_sizes() {
    CacheSizes sizes;
    if (!sizes_from_cpuid(4, sizes)) {
        sizes_from_cpuid(0x8000001d, sizes);
    }
    if (sizes.l1 == 0 || sizes.l2 == 0) {
        sizes.l1 = from_sysconf(_SC_LEVEL1_DCACHE_SIZE);
        sizes.l2 = from_sysconf(_SC_LEVEL2_CACHE_SIZE);
        sizes.l3 = from_sysconf(_SC_LEVEL3_CACHE_SIZE);
    }
    // Nothing told: sizes that are common enough to measure something sensible.
    sizes.l1 = sizes.l1 != 0 ? sizes.l1 : std::size_t{32} << 10;
    sizes.l2 = sizes.l2 > sizes.l1 ? sizes.l2 : std::size_t{1} << 20;
    sizes.l3 = sizes.l3 > sizes.l2 ? sizes.l3 : 0;
    return sizes;
}

namespace {

void better(Bandwidth& best, const Bandwidth& other) {
    const double reading =
        other.read_gb_per_s > best.read_gb_per_s ? other.read_gb_per_s : best.read_gb_per_s;
    if (other.gb_per_s > best.gb_per_s) {
        best = other;
    }
    best.read_gb_per_s = reading;
}

/// Parts of `capacity` (in eighths) as working sets.
Bandwidth level(
    std::byte* buffer, std::size_t capacity, const int (&eighths)[3], double seconds, bool trace) {
    Bandwidth best;
    for (const int part : eighths) {
        const std::size_t bytes = capacity / 8 * static_cast<std::size_t>(part) / 4096 * 4096;
        better(best, bandwidth(buffer, bytes, seconds, trace));
    }
    return best;
}

void print_level(const char* name, std::size_t bytes, const Bandwidth& found, bool last) {
    std::printf(
        "    {\"level\": \"%s\", \"bytes\": %zu, \"gb_per_s\": %.3f, \"read_gb_per_s\": %.3f, "
        "\"pattern\": \"%s\", "
        "\"working_set\": %zu}%s\n",
        name,
        bytes,
        found.gb_per_s,
        found.read_gb_per_s,
        found.pattern,
        found.bytes,
        last ? "" : ",");
}

/// Stay where we are: a migration in the middle would measure two caches.
void stay() {
    cpu_set_t set;
    CPU_ZERO(&set);
    const int cpu = sched_getcpu();
    if (cpu >= 0) {
        CPU_SET(static_cast<unsigned>(cpu), &set);
        (void)sched_setaffinity(0, sizeof set, &set);  // only a help: refused is fine
    }
}

int run(bool trace) {
    stay();
    const CacheSizes sizes = cache_sizes();
    const std::size_t last_level = sizes.l3 != 0 ? sizes.l3 : sizes.l2;
    // As large as the rotation that a cold measurement uses (rotation.hpp), so that whatever the
    // cache keeps of such a rotation is in the figure.
    constexpr std::size_t k_least = std::size_t{96} << 20;
    constexpr std::size_t k_most = std::size_t{512} << 20;
    std::size_t cold = 3 * last_level;
    cold = cold < k_least ? k_least : cold > k_most ? k_most : cold;
    constexpr std::size_t k_spare = std::size_t{4} << 20;  // the prefetch reads ahead
    void* mapped =
        mmap(nullptr, cold + k_spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
        std::fprintf(stderr, "kw-probe: no memory for %zu bytes\n", cold);
        return 1;
    }
    (void)madvise(mapped, cold + k_spare, MADV_HUGEPAGE);
    auto* buffer = static_cast<std::byte*>(mapped);
    std::memset(mapped, 1, cold + k_spare);

    const Rates peak = rates(0.03);
    const Bandwidth l1 = level(buffer, sizes.l1, {4, 6, 7}, 0.004, trace);
    const Bandwidth l2 = level(buffer, sizes.l2, {3, 4, 6}, 0.006, trace);
    Bandwidth l3;
    if (sizes.l3 != 0) {
        const std::size_t least = 2 * sizes.l2;
        l3 = level(buffer, sizes.l3 > 8 * least ? sizes.l3 : 8 * least, {1, 2, 4}, 0.010, trace);
    }
    const Bandwidth memory = bandwidth(buffer, cold, 0.030, trace);

    std::printf("{\n  \"schema\": \"kwright.probe/1\",\n  \"levels\": [\n");
    print_level("L1", sizes.l1, l1, false);
    print_level("L2", sizes.l2, l2, false);
    if (sizes.l3 != 0) {
        print_level("L3", sizes.l3, l3, false);
    }
    print_level("memory", 0, memory, true);
    std::printf(
        "  ],\n  \"f32_gflops\": %.3f,\n  \"f16_gflops\": %.3f,\n  \"bf16_gflops\": %.3f,\n"
        "  \"i8_gops\": %.3f,\n  \"bit_gops\": %.3f\n}\n",
        peak.f32,
        peak.f16,
        peak.bf16,
        peak.i8,
        peak.bit);
    return 0;
}

}  // namespace
}  // namespace kw_probe

// `--trace`: every single measurement on stderr, for people.
int main(int argc, char** argv) {
    return kw_probe::run(argc > 1 && std::strcmp(argv[1], "--trace") == 0);
}
