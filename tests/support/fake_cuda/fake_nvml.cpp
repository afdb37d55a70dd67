// SPDX-License-Identifier: Apache-2.0
// The management library's half of the double: fake_cuda.cpp says what fake.conf may ask for.
#include "tests/support/fake_cuda/fake_gpu.hpp"

using namespace fake_cuda;

FAKE nvmlInit_v2() {
    FAKE_BEGIN(nvmlInit)
    return k_success;
}
FAKE nvmlShutdown() {
    return k_success;
}
FAKE nvmlDeviceGetCount_v2(unsigned* count) {
    *count = static_cast<unsigned>(gpu().setting("devices", 1));
    return k_success;
}
// Of MIG instances: their number and one more; a GPU is null.
FAKE nvmlDeviceGetHandleByIndex_v2(unsigned, void** device) {
    *device = nullptr;
    return k_success;
}
FAKE nvmlDeviceGetMaxMigDeviceCount(void*, unsigned* count) {
    *count = 7;
    return k_success;
}
FAKE nvmlDeviceGetMigDeviceHandleByIndex(void*, unsigned index, void** instance) {
    *instance = reinterpret_cast<void*>(static_cast<std::uintptr_t>(index) + 1);
    return index < static_cast<unsigned>(gpu().setting("mig", 0)) ? k_success : 6;
}
FAKE nvmlDeviceGetUUID(void* instance, char* text, unsigned bytes) {
    const auto number = static_cast<int>(reinterpret_cast<std::uintptr_t>(instance)) - 1;
    std::strncpy(text, FakeGpu::shown("MIG-", FakeGpu::mig_bytes(number)).c_str(), bytes);
    return k_success;
}
FAKE nvmlDeviceGetGpuInstanceId(void* instance, unsigned* id) {
    *id = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(instance)) + 6;
    return k_success;
}
FAKE nvmlDeviceGetComputeInstanceId(void*, unsigned* id) {
    *id = 0;
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
    FAKE_BEGIN(nvmlDeviceGetTotalEnergyConsumption)
    static unsigned long long counted = 0;
    *millijoules = counted += 100;
    return k_success;
}
FAKE nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
    *reasons = static_cast<unsigned long long>(gpu().slowed_by());
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
