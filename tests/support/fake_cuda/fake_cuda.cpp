// SPDX-License-Identifier: Apache-2.0
// A test double of libcuda.so.1 and libnvidia-ml.so.1: one "GPU" whose kernels our PTX interpreter
// runs, with a clock of its own that counts what they executed. It exports the entry points that
// kwright uses and no others, keeps to what the driver's documentation says of order and errors
// (work of a stream happens when somebody waits for it; an error of a kernel is sticky), and fails
// where the file "fake.conf" beside it says so:
//   driver_version 12040      what cuDriverGetVersion gives
//   devices 1
//   memory_mib 256            of the device
//   compute_mode 3            one process alone
//   fail NAME CODE            the entry point NAME gives CODE
//   launch_error CODE         every kernel but our own ends so
//   sm_mhz 1980 / slowed_by 4 / processes 1 / broken_memory 1     what NVML tells
//   slowed_by 4 as well while there is a file "slowed" beside it
//   mig 2                     the first GPU is divided into so many instances
//   hold_expires 1            a held stream is let go of by its own clock
// A kernel named fake_hang never ends.
#include "tests/support/fake_cuda/fake_gpu.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>

namespace fake_cuda {

const char FakeGpu::k_self = 0;

FakeGpu& gpu() {
    static FakeGpu the_gpu;
    return the_gpu;
}

/// What libcuda does first: an abstract name of this process, on which it listens.
bool listens_as_a_driver() {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string text = "cuda-uvmfd-4026531836-" + std::to_string(getpid());
    std::memcpy(name.sun_path + 1, text.data(), text.size());
    static const int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
    return listener >= 0 && bind(listener, reinterpret_cast<const sockaddr*>(&name), size) == 0 &&
           listen(listener, 16) == 0;
}

}  // namespace fake_cuda

using namespace fake_cuda;

FAKE cuInit(unsigned) {
    FAKE_BEGIN(cuInit)
    static const bool listens = listens_as_a_driver();  // it may be called again
    return listens ? k_success : k_operating_system;
}
FAKE cuDriverGetVersion(int* version) {
    *version = static_cast<int>(gpu().setting("driver_version", 13000));
    return k_success;
}
FAKE cuDeviceGetCount(int* count) {
    FAKE_BEGIN(cuDeviceGetCount)
    *count = static_cast<int>(gpu().visible().size());
    return k_success;
}
FAKE cuDeviceGet(int* device, int ordinal) {
    *device = ordinal;
    return static_cast<std::size_t>(ordinal) < gpu().visible().size() ? k_success
                                                                      : k_no_such_device;
}
FAKE cuDeviceGetName(char* name, int bytes, int device) {
    const auto visible = gpu().visible();
    std::strncpy(
        name,
        visible.at(static_cast<std::size_t>(device)).name.c_str(),
        static_cast<std::size_t>(bytes));
    return k_success;
}
FAKE cuDeviceGetUuid_v2(char* uuid, int device) {
    const auto visible = gpu().visible();
    std::memcpy(uuid, visible.at(static_cast<std::size_t>(device)).uuid.data(), 16);
    return k_success;
}
FAKE cuDeviceTotalMem_v2(std::size_t* bytes, int) {
    *bytes = static_cast<std::size_t>(gpu().setting("memory_mib", 256)) << 20;
    return k_success;
}
FAKE cuDeviceGetPCIBusId(char* text, int bytes, int) {
    std::strncpy(text, "0000:0f:00.0", static_cast<std::size_t>(bytes));
    return k_success;
}
FAKE cuDeviceGetAttribute(int* value, int attribute, int) {
    // cc 9.0 with a small cache, so that rotations are short.
    static const std::map<int, int> values{
        {1, 1024},
        {13, 1'980'000},
        {16, 4},
        {32, 1},
        {36, 1'000'000},
        {37, 512},
        {38, 65536},
        {39, 2048},
        {75, 9},
        {76, 0},
        {81, 233472},
        {82, 65536},
        {97, 232448}};
    if (attribute == 20) {
        *value = static_cast<int>(gpu().setting("compute_mode", 0));
        return k_success;
    }
    const auto found = values.find(attribute);
    *value = found == values.end() ? 0 : found->second;
    return found == values.end() ? k_invalid_value : k_success;
}
FAKE cuDevicePrimaryCtxSetFlags_v2(int, unsigned) {
    return k_success;
}
FAKE cuDevicePrimaryCtxRetain(void** context, int) {
    FAKE_BEGIN(cuDevicePrimaryCtxRetain)
    *context = &gpu();
    return k_success;
}
FAKE cuCtxSetCurrent(void*) {
    return k_success;
}
FAKE cuCtxGetDevice(int* device) {
    *device = 0;
    return k_success;
}
FAKE cuCtxSynchronize() {
    FAKE_BEGIN(cuCtxSynchronize)
    return k_success;
}
FAKE cuCtxSetLimit(int, std::size_t) {
    return k_success;
}
FAKE cuCtxResetPersistingL2Cache() {
    return k_success;
}
FAKE cuModuleLoadDataEx(void** module, const void* image, unsigned, int*, void**) {
    FAKE_BEGIN(cuModuleLoadDataEx)
    const auto* text = static_cast<const char*>(image);
    if (std::memcmp(
            text,
            "\x7f"
            "ELF",
            4) == 0) {
        return k_no_binary;  // we interpret PTX
    }
    auto made = std::make_unique<FakeModule>();
    made->text = text;
    made->hold = made->text.find("kw_hold") != std::string::npos;
    if (!made->hold) {
        made->parsed = emu::parse(made->text);
        if (!made->parsed.errors.empty()) {
            return k_invalid_ptx;
        }
    }
    *module = made.release();
    return k_success;
}
FAKE cuModuleUnload(void*) {
    return k_success;
}
FAKE cuModuleGetFunction(void** function, void* handle, const char* name) {
    auto* module = static_cast<FakeModule*>(handle);
    if (!module->hold && !emu::kernel_parameters(module->parsed.module, name)) {
        return k_not_found;
    }
    *function = new FakeFunction{module, name};
    return k_success;
}
FAKE cuFuncSetAttribute(FakeFunction* function, int attribute, int value) {
    if (attribute != k_dynamic_shared) {
        return k_invalid_value;
    }
    function->opted_in = static_cast<std::uint32_t>(value);
    return k_success;
}

// What exported packs use: libraries are loaded for all contexts.
FAKE cuLibraryLoadData(
    void** library, const void* image, const int*, void**, unsigned, const int*, void**, unsigned) {
    return cuModuleLoadDataEx(library, image, 0, nullptr, nullptr);
}
FAKE cuLibraryGetKernel(void** kernel, void* library, const char* name) {
    return cuModuleGetFunction(kernel, library, name);
}
FAKE cuKernelGetAttribute(int* value, int attribute, FakeFunction*, int) {
    *value = 0;  // the interpreter tells static shared memory once the kernel has run
    return attribute == k_static_shared ? k_success : k_invalid_value;
}
FAKE cuKernelSetAttribute(int attribute, int value, FakeFunction* function, int) {
    return cuFuncSetAttribute(function, attribute, value);
}

namespace fake_cuda {
struct Attribute {
    std::uint32_t id;
    char pad[4];
    std::uint32_t value[16];
};
struct Config {
    std::uint32_t grid[3], block[3], smem;
    FakeStream* stream;
    Attribute* attributes;
    std::uint32_t count;
};

/// One value a parameter, in the kernel's layout.
std::vector<std::byte> gathered(const FakeFunction& function, void* const* values) {
    std::vector<std::byte> block;
    const auto list = emu::kernel_parameters(function.module->parsed.module, function.name);
    for (std::size_t i = 0; list && i < list->size(); ++i) {
        const emu::Parameter& each = (*list)[i];
        block.resize(std::max<std::size_t>(block.size(), each.offset + each.bytes));
        std::memcpy(block.data() + each.offset, values[i], each.bytes);
    }
    return block;
}
}  // namespace fake_cuda

FAKE cuLaunchKernelEx(const Config* config, FakeFunction* function, void** values, void** extra) {
    FAKE_BEGIN(cuLaunchKernelEx)
    if (function->module->hold) {
        // Whoever waits for the stream has let go of it before.
        auto* words = *static_cast<std::uint32_t**>(values[0]);
        words[1] = gpu().setting("hold_expires", 0) != 0 ? 1 : 0;
        return k_success;
    }
    emu::Launch launch;
    launch.kernel = function->name;
    std::copy_n(config->grid, 3, launch.grid.begin());
    std::copy_n(config->block, 3, launch.block.begin());
    launch.dynamic_shared = config->smem;
    for (std::uint32_t i = 0; i < config->count; ++i) {
        launch.cooperative = launch.cooperative || config->attributes[i].id == 2;
        if (config->attributes[i].id == 4) {
            std::copy_n(config->attributes[i].value, 3, launch.cluster.begin());
        }
    }
    const void* parameters = nullptr;
    std::size_t bytes = 0;
    for (; extra != nullptr && *extra != nullptr; extra += 2) {
        if (*extra == reinterpret_cast<void*>(1)) {
            parameters = extra[1];
        } else if (*extra == reinterpret_cast<void*>(2)) {
            bytes = *static_cast<std::size_t*>(extra[1]);
        }
    }
    launch.parameters.resize(bytes);
    if (bytes > 0) {
        std::memcpy(launch.parameters.data(), parameters, bytes);
    } else if (values != nullptr) {
        launch.parameters = gathered(*function, values);
    }
    const FakeModule* module = function->module;
    const std::uint32_t opted_in = function->opted_in;
    gpu().queue(*config->stream, [module, opted_in, launch = std::move(launch)] {
        return gpu().run(*module, launch, opted_in);
    });
    return k_success;
}
namespace fake_cuda {
// By CUtensorMapDataType.
constexpr emu::TensorType k_tensor_types[] = {
    emu::TensorType::u8,
    emu::TensorType::u16,
    emu::TensorType::u32,
    emu::TensorType::i32,
    emu::TensorType::u64,
    emu::TensorType::i64,
    emu::TensorType::f16,
    emu::TensorType::f32,
    emu::TensorType::f64,
    emu::TensorType::bf16,
    emu::TensorType::f32_ftz,
    emu::TensorType::tf32,
    emu::TensorType::tf32_ftz};
}  // namespace fake_cuda

// In the interpreter's encoding; NVIDIA's is not public. No interleaved layouts.
FAKE cuTensorMapEncodeTiled(
    void* to,
    int type,
    std::uint32_t rank,
    void* base,
    const std::uint64_t* dims,
    const std::uint64_t* strides,
    const std::uint32_t* box,
    const std::uint32_t* steps,
    int interleave,
    int swizzle,
    int,
    int fill) {
    FAKE_BEGIN(cuTensorMapEncodeTiled)
    const auto address = reinterpret_cast<std::uint64_t>(base);
    if (reinterpret_cast<std::uintptr_t>(to) % 64 != 0 || address % 16 != 0 || type < 0 ||
        type >= static_cast<int>(std::size(k_tensor_types)) || rank < 1 ||
        rank > emu::k_tensor_dims || interleave != 0) {
        return k_invalid_value;
    }
    emu::TensorMap map;
    map.base = address;
    map.rank = static_cast<std::uint8_t>(rank);
    map.type = k_tensor_types[type];
    map.swizzle = static_cast<std::uint8_t>(swizzle);
    map.fill = fill == 0 ? emu::TensorFill::zero : emu::TensorFill::nan;
    for (std::uint32_t i = 0; i < rank; ++i) {
        map.last[i] = static_cast<std::uint32_t>(dims[i] - 1);
        map.box[i] = static_cast<std::uint16_t>(box[i]);
        map.step[i] = static_cast<std::uint8_t>(steps[i]);
    }
    std::copy_n(strides, rank - 1, map.strides.begin());
    if (*emu::problem_of(map) != '\0') {
        return k_invalid_value;
    }
    std::memcpy(to, &map, sizeof(map));
    return k_success;
}
FAKE cuMemAlloc_v2(std::uint64_t* address, std::size_t bytes) {
    FAKE_BEGIN(cuMemAlloc)
    *address = bytes == 0 ? 0 : gpu().allocate(bytes);
    return *address == 0 ? k_out_of_memory : k_success;
}
FAKE cuMemFree_v2(std::uint64_t address) {
    FAKE_BEGIN(cuMemFree)
    return gpu().release(address) ? k_success : k_invalid_value;
}
FAKE cuMemcpyHtoD_v2(std::uint64_t to, const void* from, std::size_t bytes) {
    FAKE_BEGIN(cuMemcpyHtoD)
    std::byte* at = gpu().at(to, bytes);
    if (at == nullptr) {
        return k_invalid_value;
    }
    std::memcpy(at, from, bytes);
    return k_success;
}
FAKE cuMemcpyDtoH_v2(void* to, std::uint64_t from, std::size_t bytes) {
    FAKE_BEGIN(cuMemcpyDtoH)
    const std::byte* at = gpu().at(from, bytes);
    if (at == nullptr) {
        return k_invalid_value;
    }
    std::memcpy(to, at, bytes);
    return k_success;
}
FAKE cuMemsetD8Async(std::uint64_t to, unsigned char value, std::size_t bytes, FakeStream* stream) {
    FAKE_BEGIN(cuMemsetD8Async)
    gpu().queue(*stream, [=] {
        std::byte* at = gpu().at(to, bytes);
        if (at != nullptr) {
            std::memset(at, value, bytes);
        }
        return at == nullptr ? k_invalid_value : k_success;
    });
    return k_success;
}
FAKE cuMemHostAlloc(void** block, std::size_t bytes, unsigned) {
    *block = std::calloc(1, bytes);
    return k_success;
}
FAKE cuMemHostGetDevicePointer_v2(std::uint64_t* address, void* block, unsigned) {
    *address = reinterpret_cast<std::uint64_t>(block);
    return k_success;
}
FAKE cuStreamCreate(FakeStream** stream, unsigned) {
    *stream = new FakeStream();
    return k_success;
}
FAKE cuStreamSynchronize(FakeStream* stream) {
    FAKE_BEGIN(cuStreamSynchronize)
    return gpu().drain(*stream);
}
FAKE cuStreamBeginCapture_v2(FakeStream* stream, int) {
    FAKE_BEGIN(cuStreamBeginCapture)
    stream->capturing = true;
    stream->captured.clear();
    return k_success;
}
FAKE cuStreamEndCapture(FakeStream* stream, FakeGraph** graph) {
    stream->capturing = false;
    *graph = new FakeGraph{std::move(stream->captured)};
    return k_success;
}
FAKE cuEventCreate(FakeEvent** event, unsigned) {
    *event = new FakeEvent();
    return k_success;
}
FAKE cuEventRecord(FakeEvent* event, FakeStream* stream) {
    FAKE_BEGIN(cuEventRecord)
    gpu().queue(*stream, [event] {
        event->at_ns = gpu().clock_ns_;
        gpu().clock_ns_ += k_event_ns;
        return k_success;
    });
    return k_success;
}
FAKE cuEventRecordWithFlags(FakeEvent* event, FakeStream* stream, unsigned flags) {
    if (stream->capturing && flags != k_event_external) {
        return k_invalid_value;  // it would be a dependency of the capture and no record
    }
    return cuEventRecord(event, stream);
}
FAKE cuEventElapsedTime(float* ms, const FakeEvent* begin, const FakeEvent* end) {
    FAKE_BEGIN(cuEventElapsedTime)
    *ms = static_cast<float>((end->at_ns - begin->at_ns) / 1e6);
    return k_success;
}
FAKE cuGraphInstantiateWithFlags(FakeGraph** exec, const FakeGraph* graph, unsigned long long) {
    *exec = new FakeGraph(*graph);
    return k_success;
}
FAKE cuGraphUpload(FakeGraph*, FakeStream*) {
    return k_success;
}
FAKE cuGraphLaunch(FakeGraph* graph, FakeStream* stream) {
    for (const Work& work : graph->work) {
        gpu().queue(*stream, work);
    }
    return k_success;
}
FAKE cuGraphExecDestroy(FakeGraph*) {
    return k_success;
}
FAKE cuGraphDestroy(FakeGraph*) {
    return k_success;
}
FAKE cuGetErrorName(int error, const char** name) {
    static const std::map<int, const char*> names{
        {1, "CUDA_ERROR_INVALID_VALUE"},
        {2, "CUDA_ERROR_OUT_OF_MEMORY"},
        {46, "CUDA_ERROR_DEVICE_UNAVAILABLE"},
        {100, "CUDA_ERROR_NO_DEVICE"},
        {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
        {304, "CUDA_ERROR_OPERATING_SYSTEM"},
        {218, "CUDA_ERROR_INVALID_PTX"},
        {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
        {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
        {719, "CUDA_ERROR_LAUNCH_FAILED"},
        {999, "CUDA_ERROR_UNKNOWN"}};
    const auto found = names.find(error);
    *name = found == names.end() ? "CUDA_ERROR" : found->second;
    return k_success;
}
