/* SPDX-License-Identifier: Apache-2.0
 * From a call to a kernel: the first of the operation's kernels, best first for this machine, whose
 * verified shapes hold the call's. */
#include "kwk_runtime.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_alignment = 64 };

/* In front of packed weights: which code reads them, and for which shape they were made. */
typedef struct packed_header {
    char magic[8];
    char kernel[24];
    uint32_t level;
    uint32_t reserved;
    uint64_t shape;
    uint64_t unused[2];
} packed_header;
_Static_assert(sizeof(packed_header) == KWK_PACKED_HEADER, "kernels get aligned pointers");

static const char k_magic[8] = {'k', 'w', 'k', 'p', 'a', 'c', 'k', '1'};

static uint64_t shape_key(const kwk_op* op, const int64_t* dims) {
    uint64_t key = 0xcbf29ce484222325U;
    for (size_t i = 0; i < op->dim_count; ++i) {
        key = (key ^ (uint64_t)dims[i]) * 0x9e3779b97f4a7c15U;
        key ^= key >> 29;
    }
    return key;
}

/* --- what this machine runs ----------------------------------------------------------------- */

static const kwk_code* best_code(const kwk_kernel* kernel, kwk_level level) {
    for (size_t i = 0; i < kernel->code_count; ++i) {
        if (kernel->codes[i].level <= level) {
            return &kernel->codes[i];
        }
    }
    return NULL;
}

/* Kernels whose code was measured on this processor come first; the table is in order already. */
static void rank(const kwk_op* op, kwk_state* state) {
    const kwk_machine* machine = kwk_this_machine();
    size_t count = 0;
    for (int exact = 1; exact >= 0; --exact) {
        for (size_t i = 0; i < op->kernel_count && count < KWK_MAX_KERNELS; ++i) {
            const kwk_kernel* kernel = &op->kernels[i];
            const kwk_code* code = best_code(kernel, machine->level);
            const bool same = code != NULL && code->level >= kernel->level &&
                              strcmp(kernel->device, machine->processor) == 0;
            if (kernel->cuda != NULL || code == NULL || same != (exact != 0)) {
                continue;
            }
            kwk_choice* choice = &state->choices[count++];
            choice->kernel = kernel;
            choice->code = code;
            choice->exact = same;
            choice->prepares = op->takes_packed && code->has_prepare() != 0;
        }
    }
    state->count = machine->reference_only || machine->problem != NULL ? 0 : count;
}

const kwk_state* kwk_state_of(const kwk_op* op) {
    kwk_state* state = op->state;
    int ready = atomic_load_explicit(&state->ready, memory_order_acquire);
    while (ready != 2) {
        if (ready == 0 && atomic_compare_exchange_strong(&state->ready, &ready, 1)) {
            rank(op, state);
            atomic_store_explicit(&state->ready, 2, memory_order_release);
            break;
        }
        sched_yield();
        ready = atomic_load_explicit(&state->ready, memory_order_acquire);
    }
    return state;
}

static bool aligned(const kwk_op* op, void* const* pointers) {
    uintptr_t bits = 0;
    for (size_t i = 0; i < op->arg_count; ++i) {
        bits |= (uintptr_t)pointers[i];
    }
    return bits % k_alignment == 0;
}

kwk_status kwk_choose(
    const kwk_op* op, void* const* pointers, const int64_t* dims, const kwk_choice** choice) {
    const kwk_state* state = kwk_state_of(op);
    for (size_t i = 0; i < state->count; ++i) {
        if (state->choices[i].kernel->domain(dims)) {
            *choice = &state->choices[i];
            return aligned(op, pointers) ? KWK_OK : KWK_ERROR_ALIGNMENT;
        }
    }
    return KWK_ERROR_UNSUPPORTED;
}

/* --- calls ------------------------------------------------------------------------------------ */

static kwk_status check_args(const kwk_op* op, const void* args) {
    if (args == NULL || ((const kwk_common*)args)->kwk_size != op->args_size) {
        return KWK_ERROR_ARGUMENT;
    }
    if (kwk_this_machine()->problem != NULL) {
        return KWK_ERROR_ENVIRONMENT;
    }
    return op->shape(kwk_dims(op, args)) ? KWK_OK : KWK_ERROR_SHAPE;
}

static bool falls_back(const void* args) {
    const int policy = ((const kwk_common*)args)->kwk_policy;
    const kwk_policy wanted =
        policy == KWK_POLICY_DEFAULT ? kwk_this_machine()->policy : (kwk_policy)policy;
    return wanted == KWK_POLICY_FALLBACK;
}

/* Once an operation and process. */
static void tell(const kwk_op* op, const void* args, kwk_stream stream) {
    if (atomic_exchange(&op->state->told, 1) != 0) {
        return;
    }
    const char* quiet = getenv("KWK_QUIET");
    if (quiet != NULL && *quiet != 0 && strcmp(quiet, "0") != 0) {
        return;
    }
    char text[2048];
    kwk_explain(op->name, args, stream, text, sizeof text);
    fprintf(stderr, "kwk: the slow reference runs (said once): %s", text);
}

void kwk_run_code(
    const kwk_op* op,
    const kwk_code* code,
    void* const* pointers,
    const void* packed,
    const int64_t* dims) {
    void* slots[KWK_MAX_ARGS + 2];
    for (size_t i = 0; i < op->arg_count; ++i) {
        slots[i] = pointers[i];
    }
    slots[op->arg_count] = (void*)(uintptr_t)packed;
    slots[op->arg_count + 1] = (void*)(uintptr_t)dims;
    if (code->serial == NULL) {
        code->entry(slots);
        return;
    }
    while (atomic_flag_test_and_set_explicit(code->serial, memory_order_acquire)) {
        sched_yield();
    }
    code->entry(slots);
    atomic_flag_clear_explicit(code->serial, memory_order_release);
}

/* The code that packed the weights is the one that reads them. */
static kwk_status reader_of(
    const kwk_op* op, const void* packed, const int64_t* dims, const kwk_choice** choice) {
    const packed_header* header = packed;
    if (header == NULL) {
        return (*choice)->prepares ? KWK_ERROR_PACKED : KWK_OK;
    }
    if (!op->takes_packed) {
        return KWK_OK;
    }
    if ((uintptr_t)packed % k_alignment != 0 || memcmp(header->magic, k_magic, 8) != 0 ||
        header->shape != shape_key(op, dims)) {
        return KWK_ERROR_PACKED;
    }
    const kwk_state* state = kwk_state_of(op);
    for (size_t i = 0; i < state->count; ++i) {
        const kwk_choice* other = &state->choices[i];
        if (strncmp(header->kernel, other->kernel->id, sizeof header->kernel) == 0 &&
            header->level == (uint32_t)other->code->level) {
            *choice = other;
            return KWK_OK;
        }
    }
    return KWK_ERROR_PACKED;
}

kwk_status kwk_run(const kwk_op* op, const void* args, kwk_stream stream) {
    kwk_status status = check_args(op, args);
    if (status != KWK_OK) {
        return status;
    }
    const kwk_common* common = args;
    void* const* pointers = kwk_pointers(args);
    const int64_t* dims = kwk_dims(op, args);
    for (size_t i = 0; i < op->arg_count; ++i) {
        if (pointers[i] == NULL) {
            return KWK_ERROR_ARGUMENT;
        }
    }
    if (stream.kind != 0) {
        return stream.kind == 1 ? kwk_cuda_run(op, common, pointers, dims, stream.handle)
                                : KWK_ERROR_ARGUMENT;
    }
    const kwk_choice* choice = NULL;
    status = kwk_choose(op, pointers, dims, &choice);
    if (status != KWK_OK) {
        if (!falls_back(args)) {
            return status;
        }
        tell(op, args, stream);
        return kwk_run_reference(op, pointers, dims);
    }
    status = reader_of(op, common->packed, dims, &choice);
    if (status != KWK_OK) {
        if (common->packed != NULL || !falls_back(args)) {
            return status;
        }
        tell(op, args, stream); /* the weights were never packed: the reference needs none */
        return kwk_run_reference(op, pointers, dims);
    }
    const bool header = op->takes_packed && common->packed != NULL;
    const void* packed = header ? (const char*)common->packed + KWK_PACKED_HEADER : NULL;
    kwk_run_code(op, choice->code, pointers, packed, dims);
    return KWK_OK;
}

kwk_status kwk_op_supported(const kwk_op* op, const void* args, kwk_stream stream) {
    const kwk_status status = check_args(op, args);
    if (status != KWK_OK) {
        return status;
    }
    if (stream.kind == 1) {
        const kwk_kernel* kernel = NULL;
        return kwk_cuda_choose(op, kwk_pointers(args), kwk_dims(op, args), &kernel);
    }
    const kwk_choice* choice = NULL;
    return kwk_choose(op, kwk_pointers(args), kwk_dims(op, args), &choice);
}

size_t kwk_op_workspace(const kwk_op* op, const void* args, kwk_stream stream) {
    const kwk_kernel* kernel = NULL;
    if (stream.kind != 1 || check_args(op, args) != KWK_OK) {
        return 0;
    }
    const int64_t* dims = kwk_dims(op, args);
    if (kwk_cuda_choose(op, kwk_pointers(args), dims, &kernel) != KWK_OK) {
        return 0;
    }
    return kwk_cuda_workspace(kernel, dims);
}

size_t kwk_op_prepare_size(const kwk_op* op, const void* args, kwk_stream stream) {
    const kwk_choice* choice = NULL;
    if (stream.kind != 0 || check_args(op, args) != KWK_OK) {
        return 0;
    }
    const int64_t* dims = kwk_dims(op, args);
    if (kwk_choose(op, kwk_pointers(args), dims, &choice) != KWK_OK || !choice->prepares) {
        return 0;
    }
    return choice->code->prepare_size(dims) + KWK_PACKED_HEADER;
}

kwk_status kwk_op_prepare(
    const kwk_op* op, const void* args, void* packed, size_t packed_bytes, kwk_stream stream) {
    const kwk_choice* choice = NULL;
    kwk_status status = check_args(op, args);
    if (status != KWK_OK || stream.kind != 0) {
        return status != KWK_OK ? status : KWK_ERROR_ARGUMENT;
    }
    void* const* pointers = kwk_pointers(args);
    const int64_t* dims = kwk_dims(op, args);
    status = kwk_choose(op, pointers, dims, &choice);
    if (status != KWK_OK || !choice->prepares) {
        return status; /* nothing to pack: prepare_size() said 0 */
    }
    if (packed == NULL || (uintptr_t)packed % k_alignment != 0 ||
        packed_bytes < choice->code->prepare_size(dims) + KWK_PACKED_HEADER) {
        return KWK_ERROR_PACKED;
    }
    void* slots[KWK_MAX_ARGS + 2] = {NULL};
    for (size_t i = 0; i < op->arg_count; ++i) {
        const bool weight = op->args[i].role == KWK_WEIGHT;
        if (weight && pointers[i] == NULL) {
            return KWK_ERROR_ARGUMENT;
        }
        slots[i] = weight ? pointers[i] : NULL;
    }
    slots[op->arg_count] = (char*)packed + KWK_PACKED_HEADER;
    slots[op->arg_count + 1] = (void*)(uintptr_t)dims;
    atomic_flag* serial = choice->code->serial;
    while (serial != NULL && atomic_flag_test_and_set_explicit(serial, memory_order_acquire)) {
        sched_yield();
    }
    choice->code->prepare(slots);
    if (serial != NULL) {
        atomic_flag_clear_explicit(serial, memory_order_release);
    }
    packed_header* header = packed;
    memset(header, 0, sizeof *header);
    memcpy(header->magic, k_magic, sizeof k_magic);
    strncpy(header->kernel, choice->kernel->id, sizeof header->kernel - 1);
    header->level = (uint32_t)choice->code->level;
    header->shape = shape_key(op, dims);
    return KWK_OK;
}

/* --- by name ---------------------------------------------------------------------------------- */

const kwk_op* kwk_find(const char* operation) {
    for (size_t i = 0; operation != NULL && kwk_ops[i] != NULL; ++i) {
        if (strcmp(kwk_ops[i]->name, operation) == 0) {
            return kwk_ops[i];
        }
    }
    return NULL;
}

kwk_status kwk_call(const char* operation, const void* args, kwk_stream stream) {
    const kwk_op* op = kwk_find(operation);
    return op == NULL ? KWK_ERROR_ARGUMENT : kwk_run(op, args, stream);
}

kwk_status kwk_supported(const char* operation, const void* args, kwk_stream stream) {
    const kwk_op* op = kwk_find(operation);
    return op == NULL ? KWK_ERROR_ARGUMENT : kwk_op_supported(op, args, stream);
}

size_t kwk_workspace_size(const char* operation, const void* args, kwk_stream stream) {
    const kwk_op* op = kwk_find(operation);
    return op == NULL ? 0 : kwk_op_workspace(op, args, stream);
}

size_t kwk_prepare_size(const char* operation, const void* args, kwk_stream stream) {
    const kwk_op* op = kwk_find(operation);
    return op == NULL ? 0 : kwk_op_prepare_size(op, args, stream);
}

kwk_status kwk_prepare(
    const char* operation, const void* args, void* packed, size_t packed_bytes, kwk_stream stream) {
    const kwk_op* op = kwk_find(operation);
    return op == NULL ? KWK_ERROR_ARGUMENT
                      : kwk_op_prepare(op, args, packed, packed_bytes, stream);
}

int kwk_argument_shape(const char* operation, size_t index, const int64_t* dims, int64_t* shape) {
    const kwk_op* op = kwk_find(operation);
    if (op == NULL || index >= op->arg_count || !op->shape(dims)) {
        return 0;
    }
    op->args[index].shape(dims, shape);
    return op->args[index].rank;
}

const char* kwk_operation(size_t index) {
    size_t count = 0;
    while (kwk_ops[count] != NULL) {
        ++count;
    }
    return index < count ? kwk_ops[index]->name : NULL;
}

const char* kwk_pack_id(void) {
    return kwk_pack_text;
}

const char* kwk_status_name(kwk_status status) {
    static const char* const names[] = {
        "ok",
        "bad argument",
        "shape that the operation does not have",
        "no kernel for this machine or shape",
        "pointer not aligned",
        "weights packed for another kernel or shape",
        "workspace missing or too small",
        "out of memory",
        "CUDA driver",
        "KWK_DEVICE or KWK_POLICY names what is not there"};
    const size_t index = (size_t)status;
    return index < sizeof names / sizeof *names ? names[index] : "unknown status";
}
