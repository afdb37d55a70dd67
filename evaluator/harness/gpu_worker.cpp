// SPDX-License-Identifier: Apache-2.0
#include "evaluator/harness/gpu_worker.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <vector>

namespace kw::harness {
namespace {

constexpr int k_most_devices = 64;

template <std::size_t n>
void put_text(char (&to)[n], const std::string& from) {
    const std::size_t bytes = std::min(from.size(), n - 1);
    std::memcpy(to, from.data(), bytes);
    to[bytes] = '\0';
}

std::string hex(const cu::Uuid& uuid) {
    std::string text;
    for (const char byte : uuid.bytes) {
        char digits[3];
        std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned char>(byte));
        text += digits;
    }
    return text;
}

}  // namespace

bool GpuWorker::good(Answer& answer, const char* function, cu::Result result) {
    if (result == cu::k_success) {
        return true;
    }
    if (answer.error == 0) {
        answer.error = result;
        put_text(answer.function, function);
    }
    return false;
}

bool GpuWorker::refuse(Answer& answer, std::int32_t error, const std::string& text) {
    if (answer.error == 0) {
        answer.error = error;
        put_text(answer.text, text);
    }
    return false;
}

void GpuWorker::name_error(Answer& answer) const {
    const char* name = nullptr;
    if (answer.error > 0 && answer.text[0] == '\0' && cuda_.error_name != nullptr &&
        cuda_.error_name(answer.error, &name) == cu::k_success && name != nullptr) {
        put_text(answer.text, name);
    }
}

void GpuWorker::load_driver(Answer& answer) {
    std::string problem;
    bool missing = false;
    if (!cu::load(driver_path_, cuda_, problem, missing)) {
        refuse(answer, missing ? k_gpu_no_function : k_gpu_no_library, problem);
        return;
    }
    loaded_ = good(answer, "cuInit", cuda_.init(0));
}

void GpuWorker::count(Answer& answer) {
    int devices = 0;
    int version = 0;
    if (good(answer, "cuDeviceGetCount", cuda_.device_count(&devices)) &&
        good(answer, "cuDriverGetVersion", cuda_.driver_version(&version))) {
        answer.a = static_cast<std::uint64_t>(std::clamp(devices, 0, k_most_devices));
        answer.b = static_cast<std::uint64_t>(std::max(version, 0));
    }
}

void GpuWorker::describe(int ordinal, Answer& answer) {
    auto* to = records<DeviceRecord>(0, 1);
    if (to == nullptr) {
        refuse(answer, k_gpu_bad_order, "describe");
        return;
    }
    cu::Device device = 0;
    DeviceRecord record;
    cu::Uuid uuid{};
    std::size_t memory = 0;
    if (!good(answer, "cuDeviceGet", cuda_.device_get(&device, ordinal)) ||
        !good(
            answer,
            "cuDeviceGetName",
            cuda_.device_name(record.name, sizeof(record.name) - 1, device)) ||
        !good(answer, "cuDeviceGetUuid", cuda_.device_uuid(&uuid, device)) ||
        !good(answer, "cuDeviceTotalMem", cuda_.device_memory(&memory, device)) ||
        !good(
            answer,
            "cuDeviceGetPCIBusId",
            cuda_.device_pci(record.pci, sizeof(record.pci) - 1, device))) {
        return;
    }
    std::memcpy(record.uuid, uuid.bytes, sizeof(record.uuid));
    record.memory_bytes = memory;
    const std::array<std::pair<int, std::int32_t*>, 13> attributes{{
        {cu::k_major, &record.major},
        {cu::k_minor, &record.minor},
        {cu::k_multiprocessors, &record.sm_count},
        {cu::k_max_threads_per_block, &record.max_threads},
        {cu::k_smem_per_block_optin, &record.max_smem},
        {cu::k_smem_per_multiprocessor, &record.sm_smem},
        {cu::k_threads_per_multiprocessor, &record.sm_threads},
        {cu::k_registers_per_multiprocessor, &record.sm_regs},
        {cu::k_l2_bytes, &record.l2_bytes},
        {cu::k_clock_khz, &record.sm_khz},
        {cu::k_memory_clock_khz, &record.memory_khz},
        {cu::k_memory_bus_bits, &record.bus_bits},
        {cu::k_ecc_enabled, &record.ecc},
    }};
    for (const auto& [attribute, value] : attributes) {
        // What a newer driver no longer tells (clocks) stays 0.
        if (cuda_.device_attribute(value, attribute, device) != cu::k_success) {
            *value = 0;
        }
    }
    if (!good(
            answer,
            "cuDeviceGetAttribute",
            cuda_.device_attribute(&record.compute_mode, cu::k_compute_mode, device))) {
        return;
    }
    std::memcpy(to, &record, sizeof(record));
}

void GpuWorker::open(const Order& order, Answer& answer) {
    Answer counted;
    count(counted);
    cu::Device device = 0;
    bool found = false;
    for (int i = 0; i < static_cast<int>(counted.a) && !found; ++i) {
        cu::Uuid uuid{};
        found = cuda_.device_get(&device, i) == cu::k_success &&
                cuda_.device_uuid(&uuid, device) == cu::k_success && hex(uuid) == order.text;
    }
    if (!found) {
        refuse(answer, k_gpu_no_device, order.text);
        return;
    }
    // Spinning, because a wake-up would be measured by the host's clock.
    if (!good(
            answer,
            "cuDevicePrimaryCtxSetFlags",
            cuda_.primary_set_flags(device, cu::k_sched_spin)) ||
        !good(answer, "cuDevicePrimaryCtxRetain", cuda_.primary_retain(&context_, device)) ||
        !good(answer, "cuCtxSetCurrent", cuda_.context_set(context_)) ||
        !good(answer, "cuStreamCreate", cuda_.stream_create(&stream_, cu::k_stream_non_blocking)) ||
        !good(answer, "cuEventCreate", cuda_.event_create(&begin_, 0)) ||
        !good(answer, "cuEventCreate", cuda_.event_create(&end_, 0))) {
        return;
    }
    for (cu::Event& mark : marks_) {
        if (!good(answer, "cuEventCreate", cuda_.event_create(&mark, 0))) {
            return;
        }
    }
    // No line of the L2 may be set aside for later calls. Devices without the feature refuse.
    (void)cuda_.context_limit(cu::k_limit_persisting_l2, 0);
    make_hold(answer);
}

/// False and no error filed: the driver has no use for this form.
bool GpuWorker::load_image(const Order& order, bool cubin, Answer& answer) {
    const std::uint64_t offset = cubin ? order.a : order.c;
    const std::uint64_t bytes = cubin ? order.b : order.d;
    const char* from = bytes == 0 ? nullptr : records<char>(offset, bytes);
    if (from == nullptr) {
        return false;
    }
    // A copy that ends in 0, as PTX must; the driver parses it at its own pace.
    std::vector<char> image(from, from + bytes);
    image.push_back('\0');
    std::array<char, 400> log{};
    std::array<int, 2> options{cu::k_jit_error_log, cu::k_jit_error_log_bytes};
    std::array<void*, 2> values{log.data(), reinterpret_cast<void*>(log.size() - 1)};
    const cu::Result result = cuda_.module_load(
        &module_,
        image.data(),
        static_cast<unsigned>(options.size()),
        options.data(),
        values.data());
    const bool other_form = result == cu::k_no_binary_for_gpu || result == cu::k_invalid_image;
    if (cubin && other_form && order.d != 0) {
        return false;
    }
    if (!good(answer, "cuModuleLoadDataEx", result)) {
        put_text(answer.text, log.data());
        return false;
    }
    return true;
}

void GpuWorker::load(const Order& order, Answer& answer) {
    functions_.clear();
    opted_in_.clear();
    if (module_ != nullptr && !good(answer, "cuModuleUnload", cuda_.module_unload(module_))) {
        return;
    }
    module_ = nullptr;
    if ((order.flags & gpu_matmul) != 0) {
        std::string problem;
        if (!matmul_.open(matmul_path_, cuda_, problem)) {
            refuse(answer, k_gpu_no_library, problem);
            return;
        }
    }
    if (load_image(order, true, answer)) {
        answer.a = 1;  // as it was built
    } else if (answer.error == 0 && !load_image(order, false, answer)) {
        refuse(answer, k_gpu_bad_order, "no image");
    }
}

void GpuWorker::copy(const Order& order, Answer& answer) {
    const auto* list = records<CopyRecord>(order.a, order.b);
    if (list == nullptr) {
        refuse(answer, k_gpu_bad_order, "copy");
        return;
    }
    for (std::uint64_t i = 0; i < order.b; ++i) {
        const CopyRecord entry = list[i];
        auto* host = records<std::byte>(entry.offset, entry.bytes);
        if (host == nullptr) {
            refuse(answer, k_gpu_bad_order, "copy");
            return;
        }
        const bool done =
            entry.to_device != 0
                ? good(answer, "cuMemcpyHtoD", cuda_.to_device(entry.address, host, entry.bytes))
                : good(answer, "cuMemcpyDtoH", cuda_.to_host(host, entry.address, entry.bytes));
        if (!done) {
            return;
        }
    }
    // A copy from ordinary memory may return before its data has arrived, and our stream does not
    // wait for the default one.
    good(answer, "cuCtxSynchronize", cuda_.context_synchronize());
}

void GpuWorker::tensormap(const Order& order, Answer& answer) {
    auto* record = records<TensorMapRecord>(order.a, 1);
    if (record == nullptr || record->rank < 1 || record->rank > 5) {
        refuse(answer, k_gpu_bad_order, "tensormap");
        return;
    }
    if (cuda_.tensor_map == nullptr) {
        refuse(answer, k_gpu_no_function, "cuTensorMapEncodeTiled");
        return;
    }
    const TensorMapRecord asked = *record;
    cu::TensorMap map{};
    const cu::Result result = cuda_.tensor_map(
        &map,
        static_cast<int>(asked.dtype),
        asked.rank,
        reinterpret_cast<void*>(asked.base),
        asked.dims,
        asked.strides,
        asked.box,
        asked.element_strides,
        static_cast<int>(asked.interleave),
        static_cast<int>(asked.swizzle),
        static_cast<int>(asked.l2),
        static_cast<int>(asked.oob));
    static_assert(sizeof(map) <= sizeof(TensorMapRecord));
    if (good(answer, "cuTensorMapEncodeTiled", result)) {
        std::memcpy(static_cast<void*>(record), &map, sizeof(map));
    }
}

Answer GpuWorker::obey(const Order& order) {
    Answer answer;
    answer.what = static_cast<std::uint32_t>(order.what);
    if (!loaded_) {
        load_driver(answer);
    }
    const bool needs_context = order.what > GpuDo::open;
    if (answer.error == 0 && needs_context && stream_ == nullptr) {
        refuse(answer, k_gpu_bad_order, "no context");
    }
    if (answer.error == 0) {
        switch (order.what) {
            case GpuDo::count: count(answer); break;
            case GpuDo::describe: describe(static_cast<int>(order.a), answer); break;
            case GpuDo::open: open(order, answer); break;
            case GpuDo::load: load(order, answer); break;
            case GpuDo::allocate:
                good(answer, "cuMemAlloc", cuda_.allocate(&answer.a, order.a));
                break;
            case GpuDo::release: good(answer, "cuMemFree", cuda_.release(order.a)); break;
            case GpuDo::fill:
                if (good(
                        answer,
                        "cuMemsetD8Async",
                        cuda_.fill(
                            order.a, static_cast<unsigned char>(order.c), order.b, stream_))) {
                    good(answer, "cuStreamSynchronize", cuda_.stream_synchronize(stream_));
                }
                break;
            case GpuDo::copy: copy(order, answer); break;
            case GpuDo::tensormap: tensormap(order, answer); break;
            case GpuDo::call:
            case GpuDo::null_call: call(order, answer); break;
            case GpuDo::end: break;
        }
    }
    name_error(answer);
    return answer;
}

}  // namespace kw::harness
