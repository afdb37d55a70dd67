/* SPDX-License-Identifier: Apache-2.0
 * A short paired timing on this machine (hot: one set of inputs), and what dispatch costs. */
#include "kwk_selfcheck.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { k_most_pairs = 1001 };

double kwk_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_value(const void* a, const void* b) {
    const double x = *(const double*)a;
    const double y = *(const double*)b;
    return (x > y) - (x < y);
}

static double median(double* values, size_t count) {
    qsort(values, count, sizeof *values, by_value);
    return count > 0 ? values[count / 2] : 0;
}

/* --- kernel against naive --- */

typedef struct contest {
    const kwk_check* check;
    const kwk_code* code;
    const int64_t* dims;
    kwk_buffers buffers;
    void* slots[KWK_MAX_ARGS + 2];
} contest;

static double time_kernel(contest* c) {
    const double begin = kwk_now();
    kwk_run_code(c->check->op, c->code, c->buffers.data, c->buffers.packed, c->dims);
    return kwk_now() - begin;
}

static double time_naive(contest* c) {
    const double begin = kwk_now();
    c->check->naive(c->slots);
    return kwk_now() - begin;
}

static bool set_up(contest* c, const kwk_case* shape) {
    const kwk_op* op = c->check->op;
    if (!kwk_allocate(op, c->dims, &c->buffers)) {
        return false;
    }
    for (size_t i = 0; i < op->arg_count; ++i) {
        kwk_fill_argument(&op->args[i], c->dims, &shape->fills[i], i + 1, c->buffers.data[i]);
        c->slots[i] = c->buffers.data[i];
    }
    c->slots[op->arg_count] = NULL;
    c->slots[op->arg_count + 1] = (void*)(uintptr_t)c->dims;
    if (op->takes_packed && c->code->has_prepare() != 0) {
        void* slots[KWK_MAX_ARGS + 2];
        memcpy(slots, c->slots, sizeof slots);
        const size_t bytes = c->code->prepare_size(c->dims);
        c->buffers.packed = aligned_alloc(64, (bytes + 64) / 64 * 64);
        if (c->buffers.packed == NULL) {
            return false;
        }
        slots[op->arg_count] = c->buffers.packed;
        c->code->prepare(slots);
    }
    return true;
}

double kwk_paired_ratio(
    const kwk_check* check,
    const kwk_code* code,
    const kwk_case* shape,
    double seconds,
    double* kernel_us) {
    static double ratios[k_most_pairs];
    static double times[k_most_pairs];
    contest c = {.check = check, .code = code, .dims = shape->dims};
    size_t pairs = 0;
    if (set_up(&c, shape)) {
        time_naive(&c);
        time_kernel(&c);
        const double end = kwk_now() + seconds;
        do {
            const bool first = pairs % 2 == 0;
            double kernel = first ? time_kernel(&c) : 0;
            const double naive = time_naive(&c);
            kernel = first ? kernel : time_kernel(&c);
            times[pairs] = kernel;
            ratios[pairs++] = naive / kernel;
        } while (pairs < k_most_pairs && (kwk_now() < end || pairs < 3));
    }
    kwk_release(check->op, &c.buffers);
    *kernel_us = 1e6 * median(times, pairs);
    return median(ratios, pairs);
}

/* --- dispatch: the operation's own path, with a kernel that does nothing behind it --- */

static void nothing(void* const* slots) {
    __asm__ volatile("" : : "r"(slots) : "memory");
}
static size_t no_bytes(const int64_t* dims) {
    (void)dims;
    return 0;
}
static int packs(void) {
    return 1;
}
static int packs_nothing(void) {
    return 0;
}

static double per_call(const kwk_op* op, const void* args, void* const* slots, int calls) {
    const double begin = kwk_now();
    for (int i = 0; i < calls; ++i) {
        if (op != NULL) {
            kwk_run(op, args, kwk_cpu());
        } else {
            nothing(slots);
        }
    }
    return 1e9 * (kwk_now() - begin) / calls;
}

double kwk_overhead_ns(const kwk_op* op) {
    const kwk_state* state = kwk_state_of(op);
    if (state->count == 0) {
        return -1;
    }
    const kwk_choice* real = &state->choices[0];
    const kwk_code code = {
        KWK_LEVEL_NONE, true, NULL, nothing, no_bytes, nothing, real->prepares ? packs : packs_nothing};
    kwk_kernel kernel = *real->kernel;
    kernel.codes = &code;
    kernel.code_count = 1;
    kwk_state own = {.reference_busy = ATOMIC_FLAG_INIT};
    kwk_op empty = *op;
    empty.kernels = &kernel;
    empty.kernel_count = 1;
    empty.state = &own;
    /* Never read: the kernel does nothing. */
    _Alignas(64) static char memory[64];
    _Alignas(64) char packed[KWK_PACKED_HEADER];
    _Alignas(8) char args[sizeof(kwk_common) + 8 * (KWK_MAX_ARGS + KWK_MAX_DIMS)];
    memset(args, 0, sizeof args);
    kwk_common* common = (kwk_common*)(void*)args;
    common->kwk_size = op->args_size;
    common->kwk_policy = KWK_POLICY_ERROR;
    void** pointers = (void**)(void*)(args + sizeof(kwk_common));
    for (size_t i = 0; i < op->arg_count; ++i) {
        pointers[i] = memory;
    }
    for (size_t c = 0; kwk_checks[c] != NULL; ++c) {
        if (kwk_checks[c]->op == op && kwk_checks[c]->case_count > 0) {
            const size_t bytes = op->dim_count * sizeof(int64_t);
            memcpy(pointers + op->arg_count, kwk_checks[c]->cases[0].dims, bytes);
        }
    }
    if (real->prepares) {
        kwk_op_prepare(&empty, args, packed, sizeof packed, kwk_cpu());
        common->packed = packed;
    }
    double best = 1e9;
    for (int round = 0; round < 15; ++round) {
        const double with = per_call(&empty, args, pointers, 20000);
        const double without = per_call(NULL, args, pointers, 20000);
        best = with - without < best ? with - without : best;
    }
    return kwk_run(&empty, args, kwk_cpu()) == KWK_OK ? best : -1;
}
