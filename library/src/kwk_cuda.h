/* SPDX-License-Identifier: Apache-2.0
 * What the generated launch plans of CUDA kernels hold, and what they call. Not installed. */
#ifndef KWK_CUDA_H
#define KWK_CUDA_H

#include "kwk_runtime.h"

enum { KWK_MAX_DEVICES = 64, KWK_MAX_MAP_RANK = 5, KWK_CUDA_ALIGNMENT = 256 };

/* Of the device that the stream belongs to, by the names that launch plans use. */
typedef struct kwk_cuda_facts {
    int64_t SM_COUNT, MAX_THREADS, MAX_SMEM, SM_SMEM, SM_THREADS, SM_REGS, L2_BYTES, CC;
} kwk_cuda_facts;

typedef struct kwk_dim3 {
    int64_t x, y, z;
} kwk_dim3;

typedef struct kwk_launch {
    kwk_dim3 grid, block, cluster;
    int64_t smem; /* dynamic, bytes */
    bool clustered, cooperative;
    void** parameters; /* one pointer to each value */
} kwk_launch;

/* What the code says of one of its kernels; 0 = nothing. */
typedef struct kwk_function {
    const char* name;
    int64_t static_smem;            /* bytes */
    int64_t most_threads;           /* of a block: __launch_bounds__ */
    int64_t block[3], cluster[3];   /* required */
} kwk_function;

/* A workspace within the caller's one. */
typedef struct kwk_span {
    int64_t offset, bytes;
} kwk_span;

struct kwk_cuda_plan;

/* One call in progress, and what came of it so far. A plan runs twice: first as a trial, so that
 * one that fails on its way has launched nothing. */
typedef struct kwk_cuda_call {
    const kwk_op* op;
    const struct kwk_cuda_plan* plan;
    void* const* functions; /* loaded */
    void* stream;
    const int64_t* dims;
    const kwk_cuda_facts* facts;
    bool trial;
    bool bad;        /* an expression of the plan has no value for this shape */
    size_t launches; /* whose `when` holds */
    kwk_status status;
} kwk_cuda_call;

/* Modes as cuTensorMapEncodeTiled takes them. */
typedef struct kwk_tensormap {
    int dtype, rank, interleave, swizzle, l2, nan;
    bool packed;           /* strides follow from dims */
    int64_t element;       /* bytes */
    int64_t swizzle_bytes; /* widest innermost box, 0 = any */
    int64_t base_bytes;    /* of the buffer under it */
    int64_t dims[KWK_MAX_MAP_RANK], strides[KWK_MAX_MAP_RANK];
    int64_t box[KWK_MAX_MAP_RANK], steps[KWK_MAX_MAP_RANK];
} kwk_tensormap;

/* One image of a kernel's code, loaded for all devices that run it. */
typedef struct kwk_library {
    atomic_int ready;       /* 0 = not loaded, 1 = somebody loads, 2 = loaded */
    atomic_ullong prepared; /* devices on which the kernels may use all shared memory */
    atomic_ullong refused;  /* devices whose driver wants the other image */
    void* library;
    void** functions; /* in the order of the plan's */
} kwk_library;

enum { KWK_IMAGE_CUBIN, KWK_IMAGE_PTX, KWK_IMAGES };

typedef struct kwk_cuda_plan {
    const char* arch;           /* "sm_90a" */
    const unsigned char* cubin; /* null: the PTX alone */
    const unsigned char* ptx;   /* ends with a zero byte */
    const kwk_function* functions;
    size_t function_count;
    /* Bytes of all workspaces; writes where each lies unless `spans` is null. Negative: the plan
     * has none for this shape. */
    int64_t (*workspace)(const int64_t* dims, const kwk_cuda_facts* facts, kwk_span* spans);
    void (*launch)(kwk_cuda_call* call, void* const* pointers, char* workspace);
    kwk_library* libraries; /* one an image */
} kwk_cuda_plan;

/* What generated plans call. A value that a launch, a parameter or a tensor map cannot have (the
 * judge refuses the same ones) fails the call; then nothing more is launched. */
KWK_HIDDEN void kwk_cuda_launch(kwk_cuda_call* call, size_t index, const kwk_launch* launch);
KWK_HIDDEN int64_t kwk_cuda_integer(kwk_cuda_call* call, int64_t value, int bytes);
KWK_HIDDEN double kwk_cuda_real(kwk_cuda_call* call, int64_t value, int bytes);
KWK_HIDDEN int64_t kwk_cuda_argument_bytes(kwk_cuda_call* call, size_t index);
/* The next workspace begins behind `total` bytes; the new total, negative when it cannot be. */
KWK_HIDDEN int64_t kwk_cuda_space(int64_t total, int64_t bytes, kwk_span* span);
/* Writes the 128 bytes of a tensor map over `base`. */
KWK_HIDDEN void kwk_cuda_encode(
    kwk_cuda_call* call, const kwk_tensormap* map, void* base, void* out);

#endif /* KWK_CUDA_H */
