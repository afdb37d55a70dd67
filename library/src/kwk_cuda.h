/* SPDX-License-Identifier: Apache-2.0
 * What the generated launch plans of CUDA kernels hold, and what they call. Not installed. */
#ifndef KWK_CUDA_H
#define KWK_CUDA_H

#include "kwk_runtime.h"

enum { KWK_MAX_LAUNCHED = 16, KWK_MAX_DEVICES = 64, KWK_CUDA_ALIGNMENT = 256 };

/* Of the device that the stream belongs to, by the names that launch plans use. */
typedef struct kwk_cuda_facts {
    int64_t SM_COUNT, MAX_THREADS, MAX_SMEM, SM_SMEM, SM_THREADS, SM_REGS, L2_BYTES, CC;
} kwk_cuda_facts;

typedef struct kwk_dim3 {
    int64_t x, y, z;
} kwk_dim3;

typedef struct kwk_launch {
    kwk_dim3 grid, block, cluster; /* cluster 0 0 0: none */
    int64_t smem;                  /* dynamic, bytes */
    bool cooperative;
    void** parameters; /* one pointer to each value */
} kwk_launch;

/* One call in progress: the loaded kernels, the stream, and what came of it so far. */
typedef struct kwk_cuda_call {
    void* const* functions;
    void* stream;
    const kwk_cuda_facts* facts;
    kwk_status status;
} kwk_cuda_call;

/* Fields as cuTensorMapEncodeTiled takes them. */
typedef struct kwk_tensormap {
    int dtype, rank, interleave, swizzle, l2, nan;
    uint64_t dims[5], strides[5];
    uint32_t box[5], steps[5];
} kwk_tensormap;

typedef struct kwk_library {
    atomic_int ready; /* 0 = not loaded, 1 = somebody loads, 2 = loaded, 3 = the driver refused */
    atomic_ullong prepared; /* devices on which the kernels may use all shared memory */
    void* library;
    void* functions[KWK_MAX_LAUNCHED];
} kwk_library;

typedef struct kwk_cuda_plan {
    const char* arch; /* "sm_90a" */
    const unsigned char* cubin; /* null: the PTX alone */
    const unsigned char* ptx;   /* ends with a zero byte */
    const char* const* functions;
    size_t function_count;
    /* Bytes of all workspaces; writes the offsets of each. Negative: the plan has none here. */
    int64_t (*workspace)(const int64_t* dims, const kwk_cuda_facts* facts, int64_t* offsets);
    void (*launch)(
        kwk_cuda_call* call, void* const* pointers, const int64_t* dims, char* workspace);
    kwk_library* library;
} kwk_cuda_plan;

/* Launches function `index`; nothing when the call has failed already. */
KWK_HIDDEN void kwk_cuda_launch(kwk_cuda_call* call, size_t index, const kwk_launch* launch);
/* A value that its parameter cannot hold fails the call. */
KWK_HIDDEN int32_t kwk_cuda_i32(kwk_cuda_call* call, int64_t value);
/* Writes the 128 bytes of a tensor map over `base`. */
KWK_HIDDEN void kwk_cuda_encode(
    kwk_cuda_call* call, const kwk_tensormap* map, void* base, void* out);

#endif /* KWK_CUDA_H */
