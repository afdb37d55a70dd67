// SPDX-License-Identifier: Apache-2.0
// Types and numbers are those of nvml.h.
#include "evaluator/device/cuda/nvml.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace kw::cuda {
namespace {

using Status = int;  // nvmlReturn_t
struct DeviceOpaque;
using Device = DeviceOpaque*;

constexpr Status k_success = 0;
constexpr Status k_insufficient_size = 7;
constexpr int k_clock_sm = 1;
constexpr int k_clock_memory = 2;
constexpr int k_temperature_gpu = 0;
constexpr int k_uncorrected = 1;
constexpr int k_volatile = 0;

constexpr std::array<std::pair<std::uint64_t, const char*>, 5> k_reasons{{
    {0x04, "power cap"},
    {0x08, "hardware slowdown"},
    {0x20, "heat"},
    {0x40, "heat (hardware)"},
    {0x80, "power brake"},
}};

template <class F>
bool find_in(void* library, const char* name, F*& function) {
    void* symbol = dlsym(library, name);
    std::memcpy(&function, &symbol, sizeof(function));
    return symbol != nullptr;
}

}  // namespace

struct Nvml::Table {
    void* library = nullptr;
    Device device = nullptr;
    Status (*init)() = nullptr;
    Status (*shutdown)() = nullptr;
    Status (*by_uuid)(const char*, Device*) = nullptr;
    Status (*clock)(Device, int, unsigned*) = nullptr;
    Status (*most_clock)(Device, int, unsigned*) = nullptr;
    Status (*temperature)(Device, int, unsigned*) = nullptr;
    Status (*power)(Device, unsigned*) = nullptr;
    Status (*energy)(Device, unsigned long long*) = nullptr;
    Status (*reasons)(Device, unsigned long long*) = nullptr;
    Status (*ecc)(Device, int, int, unsigned long long*) = nullptr;
    Status (*processes)(Device, unsigned*, void*) = nullptr;
    Status (*version)(char*, unsigned) = nullptr;

    template <class F>
    bool find(const char* name, F*& function) const {
        return find_in(library, name, function);
    }
    /// The value of a query that the library has and the device answers.
    template <class T, class F, class... Args>
    std::optional<T> ask(F* function, Args... args) const {
        T value{};
        if (function == nullptr || function(device, args..., &value) != k_success) {
            return std::nullopt;
        }
        return value;
    }
};

bool is_throttled(const GpuReading& reading) {
    return reading.slowed_by && !show_slowdown(*reading.slowed_by).empty();
}

std::string show_slowdown(std::uint64_t reasons) {
    std::string text;
    for (const auto& [bit, words] : k_reasons) {
        if ((reasons & bit) != 0) {
            text += (text.empty() ? "" : ", ") + std::string(words);
        }
    }
    return text;
}

Nvml::Nvml(std::unique_ptr<Table> table)
    : table_(std::move(table)) {}

Nvml::~Nvml() {
    table_->shutdown();
}

namespace {

/// Of the driver's own release where that is named by its path.
void* open_library(const std::string& driver) {
    const bool is_path = driver.find('/') != std::string::npos;
    const std::string beside =
        is_path ? driver.substr(0, driver.rfind('/') + 1) + "libnvidia-ml.so.1" : "";
    for (const std::string& name :
         {beside, is_path ? driver : "", std::string("libnvidia-ml.so.1")}) {
        void* library = name.empty() ? nullptr : dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library != nullptr && dlsym(library, "nvmlInit_v2") != nullptr) {
            return library;
        }
    }
    return nullptr;
}

struct MigTable {
    Status (*init)() = nullptr;
    Status (*shutdown)() = nullptr;
    Status (*count)(unsigned*) = nullptr;
    Status (*device)(unsigned, Device*) = nullptr;
    Status (*most)(Device, unsigned*) = nullptr;
    Status (*instance)(Device, unsigned, Device*) = nullptr;
    Status (*uuid)(Device, char*, unsigned) = nullptr;
    Status (*gpu_instance)(Device, unsigned*) = nullptr;
    Status (*compute_instance)(Device, unsigned*) = nullptr;
};

void add_instances(const MigTable& nvml, Device device, std::vector<MigInstance>& found) {
    constexpr unsigned k_most_instances = 64;
    unsigned most = 0;
    if (nvml.most(device, &most) != k_success) {
        return;  // a GPU without the feature
    }
    for (unsigned i = 0; i < std::min(most, k_most_instances); ++i) {
        Device instance = nullptr;
        std::array<char, 96> uuid{};
        unsigned gpu = 0;
        unsigned compute = 0;
        if (nvml.instance(device, i, &instance) == k_success &&
            nvml.uuid(instance, uuid.data(), uuid.size() - 1) == k_success &&
            nvml.gpu_instance(instance, &gpu) == k_success &&
            nvml.compute_instance(instance, &compute) == k_success) {
            found.push_back({uuid.data(), {static_cast<int>(gpu), static_cast<int>(compute)}});
        }
    }
}

}  // namespace

std::optional<std::vector<MigInstance>> list_mig(const std::string& driver) {
    void* library = open_library(driver);
    MigTable nvml;
    const bool complete = library != nullptr && find_in(library, "nvmlInit_v2", nvml.init) &&
                          find_in(library, "nvmlShutdown", nvml.shutdown) &&
                          find_in(library, "nvmlDeviceGetCount_v2", nvml.count) &&
                          find_in(library, "nvmlDeviceGetHandleByIndex_v2", nvml.device) &&
                          find_in(library, "nvmlDeviceGetMaxMigDeviceCount", nvml.most) &&
                          find_in(library, "nvmlDeviceGetMigDeviceHandleByIndex", nvml.instance) &&
                          find_in(library, "nvmlDeviceGetUUID", nvml.uuid) &&
                          find_in(library, "nvmlDeviceGetGpuInstanceId", nvml.gpu_instance) &&
                          find_in(library, "nvmlDeviceGetComputeInstanceId", nvml.compute_instance);
    if (!complete || nvml.init() != k_success) {
        return std::nullopt;
    }
    std::vector<MigInstance> found;
    unsigned count = 0;
    constexpr unsigned k_most_devices = 64;
    if (nvml.count(&count) != k_success) {
        count = 0;
    }
    for (unsigned i = 0; i < std::min(count, k_most_devices); ++i) {
        if (Device device = nullptr; nvml.device(i, &device) == k_success) {
            add_instances(nvml, device, found);
        }
    }
    nvml.shutdown();
    return found;
}

std::unique_ptr<Nvml> Nvml::open(const std::string& driver, const std::string& uuid) {
    auto table = std::make_unique<Table>();
    table->library = open_library(driver);
    if (table->library == nullptr || !table->find("nvmlInit_v2", table->init) ||
        !table->find("nvmlShutdown", table->shutdown) ||
        !table->find("nvmlDeviceGetHandleByUUID", table->by_uuid) || table->init() != k_success) {
        return nullptr;
    }
    if (table->by_uuid(uuid.c_str(), &table->device) != k_success) {
        table->shutdown();
        return nullptr;
    }
    table->find("nvmlDeviceGetClockInfo", table->clock);
    table->find("nvmlDeviceGetMaxClockInfo", table->most_clock);
    table->find("nvmlDeviceGetTemperature", table->temperature);
    table->find("nvmlDeviceGetPowerUsage", table->power);
    table->find("nvmlDeviceGetTotalEnergyConsumption", table->energy);
    // The new name since 535; the old one stays.
    table->find("nvmlDeviceGetCurrentClocksThrottleReasons", table->reasons);
    table->find("nvmlDeviceGetTotalEccErrors", table->ecc);
    table->find("nvmlDeviceGetComputeRunningProcesses_v3", table->processes);
    table->find("nvmlSystemGetDriverVersion", table->version);
    return std::unique_ptr<Nvml>(new Nvml(std::move(table)));
}

GpuReading Nvml::read() const {
    GpuReading reading;
    const Table& nvml = *table_;
    const auto scaled = [](auto value, double unit) {
        return value ? std::optional(static_cast<double>(*value) * unit) : std::nullopt;
    };
    reading.sm_mhz = scaled(nvml.ask<unsigned>(nvml.clock, k_clock_sm), 1);
    reading.memory_mhz = scaled(nvml.ask<unsigned>(nvml.clock, k_clock_memory), 1);
    reading.most_sm_mhz = scaled(nvml.ask<unsigned>(nvml.most_clock, k_clock_sm), 1);
    reading.temperature_c = scaled(nvml.ask<unsigned>(nvml.temperature, k_temperature_gpu), 1);
    reading.power_w = scaled(nvml.ask<unsigned>(nvml.power), 1e-3);
    reading.energy_j = scaled(nvml.ask<unsigned long long>(nvml.energy), 1e-3);
    if (const auto reasons = nvml.ask<unsigned long long>(nvml.reasons)) {
        reading.slowed_by = *reasons;
    }
    if (const auto broken = nvml.ask<unsigned long long>(nvml.ecc, k_uncorrected, k_volatile)) {
        reading.broken_memory = *broken;
    }
    unsigned count = 0;
    if (nvml.processes != nullptr) {
        const Status status = nvml.processes(nvml.device, &count, nullptr);
        if (status == k_success || status == k_insufficient_size) {
            reading.processes = static_cast<int>(count);
        }
    }
    return reading;
}

std::string Nvml::driver_version() const {
    std::array<char, 96> text{};
    const bool said =
        table_->version != nullptr && table_->version(text.data(), text.size() - 1) == k_success;
    return said ? text.data() : "";
}

}  // namespace kw::cuda
