// SPDX-License-Identifier: Apache-2.0
// What the judge and kw-gpu say to each other: one fixed-size Order over descriptor 3, one Answer
// over descriptor 4, lists and data in the shared memory of descriptor 5. Included by both sides,
// which are always of the same build. The judge trusts no field of an Answer further than it can
// check it: device code runs in that process's context, and the driver is no boundary.
#pragma once

#include <cstdint>
#include <type_traits>

namespace kw::harness {

inline constexpr int k_fd_orders = 3;
inline constexpr int k_fd_answers = 4;
inline constexpr int k_fd_transfer = 5;

inline constexpr int k_gpu_most_calls = 8;  ///< in one graph

enum class GpuDo : std::uint32_t {
    count,     ///< -> a: devices, b: driver's version (12040 = 12.4)
    describe,  ///< a: ordinal -> DeviceRecord at the transfer memory's beginning
    open,      ///< text: UUID in hex; flags: gpu_no_context_limits. The context of everything below
    load,      ///< a, b: offset and bytes of a cubin; c, d: of PTX, where the cubin does not fit
    allocate,  ///< a: bytes -> a: address
    release,   ///< a: address
    fill,      ///< a: address, b: bytes, c: byte
    copy,      ///< a: offset of CopyRecords, b: how many
    tensormap,  ///< a: offset of a TensorMapRecord, replaced by the 128 bytes of the map
    /// a: offset of LaunchRecords, b: how many, c: bytes to flush, d: repetitions -> of a timed one
    /// a: 1 when the stream was held too long, so that launching is part of the time
    call,
    null_call,  ///< the events of a call with nothing between them
    end,
};

/// Of Order::flags, for `call`.
inline constexpr std::uint32_t gpu_timed = 1;   ///< events, behind a kernel that holds the stream
inline constexpr std::uint32_t gpu_graph = 2;   ///< all launches captured into one graph first
inline constexpr std::uint32_t gpu_reset = 4;   ///< persisting L2 lines become ordinary ones before
inline constexpr std::uint32_t gpu_matmul = 8;  ///< of `load`: open the vendor's library as well

struct Order {
    GpuDo what = GpuDo::end;
    std::uint32_t flags = 0;
    std::uint64_t a = 0, b = 0, c = 0, d = 0;
    std::uint64_t calls = 1;  ///< of a graph: `b` is a multiple, and each gets a time of its own
    char text[160] = {};      ///< ends in 0
};

/// Where a call of the driver failed, so that the judge can say it.
struct Answer {
    std::int32_t error = 0;  ///< CUresult; k_gpu_* below for what is not the driver's
    std::uint32_t what = 0;  ///< of the order
    std::uint64_t a = 0, b = 0;
    double event_ns = 0;  ///< of `call`: between the two events, all repetitions
    double host_ns = 0;   ///< of `call`: from the release of the stream to its end, by this host
    double call_ns[k_gpu_most_calls] = {};  ///< of a graph: each of its calls, events included
    char function[48] = {};                 ///< "cuModuleLoadDataEx"
    char text[320] = {};  ///< the driver's name of the error, or its compiler's log
};

inline constexpr std::int32_t k_gpu_no_library = -1;   ///< Answer::text: dlopen's message
inline constexpr std::int32_t k_gpu_no_function = -2;  ///< an entry point that the driver lacks
inline constexpr std::int32_t k_gpu_no_device = -3;    ///< no device of that UUID
inline constexpr std::int32_t k_gpu_bad_order = -4;
inline constexpr std::int32_t k_gpu_no_kernel = -5;  ///< Answer::text: which
inline constexpr std::int32_t k_gpu_no_matmul = -6;  ///< the library has no algorithm for it

struct DeviceRecord {
    char name[96] = {};
    std::uint8_t uuid[16] = {};
    std::int32_t major = 0, minor = 0;
    std::int32_t sm_count = 0, max_threads = 0, max_smem = 0, sm_smem = 0, sm_threads = 0;
    std::int32_t sm_regs = 0, l2_bytes = 0;
    std::int32_t sm_khz = 0, memory_khz = 0, bus_bits = 0, ecc = 0, compute_mode = 0;
    std::uint64_t memory_bytes = 0;
    char pci[16] = {};  ///< "0000:17:00.0"
};

struct CopyRecord {
    std::uint64_t address = 0;  ///< on the device
    std::uint64_t offset = 0;   ///< in the transfer memory
    std::uint64_t bytes = 0;
    std::uint64_t to_device = 0;
};

struct LaunchRecord {
    std::uint64_t name_offset = 0, name_bytes = 0;  ///< in the transfer memory
    std::uint32_t grid[3] = {1, 1, 1};
    std::uint32_t block[3] = {1, 1, 1};
    std::uint32_t cluster[3] = {0, 0, 0};  ///< 0 0 0: none
    std::uint32_t smem = 0;                ///< dynamic, bytes
    std::uint32_t cooperative = 0;
    std::uint32_t is_matmul = 0;  ///< 1: `parameter_offset` is that of a MatmulRecord
    std::uint64_t parameter_offset = 0, parameter_bytes = 0;
};

/// d = scale * op(a) * b, column-major as the vendor's library has it; CUDA's type numbers.
struct MatmulRecord {
    std::int32_t type_a = 0, type_b = 0, type_d = 0, compute = 0, scale_type = 0;
    std::int32_t transposed_a = 0, transposed_b = 0;
    std::int32_t fast_accumulate = 0;
    std::uint64_t m = 0, n = 0, k = 0;
    std::int64_t lda = 0, ldb = 0, ldd = 0;
    std::uint64_t a = 0, b = 0, d = 0;  ///< device addresses
};

struct TensorMapRecord {
    std::uint64_t base = 0;
    std::uint32_t dtype = 0, rank = 0, interleave = 0, swizzle = 0, l2 = 0, oob = 0;
    std::uint64_t dims[5] = {};
    std::uint64_t strides[4] = {};  ///< bytes
    std::uint32_t box[5] = {};
    std::uint32_t element_strides[5] = {};
};

static_assert(std::is_trivially_copyable_v<Order> && std::is_trivially_copyable_v<Answer>);
static_assert(sizeof(Order) <= 512 && sizeof(Answer) <= 512, "atomic on a pipe");

}  // namespace kw::harness
