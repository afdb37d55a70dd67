/* SPDX-License-Identifier: Apache-2.0
 * CUDA kernels: chosen by the device of the current context, loaded once, launched by their plan on
 * the caller's stream. A launch allocates nothing and waits for nothing. Loading is no part of a
 * captured graph: kwk_OPERATION_supported() does it beforehand. */
#include "kwk_driver.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CUdevice_attribute, CUfunction_attribute and CUlaunchAttributeID of cuda.h. */
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
    k_dynamic_smem = 8,
    k_cooperative = 2,
    k_cluster = 4
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
    return d->name[0] != 0 && strstr(kernel->device, d->name) != NULL ? 3 : cubin ? 2 : 1;
}

static kwk_status choose(
    const kwk_op* op,
    void* const* pointers,
    const int64_t* dims,
    const device** found,
    const kwk_kernel** kernel) {
    const char* problem = NULL;
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

static bool load(const kwk_cuda_plan* plan, const device* d) {
    const kwk_driver* driver = kwk_cuda_driver();
    kwk_library* library = plan->library;
    const void* image = runs_cubin(plan, d->facts.CC) ? plan->cubin : plan->ptx;
    if (driver->load(&library->library, image, NULL, NULL, 0, NULL, NULL, 0) != 0 &&
        (image == plan->ptx ||
         driver->load(&library->library, plan->ptx, NULL, NULL, 0, NULL, NULL, 0) != 0)) {
        return false;
    }
    for (size_t i = 0; i < plan->function_count; ++i) {
        if (driver->kernel(&library->functions[i], library->library, plan->functions[i]) != 0) {
            return false;
        }
    }
    return true;
}

static kwk_status loaded(const kwk_cuda_plan* plan, const device* d) {
    kwk_library* library = plan->library;
    int state = atomic_load_explicit(&library->ready, memory_order_acquire);
    while (state < 2) {
        if (state == 0 && atomic_compare_exchange_strong(&library->ready, &state, 1)) {
            atomic_store_explicit(&library->ready, load(plan, d) ? 2 : 3, memory_order_release);
        }
        sched_yield();
        state = atomic_load_explicit(&library->ready, memory_order_acquire);
    }
    if (state == 3) {
        return KWK_ERROR_DEVICE;
    }
    const unsigned long long bit = 1ULL << d->index;
    if ((atomic_load(&library->prepared) & bit) == 0) {
        /* More than 48 KiB of shared memory must be asked for. A kernel with static shared memory
         * may have less: then a launch that needs it says so. */
        for (size_t i = 0; i < plan->function_count; ++i) {
            (void)kwk_cuda_driver()->set_kernel(
                k_dynamic_smem, (int)d->facts.MAX_SMEM, library->functions[i], d->index);
        }
        atomic_fetch_or(&library->prepared, bit);
    }
    return KWK_OK;
}

/* --- calls ------------------------------------------------------------------------------------ */

kwk_status kwk_cuda_choose(
    const kwk_op* op, void* const* pointers, const int64_t* dims, const kwk_kernel** kernel) {
    const device* d = NULL;
    const kwk_status status = choose(op, pointers, dims, &d, kernel);
    return status == KWK_OK ? loaded((*kernel)->cuda, d) : status;
}

bool kwk_cuda_measured_here(const kwk_kernel* kernel) {
    const char* problem = NULL;
    const device* d = current_device(&problem);
    return d != NULL && rank(kernel, d) == 3;
}

size_t kwk_cuda_workspace(const kwk_kernel* kernel, const int64_t* dims) {
    const char* problem = NULL;
    const device* d = current_device(&problem);
    int64_t offsets[KWK_MAX_LAUNCHED];
    const int64_t bytes = d != NULL ? kernel->cuda->workspace(dims, &d->facts, offsets) : 0;
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
    status = status == KWK_OK ? loaded(kernel->cuda, d) : status;
    if (status != KWK_OK) {
        return status;
    }
    int64_t offsets[KWK_MAX_LAUNCHED];
    const int64_t bytes = kernel->cuda->workspace(dims, &d->facts, offsets);
    if (bytes < 0) {
        return KWK_ERROR_UNSUPPORTED;
    }
    if (bytes > 0 && (common->kwk_workspace == NULL ||
                      (uintptr_t)common->kwk_workspace % KWK_CUDA_ALIGNMENT != 0 ||
                      common->kwk_workspace_bytes < (size_t)bytes)) {
        return KWK_ERROR_WORKSPACE;
    }
    kwk_cuda_call call = {kernel->cuda->library->functions, stream, &d->facts, KWK_OK};
    kernel->cuda->launch(&call, pointers, dims, common->kwk_workspace);
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

/* --- what launch plans call --------------------------------------------------------------------- */

static bool in(int64_t value, int64_t most) {
    return value >= 1 && value <= most;
}

void kwk_cuda_launch(kwk_cuda_call* call, size_t index, const kwk_launch* l) {
    if (call->status != KWK_OK) {
        return;
    }
    if (!in(l->grid.x, INT32_MAX) || !in(l->grid.y, 65535) || !in(l->grid.z, 65535) ||
        !in(l->block.x, 1024) || !in(l->block.y, 1024) || !in(l->block.z, 64) ||
        l->block.x * l->block.y * l->block.z > call->facts->MAX_THREADS || l->smem < 0 ||
        l->smem > call->facts->MAX_SMEM) {
        call->status = KWK_ERROR_UNSUPPORTED; /* a shape that the plan has no launch for */
        return;
    }
    kwk_launch_attribute attributes[2];
    memset(attributes, 0, sizeof attributes);
    uint32_t count = 0;
    if (l->cluster.x > 0) {
        attributes[count].id = k_cluster;
        attributes[count].value.cluster.x = (uint32_t)l->cluster.x;
        attributes[count].value.cluster.y = (uint32_t)l->cluster.y;
        attributes[count++].value.cluster.z = (uint32_t)l->cluster.z;
    }
    if (l->cooperative) {
        attributes[count].id = k_cooperative;
        attributes[count++].value.cooperative = 1;
    }
    const kwk_launch_config config = {
        (uint32_t)l->grid.x, (uint32_t)l->grid.y, (uint32_t)l->grid.z, (uint32_t)l->block.x,
        (uint32_t)l->block.y, (uint32_t)l->block.z, (uint32_t)l->smem, call->stream, attributes,
        count};
    const kwk_driver* driver = kwk_cuda_driver();
    if (driver->launch(&config, call->functions[index], l->parameters, NULL) != 0) {
        call->status = KWK_ERROR_DEVICE;
    }
}

int32_t kwk_cuda_i32(kwk_cuda_call* call, int64_t value) {
    /* PTX does not tell int from unsigned. */
    if (value < INT32_MIN || value > (int64_t)UINT32_MAX) {
        call->status = KWK_ERROR_UNSUPPORTED;
    }
    return (int32_t)(uint32_t)(uint64_t)value;
}

void kwk_cuda_encode(kwk_cuda_call* call, const kwk_tensormap* map, void* base, void* out) {
    const kwk_driver* driver = kwk_cuda_driver();
    if (call->status == KWK_OK &&
        (driver->encode == NULL ||
         driver->encode(out, map->dtype, (uint32_t)map->rank, base, map->dims, map->strides,
                        map->box, map->steps, map->interleave, map->swizzle, map->l2,
                        map->nan) != 0)) {
        call->status = KWK_ERROR_DEVICE;
    }
}
