// SPDX-License-Identifier: Apache-2.0
#include "evaluator/harness/cuda_driver.hpp"

#include <dlfcn.h>

#include <cstring>

namespace kw::harness::cu {
namespace {

template <class F>
bool find(void* library, const char* name, F*& function) {
    void* symbol = dlsym(library, name);
    static_assert(sizeof(symbol) == sizeof(function));
    std::memcpy(&function, &symbol, sizeof(function));
    return symbol != nullptr;
}

}  // namespace

bool load(const std::string& library, Driver& driver, std::string& problem, bool& missing) {
    missing = false;
    void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        const char* message = dlerror();
        problem = message == nullptr ? library : message;
        return false;
    }
    const auto need = [&](const char* name, auto*& function) {
        if (!missing && !find(handle, name, function)) {
            missing = true;
            problem = name;
        }
    };
    need("cuInit", driver.init);
    need("cuDriverGetVersion", driver.driver_version);
    need("cuDeviceGetCount", driver.device_count);
    need("cuDeviceGet", driver.device_get);
    need("cuDeviceGetName", driver.device_name);
    // _v2 gives a MIG instance its own UUID; before 11.4 there was none.
    if (!find(handle, "cuDeviceGetUuid_v2", driver.device_uuid)) {
        need("cuDeviceGetUuid", driver.device_uuid);
    }
    need("cuDeviceGetAttribute", driver.device_attribute);
    need("cuDeviceTotalMem_v2", driver.device_memory);
    need("cuDeviceGetPCIBusId", driver.device_pci);
    need("cuDevicePrimaryCtxSetFlags_v2", driver.primary_set_flags);
    need("cuDevicePrimaryCtxRetain", driver.primary_retain);
    need("cuCtxSetCurrent", driver.context_set);
    need("cuCtxSynchronize", driver.context_synchronize);
    need("cuCtxSetLimit", driver.context_limit);
    need("cuCtxResetPersistingL2Cache", driver.reset_persisting_l2);
    need("cuModuleLoadDataEx", driver.module_load);
    need("cuModuleUnload", driver.module_unload);
    need("cuModuleGetFunction", driver.module_function);
    need("cuFuncSetAttribute", driver.function_set);
    need("cuLaunchKernelEx", driver.launch);  // 11.8: without it there are no clusters
    need("cuMemAlloc_v2", driver.allocate);
    need("cuMemFree_v2", driver.release);
    need("cuMemcpyHtoD_v2", driver.to_device);
    need("cuMemcpyDtoH_v2", driver.to_host);
    need("cuMemsetD8Async", driver.fill);
    need("cuMemHostAlloc", driver.host_allocate);
    need("cuMemHostGetDevicePointer_v2", driver.host_pointer);
    need("cuStreamCreate", driver.stream_create);
    need("cuStreamSynchronize", driver.stream_synchronize);
    need("cuStreamBeginCapture_v2", driver.capture_begin);
    need("cuStreamEndCapture", driver.capture_end);
    need("cuEventCreate", driver.event_create);
    need("cuEventRecord", driver.event_record);
    need("cuEventRecordWithFlags", driver.event_record_with);  // 11.1
    need("cuEventElapsedTime", driver.event_elapsed);
    need("cuGraphInstantiateWithFlags", driver.graph_instantiate);
    need("cuGraphUpload", driver.graph_upload);
    need("cuGraphLaunch", driver.graph_launch);
    need("cuGraphExecDestroy", driver.graph_exec_destroy);
    need("cuGraphDestroy", driver.graph_destroy);
    need("cuGetErrorName", driver.error_name);
    find(handle, "cuTensorMapEncodeTiled", driver.tensor_map);
    return !missing;
}

}  // namespace kw::harness::cu
