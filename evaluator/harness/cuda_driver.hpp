// SPDX-License-Identifier: Apache-2.0
// The part of the CUDA driver API that we use, declared here because kwright is built without any
// CUDA header, and loaded at run time because most machines have no driver. Types and numbers are
// those of cuda.h (tests/unit/evaluator/gpu compares them with a toolkit's); a name ending in _v2
// is what cuda.h's macros make of the plain one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace kw::harness::cu {

using Result = int;  // CUresult
using Device = int;
using Pointer = std::uint64_t;  // CUdeviceptr
struct ContextOpaque;
struct ModuleOpaque;
struct FunctionOpaque;
struct StreamOpaque;
struct EventOpaque;
struct GraphOpaque;
struct GraphExecOpaque;
using Context = ContextOpaque*;
using Module = ModuleOpaque*;
using Function = FunctionOpaque*;
using Stream = StreamOpaque*;
using Event = EventOpaque*;
using Graph = GraphOpaque*;
using GraphExec = GraphExecOpaque*;

struct Uuid {
    char bytes[16];
};

struct alignas(64) TensorMap {
    std::uint64_t opaque[16];
};

struct LaunchAttribute {
    std::uint32_t id;
    char pad[4];
    union {
        char bytes[64];
        std::int32_t cooperative;
        std::uint32_t cluster[3];
        void* pointer_aligned;
    } value;
};
static_assert(sizeof(LaunchAttribute) == 72 && offsetof(LaunchAttribute, value) == 8);

struct LaunchConfig {
    std::uint32_t grid[3];
    std::uint32_t block[3];
    std::uint32_t smem;
    Stream stream;
    LaunchAttribute* attributes;
    std::uint32_t attribute_count;
};
static_assert(sizeof(LaunchConfig) == 56 && offsetof(LaunchConfig, stream) == 32);

inline constexpr Result k_success = 0;
inline constexpr Result k_invalid_value = 1;
inline constexpr Result k_out_of_memory = 2;
inline constexpr Result k_not_initialized = 3;
inline constexpr Result k_deinitialized = 4;
inline constexpr Result k_stub_library = 34;
inline constexpr Result k_device_unavailable = 46;
inline constexpr Result k_no_device = 100;
inline constexpr Result k_invalid_device = 101;
inline constexpr Result k_invalid_image = 200;
inline constexpr Result k_invalid_context = 201;
inline constexpr Result k_no_binary_for_gpu = 209;
inline constexpr Result k_ecc_uncorrectable = 214;
inline constexpr Result k_invalid_ptx = 218;
inline constexpr Result k_unsupported_ptx_version = 222;
inline constexpr Result k_operating_system = 304;
inline constexpr Result k_not_found = 500;
inline constexpr Result k_not_ready = 600;
inline constexpr Result k_illegal_address = 700;
inline constexpr Result k_launch_out_of_resources = 701;
inline constexpr Result k_launch_timeout = 702;
inline constexpr Result k_assert = 710;
inline constexpr Result k_hardware_stack_error = 714;
inline constexpr Result k_illegal_instruction = 715;
inline constexpr Result k_misaligned_address = 716;
inline constexpr Result k_launch_failed = 719;
inline constexpr Result k_cooperative_too_large = 720;
inline constexpr Result k_system_driver_mismatch = 803;
inline constexpr Result k_unknown = 999;

// CUdevice_attribute
inline constexpr int k_max_threads_per_block = 1;
inline constexpr int k_clock_khz = 13;
inline constexpr int k_multiprocessors = 16;
inline constexpr int k_compute_mode = 20;
inline constexpr int k_ecc_enabled = 32;
inline constexpr int k_memory_clock_khz = 36;
inline constexpr int k_memory_bus_bits = 37;
inline constexpr int k_l2_bytes = 38;
inline constexpr int k_threads_per_multiprocessor = 39;
inline constexpr int k_major = 75;
inline constexpr int k_minor = 76;
inline constexpr int k_smem_per_multiprocessor = 81;
inline constexpr int k_registers_per_multiprocessor = 82;
inline constexpr int k_smem_per_block_optin = 97;

inline constexpr unsigned k_sched_spin = 1;        // CU_CTX_SCHED_SPIN
inline constexpr int k_limit_persisting_l2 = 6;    // CU_LIMIT_PERSISTING_L2_CACHE_SIZE
inline constexpr int k_function_dynamic_smem = 8;  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_...
inline constexpr unsigned k_stream_non_blocking = 1;
inline constexpr unsigned k_host_portable_mapped = 1 | 2;  // CU_MEMHOSTALLOC_PORTABLE, DEVICEMAP
inline constexpr unsigned k_event_external = 1;            // CU_EVENT_RECORD_EXTERNAL
inline constexpr int k_capture_thread_local = 1;           // CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
inline constexpr std::uint32_t k_attribute_cooperative = 2;
inline constexpr std::uint32_t k_attribute_cluster = 4;
inline constexpr int k_jit_error_log = 5;
inline constexpr int k_jit_error_log_bytes = 6;

/// Every entry point, null until load().
struct Driver {
    Result (*init)(unsigned) = nullptr;
    Result (*driver_version)(int*) = nullptr;
    Result (*device_count)(int*) = nullptr;
    Result (*device_get)(Device*, int) = nullptr;
    Result (*device_name)(char*, int, Device) = nullptr;
    Result (*device_uuid)(Uuid*, Device) = nullptr;
    Result (*device_attribute)(int*, int, Device) = nullptr;
    Result (*device_memory)(std::size_t*, Device) = nullptr;
    Result (*device_pci)(char*, int, Device) = nullptr;
    Result (*primary_set_flags)(Device, unsigned) = nullptr;
    Result (*primary_retain)(Context*, Device) = nullptr;
    Result (*context_set)(Context) = nullptr;
    Result (*context_synchronize)() = nullptr;
    Result (*context_limit)(int, std::size_t) = nullptr;
    Result (*reset_persisting_l2)() = nullptr;
    Result (*module_load)(Module*, const void*, unsigned, int*, void**) = nullptr;
    Result (*module_unload)(Module) = nullptr;
    Result (*module_function)(Function*, Module, const char*) = nullptr;
    Result (*function_set)(Function, int, int) = nullptr;
    Result (*launch)(const LaunchConfig*, Function, void**, void**) = nullptr;
    Result (*allocate)(Pointer*, std::size_t) = nullptr;
    Result (*release)(Pointer) = nullptr;
    Result (*to_device)(Pointer, const void*, std::size_t) = nullptr;
    Result (*to_host)(void*, Pointer, std::size_t) = nullptr;
    Result (*fill)(Pointer, unsigned char, std::size_t, Stream) = nullptr;
    Result (*host_allocate)(void**, std::size_t, unsigned) = nullptr;
    Result (*host_pointer)(Pointer*, void*, unsigned) = nullptr;
    Result (*stream_create)(Stream*, unsigned) = nullptr;
    Result (*stream_synchronize)(Stream) = nullptr;
    Result (*capture_begin)(Stream, int) = nullptr;
    Result (*capture_end)(Stream, Graph*) = nullptr;
    Result (*event_create)(Event*, unsigned) = nullptr;
    Result (*event_record)(Event, Stream) = nullptr;
    Result (*event_record_with)(Event, Stream, unsigned) = nullptr;
    Result (*event_elapsed)(float*, Event, Event) = nullptr;
    Result (*graph_instantiate)(GraphExec*, Graph, unsigned long long) = nullptr;
    Result (*graph_upload)(GraphExec, Stream) = nullptr;
    Result (*graph_launch)(GraphExec, Stream) = nullptr;
    Result (*graph_exec_destroy)(GraphExec) = nullptr;
    Result (*graph_destroy)(Graph) = nullptr;
    Result (*error_name)(Result, const char**) = nullptr;
    /// Null on drivers before 12.0: only plans with tensor maps need it.
    Result (*tensor_map)(
        TensorMap*,
        int,
        std::uint32_t,
        void*,
        const std::uint64_t*,
        const std::uint64_t*,
        const std::uint32_t*,
        const std::uint32_t*,
        int,
        int,
        int,
        int) = nullptr;
};

/// Opens the driver's library. False: `problem` is dlopen's message, or the entry point that is
/// missing (`missing` is set).
[[nodiscard]] bool load(
    const std::string& library, Driver& driver, std::string& problem, bool& missing);

}  // namespace kw::harness::cu
