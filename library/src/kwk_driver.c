/* SPDX-License-Identifier: Apache-2.0 */
#include "kwk_driver.h"

#include <dlfcn.h>
#include <sched.h>
#include <string.h>

/* POSIX allows what ISO C does not: an object pointer that is a function's. */
static bool find(void* library, const char* name, void* function) {
    void* found = dlsym(library, name);
    memcpy(function, &found, sizeof found);
    return found != NULL;
}

static void load_driver(kwk_driver* driver) {
    void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        driver->problem = "libcuda.so.1 is not found";
        return;
    }
    const bool all = find(library, "cuInit", &driver->init) &&
                     find(library, "cuCtxGetDevice", &driver->device_of_context) &&
                     find(library, "cuDeviceGetAttribute", &driver->attribute) &&
                     find(library, "cuDeviceGetName", &driver->name) &&
                     find(library, "cuLibraryLoadData", &driver->load) &&
                     find(library, "cuLibraryGetKernel", &driver->kernel) &&
                     find(library, "cuKernelGetAttribute", &driver->get_kernel) &&
                     find(library, "cuKernelSetAttribute", &driver->set_kernel) &&
                     find(library, "cuLaunchKernelEx", &driver->launch);
    find(library, "cuTensorMapEncodeTiled", &driver->encode);
    if (!all) {
        driver->problem = "libcuda.so.1 is older than CUDA 12.0";
    } else if (driver->init(0) != 0) {
        driver->problem = "the CUDA driver does not start (cuInit)";
    }
}

const kwk_driver* kwk_cuda_driver(void) {
    static kwk_driver driver;
    static atomic_int ready;
    int state = atomic_load_explicit(&ready, memory_order_acquire);
    while (state != 2) {
        if (state == 0 && atomic_compare_exchange_strong(&ready, &state, 1)) {
            load_driver(&driver);
            atomic_store_explicit(&ready, 2, memory_order_release);
            break;
        }
        sched_yield();
        state = atomic_load_explicit(&ready, memory_order_acquire);
    }
    return &driver;
}
