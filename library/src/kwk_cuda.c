/* SPDX-License-Identifier: Apache-2.0
 * CUDA kernels: chosen by the device of the current context, loaded once, launched by their plan on
 * the caller's stream. A launch allocates nothing and waits for nothing. Loading is no part of a
 * captured graph: kwk_OPERATION_supported() does it beforehand. */
#include "kwk_driver.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CUdevice_attribute and CUfunction_attribute of cuda.h. */
enum {
    k_max_threads = 1,
    k_sm_count = 16,
    k_l2_bytes = 38,
    k_sm_threads = 39,
    k_cc_major = 75,
    k_cc_minor = 76,
    k_sm_smem = 81,
    k_sm_regs = 82,
    k_smem_optin = 97,
    k_static_smem = 1,
    k_dynamic_smem = 8
};

typedef struct device {
    int index;
    char name[128];
    kwk_cuda_facts facts;
} device;

typedef struct device_cache {
    atomic_int ready[KWK_MAX_DEVICES];
    device devices[KWK_MAX_DEVICES];
} device_cache;

static device_cache g_devices; /* facts of the machine, not of a call */

static void ask(const kwk_driver* driver, int64_t* value, int attribute, int index) {
    int answer = 0;
    *value = driver->attribute(&answer, attribute, index) == 0 ? answer : 0;
}

static void find_out(const kwk_driver* driver, int index, device* d) {
    kwk_cuda_facts* f = &d->facts;
    int64_t major, minor;
    d->index = index;
    if (driver->name(d->name, sizeof d->name - 1, index) != 0) {
        d->name[0] = 0;
    }
    ask(driver, &f->SM_COUNT, k_sm_count, index);
    ask(driver, &f->MAX_THREADS, k_max_threads, index);
    ask(driver, &f->MAX_SMEM, k_smem_optin, index);
    ask(driver, &f->SM_SMEM, k_sm_smem, index);
    ask(driver, &f->SM_THREADS, k_sm_threads, index);
    ask(driver, &f->SM_REGS, k_sm_regs, index);
    ask(driver, &f->L2_BYTES, k_l2_bytes, index);
    ask(driver, &major, k_cc_major, index);
    ask(driver, &minor, k_cc_minor, index);
    f->CC = 10 * major + minor;
    const kwk_machine* machine = kwk_this_machine();
    if (machine->arch != NULL) {
        f->CC = atoi(machine->arch + 3);
    }
    if (machine->gpu != NULL) {
        snprintf(d->name, sizeof d->name, "%s", machine->gpu);
    }
}

/* That of the current context; null without one. */
static const device* current_device(const char** problem) {
    const kwk_driver* driver = kwk_cuda_driver();
    int index = 0;
    *problem = driver->problem;
    if (driver->problem != NULL) {
        return NULL;
    }
    if (driver->device_of_context(&index) != 0 || index < 0 || index >= KWK_MAX_DEVICES) {
        *problem = "no CUDA context is current in this thread";
        return NULL;
    }
    atomic_int* ready = &g_devices.ready[index];
    int state = atomic_load_explicit(ready, memory_order_acquire);
    while (state != 2) {
        if (state == 0 && atomic_compare_exchange_strong(ready, &state, 1)) {
            find_out(driver, index, &g_devices.devices[index]);
            atomic_store_explicit(ready, 2, memory_order_release);
            break;
        }
        sched_yield();
        state = atomic_load_explicit(ready, memory_order_acquire);
    }
    return &g_devices.devices[index];
}

/* --- which kernel ----------------------------------------------------------------------------- */

/* Code of an architecture with a letter runs on that one alone; machine code within its major
 * version; PTX on anything later. */
static bool runs_cubin(const kwk_cuda_plan* plan, int64_t cc) {
    const int64_t made = atoi(plan->arch + 3);
    const bool specific = strchr(plan->arch, 'a') != NULL;
    return plan->cubin != NULL && (specific ? cc == made : cc / 10 == made / 10 && cc >= made);
}

static bool runs_ptx(const kwk_cuda_plan* plan, int64_t cc) {
    const int64_t made = atoi(plan->arch + 3);
    const bool specific = strchr(plan->arch, 'a') != NULL;
    return specific ? cc == made : cc >= made;
}

/* 3 = measured on a device of this name, 2 = machine code, 1 = PTX, 0 = does not run. */
static int rank(const kwk_kernel* kernel, const device* d) {
    const bool cubin = runs_cubin(kernel->cuda, d->facts.CC);
    if (!cubin && !runs_ptx(kernel->cuda, d->facts.CC)) {
        return 0;
    }
    return strcmp(kernel->device, d->name) == 0 ? 3 : cubin ? 2 : 1;
}

static kwk_status choose(
    const kwk_op* op,
    void* const* pointers,
    const int64_t* dims,
    const device** found,
    const kwk_kernel** kernel) {
    const char* problem = NULL;
    if (kwk_this_machine()->reference_only) {
        return KWK_ERROR_UNSUPPORTED; /* the reference is none of the device's */
    }
    const device* d = current_device(&problem);
    if (d == NULL) {
        return KWK_ERROR_DEVICE;
    }
    int best = 0;
    for (size_t i = 0; i < op->kernel_count; ++i) {
        const kwk_kernel* each = &op->kernels[i];
        const int value = each->cuda != NULL && each->domain(dims) ? rank(each, d) : 0;
        if (value > best) {
            best = value;
            *kernel = each;
        }
    }
    uintptr_t bits = 0;
    for (size_t i = 0; i < op->arg_count; ++i) {
        bits |= (uintptr_t)pointers[i];
    }
    *found = d;
    return best == 0                          ? KWK_ERROR_UNSUPPORTED
           : bits % KWK_CUDA_ALIGNMENT != 0 ? KWK_ERROR_ALIGNMENT
                                            : KWK_OK;
}

/* --- loading ---------------------------------------------------------------------------------- */

static bool load(const kwk_cuda_plan* plan, kwk_library* library, const void* image) {
    const kwk_driver* driver = kwk_cuda_driver();
    if (library->library == NULL) {
        void* made = NULL;
        if (driver->load(&made, image, NULL, NULL, 0, NULL, NULL, 0) != 0) {
            return false;
        }
        library->library = made;
    }
    for (size_t i = 0; i < plan->function_count; ++i) {
        if (driver->kernel(&library->functions[i], library->library, plan->functions[i].name) != 0) {
            return false;
        }
    }
    return true;
}

/* What failed may be tried again: the device's memory was full, say. */
static bool is_loaded(const kwk_cuda_plan* plan, kwk_library* library, const void* image) {
    int state = atomic_load_explicit(&library->ready, memory_order_acquire);
    while (state != 2) {
        if (state == 0 && atomic_compare_exchange_strong(&library->ready, &state, 1)) {
            const bool good = load(plan, library, image);
            atomic_store_explicit(&library->ready, good ? 2 : 0, memory_order_release);
            return good;
        }
        sched_yield();
        state = atomic_load_explicit(&library->ready, memory_order_acquire);
    }
    return true;
}

/* More than 48 KiB of shared memory must be asked for, static and dynamic together at most what a
 * block may have: the driver knows what the code took, the PTX does not. */
static bool take_shared_memory(const kwk_cuda_plan* plan, const kwk_library* library, const device* d) {
    const kwk_driver* driver = kwk_cuda_driver();
    for (size_t i = 0; i < plan->function_count; ++i) {
        void* function = library->functions[i];
        int taken = 0;
        if (driver->get_kernel(&taken, k_static_smem, function, d->index) != 0 ||
            driver->set_kernel(
                k_dynamic_smem, (int)d->facts.MAX_SMEM - taken, function, d->index) != 0) {
            return false;
        }
    }
    return true;
}

/* Each device has the image that it runs: machine code where the driver takes it, else the PTX. */
static kwk_status loaded(const kwk_cuda_plan* plan, const device* d, const kwk_library** found) {
    const unsigned long long bit = 1ULL << d->index;
    kwk_library* cubin = &plan->libraries[KWK_IMAGE_CUBIN];
    kwk_library* library = cubin;
    const bool tried = runs_cubin(plan, d->facts.CC) && (atomic_load(&cubin->refused) & bit) == 0;
    if (!tried || !is_loaded(plan, cubin, plan->cubin)) {
        library = &plan->libraries[KWK_IMAGE_PTX];
        if (!is_loaded(plan, library, plan->ptx)) {
            return KWK_ERROR_DEVICE;
        }
        if (tried) {
            atomic_fetch_or(&cubin->refused, bit);
        }
    }
    if ((atomic_load(&library->prepared) & bit) == 0) {
        if (!take_shared_memory(plan, library, d)) {
            return KWK_ERROR_DEVICE;
        }
        atomic_fetch_or(&library->prepared, bit);
    }
    *found = library;
    return KWK_OK;
}

/* --- calls ------------------------------------------------------------------------------------ */

kwk_status kwk_cuda_choose(
    const kwk_op* op, void* const* pointers, const int64_t* dims, const kwk_kernel** kernel) {
    const device* d = NULL;
    const kwk_status status = choose(op, pointers, dims, &d, kernel);
    const kwk_library* library = NULL;
    return status == KWK_OK ? loaded((*kernel)->cuda, d, &library) : status;
}

bool kwk_cuda_measured_here(const kwk_kernel* kernel) {
    const char* problem = NULL;
    const device* d = current_device(&problem);
    return d != NULL && rank(kernel, d) == 3;
}

size_t kwk_cuda_workspace(const kwk_kernel* kernel, const int64_t* dims) {
    const char* problem = NULL;
    const device* d = current_device(&problem);
    const int64_t bytes = d != NULL ? kernel->cuda->workspace(dims, &d->facts, NULL) : 0;
    return bytes > 0 ? (size_t)bytes : 0;
}

kwk_status kwk_cuda_run(
    const kwk_op* op,
    const kwk_common* common,
    void* const* pointers,
    const int64_t* dims,
    void* stream) {
    const kwk_kernel* kernel = NULL;
    const device* d = NULL;
    kwk_status status = choose(op, pointers, dims, &d, &kernel);
    const kwk_library* library = NULL;
    status = status == KWK_OK ? loaded(kernel->cuda, d, &library) : status;
    if (status != KWK_OK) {
        return status;
    }
    const int64_t bytes = kernel->cuda->workspace(dims, &d->facts, NULL);
    if (bytes < 0) {
        return KWK_ERROR_UNSUPPORTED;
    }
    if (bytes > 0 && (common->kwk_workspace == NULL ||
                      (uintptr_t)common->kwk_workspace % KWK_CUDA_ALIGNMENT != 0 ||
                      common->kwk_workspace_bytes < (size_t)bytes)) {
        return KWK_ERROR_WORKSPACE;
    }
    kwk_cuda_call call = {
        .op = op, .plan = kernel->cuda, .functions = library->functions, .stream = stream,
        .dims = dims, .facts = &d->facts, .trial = true};
    kernel->cuda->launch(&call, pointers, common->kwk_workspace);
    if (call.status == KWK_OK && (call.bad || call.launches == 0)) {
        call.status = KWK_ERROR_UNSUPPORTED; /* the plan has nothing for this shape */
    }
    if (call.status == KWK_OK) {
        call.trial = false;
        kernel->cuda->launch(&call, pointers, common->kwk_workspace);
    }
    return call.status;
}

const char* kwk_cuda_device_text(char* text, size_t size) {
    const char* problem = NULL;
    const device* d = current_device(&problem);
    if (d == NULL) {
        snprintf(text, size, "no CUDA device: %s", problem);
    } else {
        snprintf(text, size, "%s, compute capability %d.%d", d->name, (int)d->facts.CC / 10,
                 (int)d->facts.CC % 10);
    }
    return text;
}
