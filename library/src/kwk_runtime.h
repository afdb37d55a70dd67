/* SPDX-License-Identifier: Apache-2.0
 * What the generated tables of a pack hold and how the run-time sees them. Not installed. */
#ifndef KWK_RUNTIME_H
#define KWK_RUNTIME_H

#include "kwk/kwk.h"

#include <stdatomic.h>
#include <stdbool.h>

#define KWK_HIDDEN __attribute__((visibility("hidden")))

enum {
    KWK_MAX_ARGS = 32,
    KWK_MAX_DIMS = 16,
    KWK_MAX_RANK = 8,
    KWK_MAX_KERNELS = 64,
    KWK_PACKED_HEADER = 64
};

typedef enum kwk_dtype {
    KWK_F16,
    KWK_BF16,
    KWK_F32,
    KWK_F64,
    KWK_I8,
    KWK_U8,
    KWK_I16,
    KWK_U16,
    KWK_I32,
    KWK_U32,
    KWK_I64,
    KWK_U64
} kwk_dtype;

typedef enum kwk_role { KWK_WEIGHT, KWK_IN, KWK_OUT, KWK_INOUT, KWK_SCRATCH } kwk_role;

/* How the reference writes an output: itself; value and magnitude in f64; wanted and allowed code. */
typedef enum kwk_tolerance { KWK_EXACT, KWK_BOUND, KWK_CODES } kwk_tolerance;

typedef struct kwk_arg {
    const char* name;
    kwk_dtype dtype;
    kwk_role role;
    kwk_tolerance tolerance;                 /* outputs */
    int rank;
    void (*shape)(const int64_t* dims, int64_t* shape); /* only for dims that the operation has */
} kwk_arg;

/* Instruction sets, each holding the ones before it. */
typedef enum kwk_level {
    KWK_LEVEL_NONE,
    KWK_LEVEL_V2,
    KWK_LEVEL_V3,
    KWK_LEVEL_V4,
    KWK_LEVEL_V4_VNNI,
    KWK_LEVEL_COUNT
} kwk_level;

/* A kernel's code for one instruction set: called as the judge called it, with the pointers of the
 * arguments, the packed weights and the dimensions in one array. */
typedef struct kwk_code {
    kwk_level level;
    bool checked;        /* by the judge at this level, when the pack was made */
    atomic_flag* serial; /* the code has writable memory of its own: one call at a time */
    void (*entry)(void* const* slots);
    size_t (*prepare_size)(const int64_t* dims);
    void (*prepare)(void* const* slots);
    int (*has_prepare)(void);
} kwk_code;

struct kwk_cuda_plan;

typedef struct kwk_kernel {
    const char* id;       /* "k7f3a91c2b4d5" */
    const char* device;   /* it was measured on: the processor's or the GPU's name */
    kwk_level level;      /* the processor ran it for it; none: unknown, or a GPU */
    const char* evidence; /* "2.31x [2.27, 2.36] over avx2, measured" */
    const char* domain_text;
    bool modelled;
    bool (*domain)(const int64_t* dims); /* shapes that its cases covered */
    const kwk_code* codes;               /* best instruction set first */
    size_t code_count;
    const struct kwk_cuda_plan* cuda; /* null: it runs on the processor */
} kwk_kernel;

/* What was found out about this machine; written once. */
typedef struct kwk_choice {
    const kwk_kernel* kernel;
    const kwk_code* code;
    bool exact; /* measured on a device of this name, for no more than this instruction set */
    bool prepares;
} kwk_choice;

typedef struct kwk_state {
    atomic_int ready;
    atomic_int told; /* the message was written */
    atomic_flag reference_busy;
    size_t count;
    kwk_choice choices[KWK_MAX_KERNELS]; /* processor only: best first */
} kwk_state;

typedef struct kwk_op {
    const char* name;
    size_t args_size; /* of the public struct */
    const kwk_arg* args;
    size_t arg_count;
    const char* const* dims;
    size_t dim_count;
    bool takes_packed;
    bool (*shape)(const int64_t* dims); /* dimensions that the operation has at all */
    const kwk_kernel* kernels;          /* best first */
    size_t kernel_count;
    void (*reference)(void* const* slots);
    kwk_state* state;
} kwk_op;

/* Generated: every operation, null behind the last. */
extern KWK_HIDDEN const kwk_op* const kwk_ops[];
extern KWK_HIDDEN const char kwk_pack_text[];

/* --- kwk_machine.c --- */
typedef struct kwk_machine {
    kwk_level level;       /* best of this processor, or what KWK_DEVICE says */
    const char* processor; /* its name, or what KWK_DEVICE says */
    const char* arch;      /* CUDA architecture that KWK_DEVICE says, or null */
    const char* gpu;       /* the same text, taken for a GPU's name */
    bool reference_only;
    kwk_policy policy;
    const char* problem; /* the environment names what this machine lacks, or null */
} kwk_machine;
KWK_HIDDEN const kwk_machine* kwk_this_machine(void);
KWK_HIDDEN const char* kwk_level_name(kwk_level level);

/* --- kwk_dispatch.c --- */
KWK_HIDDEN kwk_status kwk_run(const kwk_op* op, const void* args, kwk_stream stream);
KWK_HIDDEN kwk_status kwk_op_supported(const kwk_op* op, const void* args, kwk_stream stream);
KWK_HIDDEN size_t kwk_op_workspace(const kwk_op* op, const void* args, kwk_stream stream);
KWK_HIDDEN size_t kwk_op_prepare_size(const kwk_op* op, const void* args, kwk_stream stream);
KWK_HIDDEN kwk_status kwk_op_prepare(
    const kwk_op* op, const void* args, void* packed, size_t packed_bytes, kwk_stream stream);
KWK_HIDDEN const kwk_op* kwk_find(const char* operation);
KWK_HIDDEN const kwk_state* kwk_state_of(const kwk_op* op);
/* KWK_OK and the choice that would run, or why none does. */
KWK_HIDDEN kwk_status kwk_choose(
    const kwk_op* op, void* const* pointers, const int64_t* dims, const kwk_choice** choice);
KWK_HIDDEN void kwk_run_code(
    const kwk_op* op,
    const kwk_code* code,
    void* const* pointers,
    const void* packed,
    const int64_t* dims);

static inline void* const* kwk_pointers(const void* args) {
    return (void* const*)(const void*)((const char*)args + sizeof(kwk_common));
}
static inline const int64_t* kwk_dims(const kwk_op* op, const void* args) {
    return (const int64_t*)(const void*)(kwk_pointers(args) + op->arg_count);
}

/* --- kwk_fallback.c --- */
KWK_HIDDEN kwk_status kwk_run_reference(
    const kwk_op* op, void* const* pointers, const int64_t* dims);
KWK_HIDDEN size_t kwk_dtype_size(kwk_dtype dtype);
KWK_HIDDEN size_t kwk_elements(const kwk_arg* arg, const int64_t* dims);
/* Rounded to nearest, ties to even; overflow of a float gives infinity. */
KWK_HIDDEN void kwk_store(double value, kwk_dtype dtype, void* at);
KWK_HIDDEN double kwk_load(const void* at, kwk_dtype dtype);

/* --- kwk_cuda.c --- */
KWK_HIDDEN kwk_status kwk_cuda_run(
    const kwk_op* op, const kwk_common* common, void* const* pointers, const int64_t* dims, void* stream);
KWK_HIDDEN kwk_status kwk_cuda_choose(
    const kwk_op* op, void* const* pointers, const int64_t* dims, const kwk_kernel** kernel);
/* Whether it was measured on a device of the current one's name. */
KWK_HIDDEN bool kwk_cuda_measured_here(const kwk_kernel* kernel);
KWK_HIDDEN size_t kwk_cuda_workspace(const kwk_kernel* kernel, const int64_t* dims);
/* "sm_90a NVIDIA H200", or why there is none. */
KWK_HIDDEN const char* kwk_cuda_device_text(char* text, size_t size);

#endif /* KWK_RUNTIME_H */
