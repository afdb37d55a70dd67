/* SPDX-License-Identifier: Apache-2.0
 * Memory for one set of arguments, and what the reference makes of it. */
#include "kwk_selfcheck.h"

#include <stdlib.h>
#include <string.h>

static void* aligned_bytes(size_t bytes) {
    return aligned_alloc(64, (bytes + 64) / 64 * 64);
}

bool kwk_allocate(const kwk_op* op, const int64_t* dims, kwk_buffers* buffers) {
    memset(buffers, 0, sizeof *buffers);
    for (size_t i = 0; i < op->arg_count; ++i) {
        buffers->bytes[i] = kwk_elements(&op->args[i], dims) * kwk_dtype_size(op->args[i].dtype);
        buffers->data[i] = aligned_bytes(buffers->bytes[i]);
        if (buffers->data[i] == NULL) {
            return false;
        }
    }
    return true;
}

void kwk_release(const kwk_op* op, kwk_buffers* buffers) {
    for (size_t i = 0; i < op->arg_count; ++i) {
        free(buffers->data[i]);
    }
    free(buffers->packed);
}

bool kwk_reference_of(
    const kwk_op* op, const int64_t* dims, const kwk_buffers* buffers, kwk_wants* wants) {
    void* slots[3 * KWK_MAX_ARGS + 1];
    size_t slot = 0;
    for (size_t i = 0; i < op->arg_count; ++i) {
        const kwk_role role = op->args[i].role;
        if (role == KWK_WEIGHT || role == KWK_IN || role == KWK_INOUT) {
            slots[slot++] = buffers->data[i];
        }
    }
    for (size_t i = 0; i < op->arg_count; ++i) {
        const kwk_arg* arg = &op->args[i];
        memset(&wants[i], 0, sizeof wants[i]);
        if (arg->role != KWK_OUT && arg->role != KWK_INOUT) {
            continue;
        }
        const size_t width = arg->tolerance == KWK_BOUND ? sizeof(double)
                                                         : kwk_dtype_size(arg->dtype);
        const size_t bytes = kwk_elements(arg, dims) * width;
        wants[i].first = aligned_bytes(bytes);
        slots[slot++] = wants[i].first;
        if (arg->tolerance != KWK_EXACT) {
            wants[i].second = aligned_bytes(bytes);
            slots[slot++] = wants[i].second;
        }
        if (wants[i].first == NULL || (arg->tolerance != KWK_EXACT && wants[i].second == NULL)) {
            return false;
        }
    }
    slots[slot] = (void*)(uintptr_t)dims;
    op->reference(slots);
    return true;
}
