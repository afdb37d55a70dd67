/* SPDX-License-Identifier: Apache-2.0
 *
 * A pack of compute kernels behind a plain C ABI. What every operation shares; an operation's own
 * header (<kwk/OPERATION.h>) has its arguments and five functions:
 *
 *   kwk_OPERATION(args, stream)                 runs it
 *   kwk_OPERATION_supported(args, stream)       KWK_OK, or why no kernel takes these arguments
 *   kwk_OPERATION_workspace_size(args, stream)  bytes of scratch memory that the call needs
 *   kwk_OPERATION_prepare_size(args, stream)    bytes of packed weights, 0 = nothing to pack
 *   kwk_OPERATION_prepare(args, packed, packed_bytes, stream)
 *
 * Every function may be called from several threads at once. A kernel allocates nothing, keeps
 * nothing between calls and can be captured into a CUDA graph. Outside the shapes that a kernel was
 * verified on, or on a machine that none was made for, the reference runs (slow, one call at a
 * time, from the heap) after one message on stderr, or the call fails: see kwk_policy.
 *
 * Environment, read once: KWK_DEVICE names an instruction set (x86-64-v2, x86-64-v3, x86-64-v4,
 * x86-64-v4-vnni), an architecture (sm_90a), a processor as kwk_explain() names it, or "reference";
 * KWK_POLICY is "fallback" or "error"; KWK_QUIET=1 drops the message. */
#ifndef KWK_KWK_H
#define KWK_KWK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KWK_API __attribute__((visibility("default")))

typedef uint16_t kwk_f16;  /* bits of an IEEE 754 binary16 */
typedef uint16_t kwk_bf16; /* upper half of an IEEE 754 binary32 */

typedef enum kwk_status {
    KWK_OK = 0,
    KWK_ERROR_ARGUMENT = 1,    /* a null pointer, a kwk_size that is not that of the struct */
    KWK_ERROR_SHAPE = 2,       /* dimensions that the operation does not have */
    KWK_ERROR_UNSUPPORTED = 3, /* no kernel for this machine or shape, and the policy is error */
    KWK_ERROR_ALIGNMENT = 4,   /* the same for a pointer that is not 64-byte aligned (CUDA: 256) */
    KWK_ERROR_PACKED = 5,      /* packed weights that another kernel or shape was prepared for */
    KWK_ERROR_WORKSPACE = 6,   /* the workspace is missing or too small */
    KWK_ERROR_MEMORY = 7,      /* the reference found no memory */
    KWK_ERROR_DEVICE = 8,      /* the CUDA driver is missing or refused a call */
    KWK_ERROR_ENVIRONMENT = 9  /* KWK_DEVICE or KWK_POLICY names what is not there */
} kwk_status;

typedef enum kwk_policy {
    KWK_POLICY_DEFAULT = 0,  /* what KWK_POLICY says, else the fallback */
    KWK_POLICY_FALLBACK = 1, /* the reference runs where no kernel may */
    KWK_POLICY_ERROR = 2     /* the call fails instead, and writes nothing */
} kwk_policy;

/* Where a call runs: the pointers are the host's or the device's accordingly. */
typedef struct kwk_stream {
    void* handle;  /* CUDA: the CUstream (cudaStream_t), null = the default stream */
    uint32_t kind; /* 0 = this processor, in the calling thread; 1 = CUDA */
    uint32_t reserved;
} kwk_stream;

static inline kwk_stream kwk_cpu(void) {
    kwk_stream stream = {0, 0, 0};
    return stream;
}
/* The context that the stream belongs to must be current in the calling thread. */
static inline kwk_stream kwk_cuda(void* handle) {
    kwk_stream stream = {0, 0, 0};
    stream.handle = handle;
    stream.kind = 1;
    return stream;
}

/* The first fields of every OPERATION's arguments; its pointers and dimensions follow. */
typedef struct kwk_common {
    size_t kwk_size;    /* sizeof the whole struct */
    int32_t kwk_policy; /* a kwk_policy */
    int32_t kwk_reserved;
    void* kwk_workspace; /* 256-byte aligned; null where workspace_size() is 0 */
    size_t kwk_workspace_bytes;
    const void* packed; /* what prepare wrote, 64-byte aligned; null where prepare_size() is 0 */
} kwk_common;

/* "ok", "unsupported", ... */
KWK_API const char* kwk_status_name(kwk_status status);
/* Names this pack: the same text as in manifest.json. */
KWK_API const char* kwk_pack_id(void);
/* The operations of this pack, by name; null behind the last one. */
KWK_API const char* kwk_operation(size_t index);

/* The shape of argument `index` (in the order of the struct) for these dimensions, written to
 * `shape` (8 entries); returns its rank, 0 for what the operation does not have. */
KWK_API int kwk_argument_shape(
    const char* operation, size_t index, const int64_t* dims, int64_t* shape);

/* Which kernel would run and why, and why not the others: lines of text. `args` points to the
 * operation's arguments (dimensions; pointers where they are known). Returns the bytes of the whole
 * text without its end, as snprintf does; writes at most `size`. An unknown operation gives 0. */
KWK_API size_t kwk_explain(
    const char* operation, const void* args, kwk_stream stream, char* text, size_t size);

/* The same five calls by name, for bindings. An unknown operation is KWK_ERROR_ARGUMENT, or 0. */
KWK_API kwk_status kwk_call(const char* operation, const void* args, kwk_stream stream);
KWK_API kwk_status kwk_supported(const char* operation, const void* args, kwk_stream stream);
KWK_API size_t kwk_workspace_size(const char* operation, const void* args, kwk_stream stream);
KWK_API size_t kwk_prepare_size(const char* operation, const void* args, kwk_stream stream);
KWK_API kwk_status kwk_prepare(
    const char* operation, const void* args, void* packed, size_t packed_bytes, kwk_stream stream);

#ifdef __cplusplus
}
#endif
#endif /* KWK_KWK_H */
