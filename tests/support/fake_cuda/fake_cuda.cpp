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
// A kernel named fake_hang never ends.
#include "evaluator/device/emulated/engine/machine.hpp"
#include "evaluator/device/emulated/engine/tensor_map.hpp"

#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

// Named, so that the functions that take these types keep their external names.
namespace fake_cuda {

using namespace kw;

constexpr int k_success = 0;
constexpr int k_invalid_value = 1;
constexpr int k_out_of_memory = 2;
constexpr int k_no_binary = 209;
constexpr int k_invalid_ptx = 218;
constexpr int k_operating_system = 304;
constexpr int k_not_found = 500;
constexpr int k_illegal_address = 700;
constexpr int k_assert = 710;
constexpr int k_misaligned = 716;
constexpr int k_launch_failed = 719;
constexpr int k_dynamic_shared = 8;  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
constexpr std::uint32_t k_free_shared = 48 * 1024;  // static and dynamic, without asking
constexpr unsigned k_event_external = 1;
constexpr double k_launch_ns = 2000;      // of any kernel
constexpr double k_ns_per_warp_insn = 4;  // one SM of our interpreter's
constexpr double k_event_ns = 500;        // an event costs a little

struct FakeModule {
    std::string text;
    emu::ParseResult parsed;
    bool hold = false;
};
struct FakeFunction {
    FakeModule* module = nullptr;
    std::string name;
    std::uint32_t opted_in = 0;  // bytes of dynamic shared memory that it asked for
};
struct FakeEvent {
    double at_ns = 0;
};
using Work = std::function<int()>;
struct FakeGraph {
    std::vector<Work> work;
};
struct FakeStream {
    std::vector<Work> queue;
    bool capturing = false;
    std::vector<Work> captured;
};

struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
    bool live = true;
};

class FakeGpu {
public:
    FakeGpu() {
        Dl_info info{};
        if (dladdr(&k_self, &info) != 0 && info.dli_fname != nullptr) {
            std::string path = info.dli_fname;
            std::ifstream file(path.substr(0, path.rfind('/') + 1) + "fake.conf");
            for (std::string line; std::getline(file, line);) {
                std::istringstream words(line);
                std::string key, name;
                long value = 0;
                words >> key;
                if (key == "fail" && words >> name >> value) {
                    failures_[name] = static_cast<int>(value);
                } else if (words >> value) {
                    settings_[key] = value;
                }
            }
        }
    }

    long setting(const char* key, long otherwise) const {
        const auto found = settings_.find(key);
        return found == settings_.end() ? otherwise : found->second;
    }
    int begin(const char* function) const {
        const auto found = failures_.find(function);
        return found != failures_.end() ? found->second : sticky_;
    }

    std::uint64_t allocate(std::size_t bytes) {
        const auto most = static_cast<std::size_t>(setting("memory_mib", 256)) << 20;
        if (used_ + bytes > most) {
            return 0;
        }
        Block block{std::make_unique<std::byte[]>(bytes), bytes};
        emu::Allocation allocation;
        allocation.name = "block" + std::to_string(blocks_.size());
        allocation.host = block.bytes.get();
        allocation.bytes = bytes;
        const std::uint64_t address = memory_.add(std::move(allocation));
        used_ += address == 0 ? 0 : bytes;
        blocks_.emplace(address, std::move(block));
        return address;
    }
    bool release(std::uint64_t address) {
        const auto found = blocks_.find(address);
        emu::Allocation* allocation = memory_.find(address);
        if (found == blocks_.end() || !found->second.live || allocation == nullptr) {
            return false;
        }
        used_ -= found->second.size;
        allocation->bytes = 0;
        found->second.live = false;
        found->second.bytes.reset();
        return true;
    }
    /// Host bytes of a range on the device, or null.
    std::byte* at(std::uint64_t address, std::size_t bytes) {
        emu::Allocation* allocation = memory_.find(address);
        if (allocation == nullptr || address < allocation->address || bytes > allocation->bytes ||
            address - allocation->address > allocation->bytes - bytes) {
            return nullptr;
        }
        return allocation->host + (address - allocation->address);
    }

    int run(const FakeModule& module, const emu::Launch& launch, std::uint32_t opted_in) {
        if (launch.kernel.find("fake_hang") != std::string::npos) {
            for (;;) {
                pause();
            }
        }
        if (const long code = setting("launch_error", 0); code != 0) {
            return sticky_ = static_cast<int>(code);
        }
        emu::Options options;
        options.seed = ++launches_;
        options.wall_budget_ms = 20'000;
        if (!memory_.load(module.parsed.module).empty()) {
            return sticky_ = k_launch_failed;
        }
        const emu::Report report = emu::run(module.parsed.module, launch, memory_, options);
        clock_ns_ += k_launch_ns +
                     k_ns_per_warp_insn * static_cast<double>(report.counters.warp_instructions);
        // The driver says so at the launch; static shared memory is known here.
        if (report.shared_bytes > k_free_shared && launch.dynamic_shared > opted_in) {
            return sticky_ = k_invalid_value;
        }
        if (report.ending == emu::Ending::completed) {
            return k_success;
        }
        if (report.ending == emu::Ending::hang) {
            for (;;) {
                pause();  // a GPU would not come back either
            }
        }
        int code = k_launch_failed;
        for (const emu::Finding& finding : report.findings) {
            switch (finding.kind) {
                case emu::FindingKind::out_of_bounds: code = k_illegal_address; break;
                case emu::FindingKind::misaligned: code = k_misaligned; break;
                case emu::FindingKind::assertion: code = k_assert; break;
                default: continue;
            }
            break;
        }
        return sticky_ = code;
    }

    int drain(FakeStream& stream) {
        std::vector<Work> queue;
        queue.swap(stream.queue);
        for (const Work& work : queue) {
            if (const int result = work(); result != k_success) {
                return result;
            }
        }
        return begin("");
    }
    void queue(FakeStream& stream, Work work) {
        (stream.capturing ? stream.captured : stream.queue).push_back(std::move(work));
    }

    double clock_ns_ = 0;
    emu::Memory memory_;

private:
    static const char k_self;
    std::map<std::string, long> settings_;
    std::map<std::string, int> failures_;
    std::map<std::uint64_t, Block> blocks_;
    std::size_t used_ = 0;
    std::uint64_t launches_ = 0;
    int sticky_ = 0;
};
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

#define FAKE_BEGIN(name)                              \
    if (const int fake_failed = gpu().begin(#name)) { \
        return fake_failed;                           \
    }

}  // namespace fake_cuda

using namespace fake_cuda;

#define FAKE extern "C" __attribute__((visibility("default"))) int

FAKE cuInit(unsigned) {
    FAKE_BEGIN(cuInit)
    return listens_as_a_driver() ? k_success : k_operating_system;
}
FAKE cuDriverGetVersion(int* version) {
    *version = static_cast<int>(gpu().setting("driver_version", 13000));
    return k_success;
}
FAKE cuDeviceGetCount(int* count) {
    FAKE_BEGIN(cuDeviceGetCount)
    *count = static_cast<int>(gpu().setting("devices", 1));
    return k_success;
}
FAKE cuDeviceGet(int* device, int ordinal) {
    *device = ordinal;
    return ordinal < gpu().setting("devices", 1) ? k_success : 101;
}
FAKE cuDeviceGetName(char* name, int bytes, int) {
    std::strncpy(name, "Fake GPU", static_cast<std::size_t>(bytes));
    return k_success;
}
FAKE cuDeviceGetUuid_v2(char* uuid, int device) {
    for (int i = 0; i < 16; ++i) {
        uuid[i] = static_cast<char>(0x10 * (device + 1) + i);
    }
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
}  // namespace fake_cuda

FAKE cuLaunchKernelEx(const Config* config, FakeFunction* function, void**, void** extra) {
    FAKE_BEGIN(cuLaunchKernelEx)
    if (function->module->hold) {
        return k_success;  // whoever waits for the stream has let go of it before
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
    }
    const FakeModule* module = function->module;
    const std::uint32_t opted_in = function->opted_in;
    gpu().queue(*config->stream, [module, opted_in, launch = std::move(launch)] {
        return gpu().run(*module, launch, opted_in);
    });
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

FAKE nvmlInit_v2() {
    FAKE_BEGIN(nvmlInit)
    return k_success;
}
FAKE nvmlShutdown() {
    return k_success;
}
FAKE nvmlDeviceGetHandleByUUID(const char*, void** device) {
    *device = &gpu();
    return k_success;
}
FAKE nvmlDeviceGetClockInfo(void*, int, unsigned* mhz) {
    *mhz = static_cast<unsigned>(gpu().setting("sm_mhz", 1980));
    return k_success;
}
FAKE nvmlDeviceGetMaxClockInfo(void*, int, unsigned* mhz) {
    *mhz = 1980;
    return k_success;
}
FAKE nvmlDeviceGetTemperature(void*, int, unsigned* celsius) {
    *celsius = 45;
    return k_success;
}
FAKE nvmlDeviceGetPowerUsage(void*, unsigned* milliwatts) {
    *milliwatts = 350'000;
    return k_success;
}
FAKE nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long* millijoules) {
    static unsigned long long counted = 0;
    *millijoules = counted += 100;
    return k_success;
}
FAKE nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
    *reasons = static_cast<unsigned long long>(gpu().setting("slowed_by", 0));
    return k_success;
}
FAKE nvmlDeviceGetTotalEccErrors(void*, int, int, unsigned long long* errors) {
    *errors = static_cast<unsigned long long>(gpu().setting("broken_memory", 0));
    return k_success;
}
FAKE nvmlDeviceGetComputeRunningProcesses_v3(void*, unsigned* count, void*) {
    *count = static_cast<unsigned>(gpu().setting("processes", 0));
    return *count == 0 ? k_success : 7;
}
