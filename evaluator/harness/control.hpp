// SPDX-License-Identifier: Apache-2.0
// The block of memory that the judge and a runner share, and the addresses they agree on. Plain
// data, included by both sides and by nothing else. The candidate can write it (it lives in the
// runner's address space), so the judge believes nothing in it: it holds no verdict and no time,
// only a hand-shake and evidence for people.
#pragma once

#include <atomic>
#include <cstdint>

namespace kw::harness {

/// Every region sits at the same virtual address in every runner. Otherwise two starts of the same
/// code differ by up to 3.2x (4 KiB aliasing, L1 way prediction), a constant that no repetition
/// averages out.
inline constexpr std::uint64_t k_base = 0x200000000000;
inline constexpr std::uint64_t k_region_stride = 0x4000000000;  ///< 256 GiB between regions

/// Regions of a runner, in this order. Each is one memfd.
enum Region : std::uint32_t {
    region_control = 0,  ///< this block; read-write
    region_in,           ///< role in: read-only
    region_weights,      ///< role weight, all sets of the pool: read-only
    region_packed,       ///< prepared weights, all sets: read-only in a timed runner, writable in a
                         ///< preparing one
    region_io,           ///< roles out, inout, workspace: read-write
    region_count,
};
[[nodiscard]] constexpr std::uint64_t region_address(std::uint32_t region) {
    return k_base + region * k_region_stride;
}

/// Tags of a dynamic section, of the range that loaders ignore: in the place of DT_INIT,
/// DT_INIT_ARRAY and DT_INIT_ARRAYSZ in every object that a runner loads.
inline constexpr std::int64_t k_held_init = 0x60001b00;
inline constexpr std::int64_t k_held_init_array = 0x60001b01;
inline constexpr std::int64_t k_held_init_bytes = 0x60001b02;
/// In the place of a relocation's kind, R_X86_64_IRELATIVE ("what this function returns"): kind and
/// symbol of R_X86_64_NONE, which loaders skip. A real one of these has no place to write to.
inline constexpr std::uint64_t k_held_resolver = 0;

inline constexpr int k_fd_control = 3;
inline constexpr int k_fd_object = 4;   ///< the shared object
inline constexpr int k_fd_regions = 5;  ///< region r has descriptor k_fd_regions + r - 1
inline constexpr int k_max_pointers = 48;
inline constexpr int k_max_segments = 40;

/// Each argument is a segment of its region, 8 GiB from the next, so that unmapped memory lies
/// around it: a step outside an argument is a fault, not a read of its neighbour.
inline constexpr std::uint64_t k_segment_stride = 0x200000000;
struct Segment {
    std::uint64_t address;
    std::uint64_t file_offset;
    std::uint64_t bytes;
    std::uint32_t region;
    std::uint32_t unused;
};

enum Function : std::uint32_t {
    function_entry = 0,
    function_prepare,
    function_prepare_size,  ///< result in `value`
    function_reference,
    function_reference_project,
    function_reference_at,
    function_null,  ///< returns at once: the cost of a call
    function_count,
};

enum Mode : std::uint32_t {
    mode_candidate = 0,  ///< load filter, then the strict filter
    mode_trusted,        ///< our own reference and baselines: the same filters
    mode_peer,           ///< a library peer: may map code and read files
    mode_null,           ///< loads nothing
};

/// What happened to the runner, told by the runner itself: evidence, never proof.
struct Evidence {
    std::uint32_t signal;
    std::int32_t signal_code;
    std::uint64_t address;        ///< of the faulting access
    std::uint32_t system_call;    ///< SIGSYS
    std::uint32_t out_of_memory;  ///< 1: little memory was left when it died
    std::uint32_t phase;          ///< Phase when it happened
    std::uint32_t threads;        ///< seen after loading
    char message[512];            ///< loader errors
};

enum Phase : std::uint32_t { phase_start = 0, phase_load, phase_ready, phase_call };

inline constexpr int k_exit_evidence = 100;  ///< the crash handler ran
inline constexpr int k_exit_load = 101;      ///< dlopen or dlsym failed
inline constexpr int k_exit_setup = 102;     ///< our own set-up failed
inline constexpr int k_exit_threads = 103;   ///< more than one thread after loading

struct Control {
    // Written by the judge, before the start.
    Segment segments[k_max_segments];
    std::uint32_t segment_count;
    std::uint32_t mode;
    std::uint32_t yield;  ///< 1: one processor only, spin politely
    // Written by the judge, call by call.
    alignas(64) std::atomic<std::uint64_t> arm;  ///< number of the call that is being prepared
    std::atomic<std::uint64_t> go;               ///< number of the call that may start
    std::uint32_t function;
    std::uint32_t pointer_count;
    /// Not before "armed": who serves calls itself must not know which weights come next.
    std::uint64_t pointers[k_max_pointers];
    std::int64_t dims[16];
    // Written by the runner.
    alignas(64) std::atomic<std::uint64_t> armed;
    std::atomic<std::uint64_t> done;
    std::uint64_t value;  ///< function_prepare_size
    std::uint32_t phase;
    alignas(64) Evidence evidence;
};
static_assert(sizeof(Control) <= 4096);

}  // namespace kw::harness
