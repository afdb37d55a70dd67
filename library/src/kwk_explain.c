/* SPDX-License-Identifier: Apache-2.0
 * Which kernel would run, and why not the others, in words. */
#include "kwk_runtime.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends as far as there is room; `used` counts all. */
typedef struct writer {
    char* text;
    size_t size;
    size_t used;
} writer;

__attribute__((format(printf, 2, 3))) static void say(writer* w, const char* format, ...) {
    va_list list;
    va_start(list, format);
    const size_t room = w->used < w->size ? w->size - w->used : 0;
    const int length = vsnprintf(room > 0 ? w->text + w->used : NULL, room, format, list);
    va_end(list);
    w->used += length > 0 ? (size_t)length : 0;
}

static void say_call(writer* w, const kwk_op* op, const int64_t* dims) {
    say(w, "%s", op->name);
    for (size_t i = 0; i < op->dim_count; ++i) {
        say(w, " %s=%" PRId64, op->dims[i], dims[i]);
    }
}

static void say_where(writer* w, const kwk_kernel* kernel, bool exact) {
    if (kernel->modelled) {
        say(w, "modelled, never measured");
    } else if (exact) {
        say(w, "measured on this device");
    } else if (strcmp(kernel->device, kwk_this_machine()->processor) == 0) {
        say(w, "measured as %s on this device", kwk_level_name(kernel->level));
    } else {
        say(w, "measured on another device of the family");
    }
}

static void say_processor(writer* w, const kwk_op* op, void* const* pointers, const int64_t* dims) {
    const kwk_machine* machine = kwk_this_machine();
    say(w, " on %s, %s\n", machine->processor, kwk_level_name(machine->level));
    const kwk_choice* choice = NULL;
    const kwk_status status = kwk_choose(op, pointers, dims, &choice);
    if (status == KWK_OK) {
        say(w,
            "  runs %s for %s%s%s: %s (",
            choice->kernel->id,
            kwk_level_name(choice->code->level),
            choice->code->checked ? "" : ", not judged at this instruction set",
            choice->prepares ? ", on packed weights" : "",
            choice->kernel->evidence);
        say_where(w, choice->kernel, choice->exact);
        say(w, ")\n");
    } else {
        say(w, "  runs the reference, or fails by policy: %s\n", kwk_status_name(status));
        if (machine->reference_only) {
            say(w, "  KWK_DEVICE=reference\n");
            return;
        }
    }
    const kwk_state* state = kwk_state_of(op);
    for (size_t i = 0; i < op->kernel_count; ++i) {
        const kwk_kernel* kernel = &op->kernels[i];
        const kwk_choice* mine = NULL;
        for (size_t k = 0; k < state->count; ++k) {
            mine = state->choices[k].kernel == kernel ? &state->choices[k] : mine;
        }
        if (kernel->cuda != NULL || (choice != NULL && choice->kernel == kernel)) {
            if (kernel->cuda == NULL && status == KWK_ERROR_ALIGNMENT) {
                say(w, "  not %s: every pointer must be 64-byte aligned\n", kernel->id);
            }
        } else if (mine == NULL) {
            say(w,
                "  not %s: no code for %s\n",
                kernel->id,
                kwk_level_name(machine->level));
        } else if (!kernel->domain(dims)) {
            say(w, "  not %s: verified for %s\n", kernel->id, kernel->domain_text);
        } else {
            say(w, "  not %s: ranks behind (%s)\n", kernel->id, kernel->evidence);
        }
    }
}

static void say_gpu(writer* w, const kwk_op* op, void* const* pointers, const int64_t* dims) {
    char device[256];
    say(w, " on %s\n", kwk_cuda_device_text(device, sizeof device));
    const kwk_kernel* chosen = NULL;
    const kwk_status status = kwk_cuda_choose(op, pointers, dims, &chosen);
    if (status == KWK_OK) {
        const bool exact = kwk_cuda_measured_here(chosen);
        say(w, "  runs %s: %s (", chosen->id, chosen->evidence);
        say_where(w, chosen, exact);
        say(w, ")\n");
    } else {
        say(w, "  fails: %s (there is no reference on the device)\n", kwk_status_name(status));
    }
    for (size_t i = 0; i < op->kernel_count; ++i) {
        const kwk_kernel* kernel = &op->kernels[i];
        if (kernel->cuda == NULL || kernel == chosen) {
            continue;
        }
        if (!kernel->domain(dims)) {
            say(w, "  not %s: verified for %s\n", kernel->id, kernel->domain_text);
        } else {
            say(w, "  not %s: made for another architecture, or ranks behind\n", kernel->id);
        }
    }
}

size_t kwk_explain(
    const char* operation, const void* args, kwk_stream stream, char* text, size_t size) {
    const kwk_op* op = kwk_find(operation);
    writer w = {text, text == NULL ? 0 : size, 0};
    if (op == NULL) {
        return 0;
    }
    if (args == NULL || ((const kwk_common*)args)->kwk_size != op->args_size) {
        say(&w, "%s: kwk_size is not that of its arguments\n", op->name);
        return w.used;
    }
    const int64_t* dims = kwk_dims(op, args);
    say_call(&w, op, dims);
    if (kwk_this_machine()->problem != NULL) {
        say(&w, ": %s\n", kwk_this_machine()->problem);
    } else if (!op->shape(dims)) {
        say(&w, ": %s\n", kwk_status_name(KWK_ERROR_SHAPE));
    } else if (stream.kind == 1) {
        say_gpu(&w, op, kwk_pointers(args), dims);
    } else {
        say_processor(&w, op, kwk_pointers(args), dims);
    }
    return w.used;
}
