/* SPDX-License-Identifier: Apache-2.0
 * kwk-selfcheck: is every kernel of this pack right and worth its place on this machine?
 *
 *   kwk-selfcheck [--no-timing] [OPERATION...]
 *
 * Every code that this processor can run is called on every case of its task with seeded inputs and
 * compared with the reference under the task's tolerance. Then each operation's kernel is timed in
 * pairs against the naive one, and its dispatch against a direct call. Exit 0: all right; 1: a
 * kernel is wrong, or KWK_DEVICE names what is not there; 2: usage. */
#include "kwk_selfcheck.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tally {
    size_t cases;
    double worst;
    bool failed;
} tally;

/* The public struct, whatever its operation. */
typedef struct arguments {
    _Alignas(8) char words[sizeof(kwk_common) + 8 * (KWK_MAX_ARGS + KWK_MAX_DIMS)];
} arguments;

static arguments public_args(const kwk_op* op, const kwk_buffers* buffers, const int64_t* dims) {
    arguments args;
    memset(&args, 0, sizeof args);
    kwk_common* common = (kwk_common*)(void*)args.words;
    common->kwk_size = op->args_size;
    common->kwk_policy = KWK_POLICY_ERROR;
    memcpy(args.words + sizeof *common, buffers->data, op->arg_count * sizeof(void*));
    memcpy(
        args.words + sizeof *common + op->arg_count * sizeof(void*),
        dims,
        op->dim_count * sizeof(int64_t));
    return args;
}

static void report(
    const kwk_op* op,
    const char* who,
    const kwk_case* each,
    size_t index,
    int64_t element,
    const void* got,
    const kwk_wants* wants) {
    const kwk_arg* arg = &op->args[index];
    const size_t size = kwk_dtype_size(arg->dtype);
    const double value = kwk_load((const char*)got + (size_t)element * size, arg->dtype);
    const double want =
        arg->tolerance == KWK_BOUND
            ? ((const double*)wants[index].first)[element]
            : kwk_load((const char*)wants[index].first + (size_t)element * size, arg->dtype);
    printf(
        "WRONG %s %s: case %s, %s[%" PRId64 "] is %.9g, want %.9g\n",
        op->name,
        who,
        each->name,
        arg->name,
        element,
        value,
        want);
}

/* Poisons the outputs, runs `call`, compares. */
typedef kwk_status (*caller)(const kwk_op*, const kwk_code*, kwk_buffers*, const int64_t* dims);

static kwk_status call_code(
    const kwk_op* op, const kwk_code* code, kwk_buffers* buffers, const int64_t* dims) {
    void* packed = NULL;
    if (op->takes_packed && code->has_prepare() != 0) {
        void* slots[KWK_MAX_ARGS + 2] = {NULL};
        packed = aligned_alloc(64, (code->prepare_size(dims) + 64) / 64 * 64);
        if (packed == NULL) {
            return KWK_ERROR_MEMORY;
        }
        for (size_t i = 0; i < op->arg_count; ++i) {
            slots[i] = op->args[i].role == KWK_WEIGHT ? buffers->data[i] : NULL;
        }
        slots[op->arg_count] = packed;
        slots[op->arg_count + 1] = (void*)(uintptr_t)dims;
        code->prepare(slots);
    }
    kwk_run_code(op, code, buffers->data, packed, dims);
    free(packed);
    return KWK_OK;
}

static kwk_status call_public(
    const kwk_op* op, const kwk_code* code, kwk_buffers* buffers, const int64_t* dims) {
    (void)code;
    arguments args = public_args(op, buffers, dims);
    const size_t bytes = kwk_prepare_size(op->name, &args, kwk_cpu());
    void* packed = bytes > 0 ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    kwk_status status = bytes > 0 && packed == NULL ? KWK_ERROR_MEMORY : KWK_OK;
    if (packed != NULL) {
        status = kwk_prepare(op->name, &args, packed, bytes, kwk_cpu());
        ((kwk_common*)(void*)args.words)->packed = packed;
    }
    if (status == KWK_OK) {
        status = kwk_call(op->name, &args, kwk_cpu());
    }
    free(packed);
    return status;
}

static kwk_status call_reference(
    const kwk_op* op, const kwk_code* code, kwk_buffers* buffers, const int64_t* dims) {
    (void)code;
    return kwk_run_reference(op, buffers->data, dims);
}

static void try_call(
    const kwk_check* check,
    const kwk_case* each,
    const char* who,
    const kwk_code* code,
    caller call,
    kwk_buffers* buffers,
    void* const* before,
    const kwk_wants* wants,
    tally* sum) {
    const kwk_op* op = check->op;
    for (size_t i = 0; i < op->arg_count; ++i) {
        if (op->args[i].role == KWK_INOUT) {
            memcpy(buffers->data[i], before[i], buffers->bytes[i]);
        } else if (op->args[i].role == KWK_OUT) {
            memset(buffers->data[i], 0xff, buffers->bytes[i]);
        }
    }
    const kwk_status status = call(op, code, buffers, each->dims);
    ++sum->cases;
    if (status != KWK_OK) {
        printf("WRONG %s %s: case %s: %s\n", op->name, who, each->name, kwk_status_name(status));
        sum->failed = true;
        return;
    }
    for (size_t i = 0; i < op->arg_count; ++i) {
        if (wants[i].first == NULL) {
            continue;
        }
        const int64_t element = kwk_compare(
            &op->args[i], &check->bounds[i], each->dims, buffers->data[i], &wants[i], &sum->worst);
        if (element >= 0) {
            report(op, who, each, i, element, buffers->data[i], wants);
            sum->failed = true;
            return;
        }
    }
}

/* One case of everything that this machine can run. tallies: codes in the order of the table, then
 * the public call, then the reference's own rounding. */
static bool check_case(const kwk_check* check, const kwk_case* each, uint64_t seed, tally* tallies) {
    const kwk_op* op = check->op;
    kwk_buffers buffers;
    kwk_wants wants[KWK_MAX_ARGS];
    void* before[KWK_MAX_ARGS] = {NULL};
    bool good = kwk_allocate(op, each->dims, &buffers);
    for (size_t i = 0; good && i < op->arg_count; ++i) {
        kwk_fill_argument(
            &op->args[i], each->dims, &each->fills[i], seed * 64 + i, buffers.data[i]);
        if (op->args[i].role == KWK_INOUT) {
            before[i] = malloc(buffers.bytes[i] + 1);
            good = before[i] != NULL;
            if (good) {
                memcpy(before[i], buffers.data[i], buffers.bytes[i]);
            }
        }
    }
    memset(wants, 0, sizeof wants);
    good = good && kwk_reference_of(op, each->dims, &buffers, wants);
    const kwk_level level = kwk_this_machine()->level;
    tally* sum = tallies;
    for (size_t k = 0; good && k < op->kernel_count; ++k) {
        const kwk_kernel* kernel = &op->kernels[k];
        for (size_t c = 0; c < kernel->code_count; ++c, ++sum) {
            const kwk_code* code = &kernel->codes[c];
            char who[80];
            snprintf(who, sizeof who, "%s for %s", kernel->id, kwk_level_name(code->level));
            if (code->level <= level && !sum->failed && kernel->domain(each->dims)) {
                try_call(check, each, who, code, call_code, &buffers, before, wants, sum);
            }
        }
    }
    if (good) {
        const kwk_choice* choice = NULL;
        if (kwk_choose(op, buffers.data, each->dims, &choice) == KWK_OK && !sum->failed) {
            try_call(check, each, "called", NULL, call_public, &buffers, before, wants, sum);
        }
        ++sum;
        try_call(check, each, "reference", NULL, call_reference, &buffers, before, wants, sum);
    }
    for (size_t i = 0; i < op->arg_count; ++i) {
        free(before[i]);
        free(wants[i].first);
        free(wants[i].second);
    }
    kwk_release(op, &buffers);
    return good;
}

static void print_tally(const char* op, const char* who, const tally* sum) {
    if (sum->cases > 0) {
        printf(
            "%s %s %s: %zu cases, largest error %.2f of the allowed one\n",
            sum->failed ? "WRONG" : "ok   ",
            op,
            who,
            sum->cases,
            sum->worst);
    }
}

/* Whether everything was right. */
static bool check_operation(const kwk_check* check) {
    const kwk_op* op = check->op;
    size_t count = 2;
    for (size_t k = 0; k < op->kernel_count; ++k) {
        count += op->kernels[k].code_count;
    }
    tally* tallies = calloc(count, sizeof *tallies);
    for (size_t i = 0; i < check->case_count; ++i) {
        if (tallies == NULL || !check_case(check, &check->cases[i], i + 1, tallies)) {
            printf("WRONG %s: no memory for case %s\n", op->name, check->cases[i].name);
            free(tallies);
            return false;
        }
    }
    bool good = true;
    const tally* sum = tallies;
    for (size_t k = 0; k < op->kernel_count; ++k) {
        for (size_t c = 0; c < op->kernels[k].code_count; ++c, ++sum) {
            char who[80];
            snprintf(
                who,
                sizeof who,
                "%s for %s",
                op->kernels[k].id,
                kwk_level_name(op->kernels[k].codes[c].level));
            print_tally(op->name, who, sum);
            good = good && !sum->failed;
        }
    }
    print_tally(op->name, "called", sum);
    print_tally(op->name, "reference", sum + 1);
    good = good && !sum[0].failed && !sum[1].failed;
    free(tallies);
    return good;
}

static void time_operation(const kwk_check* check) {
    const kwk_op* op = check->op;
    const kwk_state* state = kwk_state_of(op);
    if (state->count == 0) {
        printf("      %s: no kernel for this machine, the reference runs\n", op->name);
        return;
    }
    printf("      %s: dispatch %.1f ns a call\n", op->name, kwk_overhead_ns(op));
    for (size_t i = 0; i < check->case_count; ++i) {
        const kwk_case* shape = &check->cases[i];
        const kwk_choice* choice = NULL;
        void* aligned[KWK_MAX_ARGS] = {NULL};
        if (!shape->timed || check->naive == NULL || kwk_this_machine()->level < KWK_LEVEL_V3 ||
            kwk_choose(op, aligned, shape->dims, &choice) != KWK_OK) {
            continue;
        }
        double us = 0;
        const double ratio = kwk_paired_ratio(check, choice->code, shape, 0.3, &us);
        printf(
            "      %s %s: %.2fx the naive kernel here, hot, %.1f us a call; the board: %s\n",
            op->name,
            shape->name,
            ratio,
            us,
            choice->kernel->evidence);
    }
}

static bool wanted(int argc, char** argv, const char* name) {
    bool named = false;
    for (int i = 1; i < argc; ++i) {
        if (argv[i][0] != '-') {
            named = true;
            if (strcmp(argv[i], name) == 0) {
                return true;
            }
        }
    }
    return !named;
}

int main(int argc, char** argv) {
    bool timing = true;
    for (int i = 1; i < argc; ++i) {
        if (strcmp(argv[i], "--no-timing") == 0) {
            timing = false;
        } else if (argv[i][0] == '-' || kwk_find(argv[i]) == NULL) {
            fprintf(stderr, "usage: kwk-selfcheck [--no-timing] [OPERATION...]\n");
            return 2;
        }
    }
    const kwk_machine* machine = kwk_this_machine();
    printf("%s on %s, %s\n", kwk_pack_id(), machine->processor, kwk_level_name(machine->level));
    if (machine->problem != NULL) {
        printf("WRONG %s\n", machine->problem);
        return 1;
    }
    bool good = true;
    for (size_t i = 0; kwk_checks[i] != NULL; ++i) {
        if (wanted(argc, argv, kwk_checks[i]->op->name)) {
            good = check_operation(kwk_checks[i]) && good;
            if (timing && good) {
                time_operation(kwk_checks[i]);
            }
        }
    }
    puts(good ? "all right" : "NOT RIGHT: do not use this pack on this machine");
    return good ? 0 : 1;
}
