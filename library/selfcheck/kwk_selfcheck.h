/* SPDX-License-Identifier: Apache-2.0
 * Cases, tolerances and steps of kwk-selfcheck. Not part of the library. */
#ifndef KWK_SELFCHECK_H
#define KWK_SELFCHECK_H

#include "kwk_runtime.h"

/* The distributions of kwright's tasks; parameters as docs/tasks.md lists them. */
typedef enum kwk_dist {
    KWK_DIST_ZERO,
    KWK_DIST_BYTES,
    KWK_DIST_ONE_HOT,
    KWK_DIST_RAMP,
    KWK_DIST_CONSTANT,
    KWK_DIST_UNIFORM,
    KWK_DIST_NORMAL,
    KWK_DIST_STUDENT_T,
    KWK_DIST_OUTLIER,
    KWK_DIST_LOG_UNIFORM,
    KWK_DIST_TIES,
    KWK_DIST_SPECIAL,
    KWK_DIST_ZERO_GROUPS,
    KWK_DIST_CONSTANT_GROUPS,
    KWK_DIST_RECORDS
} kwk_dist;

struct kwk_field;
typedef struct kwk_fill {
    kwk_dist dist;
    double p[3];
    const struct kwk_field* fields; /* of a packed record */
    size_t field_count;
} kwk_fill;

typedef struct kwk_field {
    kwk_dtype dtype;
    int64_t count;
    kwk_fill fill;
} kwk_field;

typedef struct kwk_case {
    const char* name;
    int64_t dims[KWK_MAX_DIMS + 1];
    const kwk_fill* fills; /* one an argument */
    bool timed;
} kwk_case;

/* |y - ref| <= u_out |ref| + (c u_acc sqrt(k) + u_op) mag + tiny */
typedef struct kwk_bound {
    double u_out, u_acc, u_op, c, tiny;
    int code_bits;
    int64_t (*k)(const int64_t* dims);
} kwk_bound;

typedef struct kwk_check {
    const kwk_op* op;
    const kwk_case* cases;
    size_t case_count;
    const kwk_bound* bounds;
    void (*naive)(void* const* slots); /* needs x86-64-v3; null: there is none */
} kwk_check;

extern KWK_HIDDEN const kwk_check* const kwk_checks[];

/* --- kwk_fill.c: the same seed gives the same bytes --- */
KWK_HIDDEN void kwk_fill_argument(
    const kwk_arg* arg, const int64_t* dims, const kwk_fill* fill, uint64_t seed, void* out);

/* --- kwk_compare.c --- */
typedef struct kwk_wants {
    void* first;  /* exact: the output; bound: f64 values; codes: wanted */
    void* second; /* bound: f64 magnitudes; codes: allowed */
} kwk_wants;
/* The first element that is wrong, -1 when none is; `worst` grows to the largest error as a share
 * of the allowed one. */
KWK_HIDDEN int64_t kwk_compare(
    const kwk_arg* arg,
    const kwk_bound* bound,
    const int64_t* dims,
    const void* got,
    const kwk_wants* wants,
    double* worst);

/* --- kwk_buffers.c: one set of arguments --- */
typedef struct kwk_buffers {
    void* data[KWK_MAX_ARGS];
    size_t bytes[KWK_MAX_ARGS];
    void* packed;
} kwk_buffers;
KWK_HIDDEN bool kwk_allocate(const kwk_op* op, const int64_t* dims, kwk_buffers* buffers);
KWK_HIDDEN void kwk_release(const kwk_op* op, kwk_buffers* buffers);
/* Runs the reference on the inputs; `wants` has an entry an argument. */
KWK_HIDDEN bool kwk_reference_of(
    const kwk_op* op, const int64_t* dims, const kwk_buffers* buffers, kwk_wants* wants);

/* --- kwk_timing.c --- */
/* Seconds on a clock that only goes forward. */
KWK_HIDDEN double kwk_now(void);
/* Median of paired, interleaved ratios naive / kernel, for about `seconds`. */
KWK_HIDDEN double kwk_paired_ratio(
    const kwk_check* check,
    const kwk_code* code,
    const kwk_case* shape,
    double seconds,
    double* kernel_us);
/* Nanoseconds that a call through the C ABI costs more than a call of the kernel: the least of
 * several medians. */
KWK_HIDDEN double kwk_overhead_ns(const kwk_op* op);

#endif /* KWK_SELFCHECK_H */
