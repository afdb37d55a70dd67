/* SPDX-License-Identifier: Apache-2.0
 * The task's own reference where no kernel may run: plain and right, never fast. It may keep
 * scratch memory of its own, so one call at a time; outputs that it writes wider are rounded here. */
#include "kwk_runtime.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

size_t kwk_dtype_size(kwk_dtype dtype) {
    static const uint8_t sizes[] = {2, 2, 4, 8, 1, 1, 2, 2, 4, 4, 8, 8};
    return sizes[dtype];
}

size_t kwk_elements(const kwk_arg* arg, const int64_t* dims) {
    int64_t shape[KWK_MAX_RANK];
    arg->shape(dims, shape);
    size_t elements = 1;
    for (int i = 0; i < arg->rank; ++i) {
        elements *= (size_t)shape[i];
    }
    return elements;
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* To odd: a second rounding, to fewer bits, then gives what one would. */
static uint32_t narrowed(double value) {
    uint32_t bits = bits_of((float)value);
    const double back = (double)float_of(bits);
    if (isnan(value) || back == value) {
        return bits;
    }
    if (fabs(back) > fabs(value)) {
        --bits; /* towards zero; infinity becomes the largest finite one */
    }
    return bits | 1U;
}

static uint16_t to_bf16(double value) {
    const uint32_t bits = narrowed(value);
    if (isnan(value)) {
        return (uint16_t)((bits >> 16) | 0x40U);
    }
    return (uint16_t)((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

static uint16_t to_f16(double value) {
    const uint32_t bits = narrowed(value);
    const uint32_t sign = (bits >> 16) & 0x8000U;
    const uint32_t magnitude = bits & 0x7fffffffU;
    if (magnitude > 0x7f800000U) {
        return (uint16_t)(sign | 0x7e00U);
    }
    if (magnitude >= 0x477ff000U) { /* 65520 and above */
        return (uint16_t)(sign | 0x7c00U);
    }
    if (magnitude < 0x33000001U) { /* 2^-25 and below */
        return (uint16_t)sign;
    }
    uint32_t kept, rest, half;
    if (magnitude < 0x38800000U) {
        const uint32_t shift = 126U - (magnitude >> 23);
        const uint32_t significand = (magnitude & 0x7fffffU) | 0x800000U;
        kept = significand >> shift;
        half = 1U << (shift - 1U);
        rest = significand & ((1U << shift) - 1U);
    } else {
        kept = (magnitude - 0x38000000U) >> 13;
        half = 0x1000U;
        rest = magnitude & 0x1fffU;
    }
    return (uint16_t)(sign | (kept + (rest > half || (rest == half && (kept & 1U) != 0))));
}

static double from_f16(uint16_t half) {
    const int exponent = (half >> 10) & 31;
    const int fraction = half & 1023;
    double value;
    if (exponent == 31) {
        value = fraction != 0 ? (double)NAN : (double)INFINITY;
    } else {
        value = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    }
    return (half & 0x8000U) != 0 ? -value : value;
}

double kwk_load(const void* at, kwk_dtype dtype) {
#define KWK_LOAD(type)            \
    {                             \
        type value;               \
        memcpy(&value, at, sizeof value); \
        return (double)value;     \
    }
    switch (dtype) {
        case KWK_F16: {
            uint16_t half;
            memcpy(&half, at, sizeof half);
            return from_f16(half);
        }
        case KWK_BF16: {
            uint16_t half;
            memcpy(&half, at, sizeof half);
            return (double)float_of((uint32_t)half << 16);
        }
        case KWK_F32: KWK_LOAD(float)
        case KWK_F64: KWK_LOAD(double)
        case KWK_I8: KWK_LOAD(int8_t)
        case KWK_U8: KWK_LOAD(uint8_t)
        case KWK_I16: KWK_LOAD(int16_t)
        case KWK_U16: KWK_LOAD(uint16_t)
        case KWK_I32: KWK_LOAD(int32_t)
        case KWK_U32: KWK_LOAD(uint32_t)
        case KWK_I64: KWK_LOAD(int64_t)
        case KWK_U64: KWK_LOAD(uint64_t)
    }
#undef KWK_LOAD
    return 0;
}

static double limited(double value, double least, double most) {
    if (isnan(value)) {
        return 0;
    }
    value = nearbyint(value);
    return value < least ? least : value > most ? most : value;
}

void kwk_store(double value, kwk_dtype dtype, void* at) {
#define KWK_STORE(type, least, most)                              \
    {                                                             \
        const type element = (type)limited(value, least, most);   \
        memcpy(at, &element, sizeof element);                     \
        return;                                                   \
    }
    switch (dtype) {
        case KWK_F16:
        case KWK_BF16: {
            const uint16_t half = dtype == KWK_F16 ? to_f16(value) : to_bf16(value);
            memcpy(at, &half, sizeof half);
            return;
        }
        case KWK_F32: {
            const float element = (float)value;
            memcpy(at, &element, sizeof element);
            return;
        }
        case KWK_F64: memcpy(at, &value, sizeof value); return;
        case KWK_I8: KWK_STORE(int8_t, -128, 127)
        case KWK_U8: KWK_STORE(uint8_t, 0, 255)
        case KWK_I16: KWK_STORE(int16_t, -32768, 32767)
        case KWK_U16: KWK_STORE(uint16_t, 0, 65535)
        case KWK_I32: KWK_STORE(int32_t, -2147483648.0, 2147483647.0)
        case KWK_U32: KWK_STORE(uint32_t, 0, 4294967295.0)
        case KWK_I64: KWK_STORE(int64_t, -9223372036854775808.0, 9223372036854774784.0)
        case KWK_U64: KWK_STORE(uint64_t, 0, 18446744073709549568.0)
    }
#undef KWK_STORE
}

/* Bytes beside the outputs: f64 pairs, allowed codes, the old content of what is updated. */
static size_t scratch_bytes(const kwk_arg* arg, size_t elements) {
    const size_t own = elements * kwk_dtype_size(arg->dtype);
    const size_t before = arg->role == KWK_INOUT ? own : 0;
    const size_t wide = arg->tolerance == KWK_BOUND   ? 2 * elements * sizeof(double)
                        : arg->tolerance == KWK_CODES ? own
                                                      : 0;
    return (before + 63) / 64 * 64 + (wide + 63) / 64 * 64;
}

static bool is_output(const kwk_arg* arg) {
    return arg->role == KWK_OUT || arg->role == KWK_INOUT;
}

/* Inputs as they are, then each output's buffers, then the dimensions: the order of the task's
 * reference. */
static void lay_out(
    const kwk_op* op,
    void* const* pointers,
    const int64_t* dims,
    char* scratch,
    void** slots,
    double** wide) {
    size_t slot = 0;
    for (size_t i = 0; i < op->arg_count; ++i) {
        const kwk_arg* arg = &op->args[i];
        if (arg->role == KWK_INOUT) {
            const size_t bytes = kwk_elements(arg, dims) * kwk_dtype_size(arg->dtype);
            memcpy(scratch, pointers[i], bytes);
            slots[slot++] = scratch;
            scratch += (bytes + 63) / 64 * 64;
        } else if (arg->role == KWK_WEIGHT || arg->role == KWK_IN) {
            slots[slot++] = pointers[i];
        }
    }
    for (size_t i = 0; i < op->arg_count; ++i) {
        const kwk_arg* arg = &op->args[i];
        wide[i] = NULL;
        if (!is_output(arg)) {
            continue;
        }
        const size_t elements = kwk_elements(arg, dims);
        size_t bytes = 0;
        if (arg->tolerance == KWK_BOUND) {
            wide[i] = (double*)(void*)scratch;
            slots[slot++] = wide[i];
            slots[slot++] = wide[i] + elements;
            bytes = 2 * elements * sizeof(double);
        } else {
            slots[slot++] = pointers[i];
            if (arg->tolerance == KWK_CODES) {
                slots[slot++] = scratch;
                bytes = elements * kwk_dtype_size(arg->dtype);
            }
        }
        scratch += (bytes + 63) / 64 * 64;
    }
    slots[slot] = (void*)(uintptr_t)dims;
}

kwk_status kwk_run_reference(const kwk_op* op, void* const* pointers, const int64_t* dims) {
    size_t bytes = 64;
    for (size_t i = 0; i < op->arg_count; ++i) {
        const bool counts = is_output(&op->args[i]);
        bytes += counts ? scratch_bytes(&op->args[i], kwk_elements(&op->args[i], dims)) : 0;
    }
    char* scratch = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (scratch == NULL) {
        return KWK_ERROR_MEMORY;
    }
    void* slots[3 * KWK_MAX_ARGS + 1]; /* an inout is an input and two outputs */
    double* wide[KWK_MAX_ARGS];
    lay_out(op, pointers, dims, scratch, slots, wide);
    while (atomic_flag_test_and_set_explicit(&op->state->reference_busy, memory_order_acquire)) {
        sched_yield();
    }
    op->reference(slots);
    atomic_flag_clear_explicit(&op->state->reference_busy, memory_order_release);
    for (size_t i = 0; i < op->arg_count; ++i) {
        if (wide[i] == NULL) {
            continue;
        }
        const size_t size = kwk_dtype_size(op->args[i].dtype);
        const size_t elements = kwk_elements(&op->args[i], dims);
        for (size_t k = 0; k < elements; ++k) {
            kwk_store(wide[i][k], op->args[i].dtype, (char*)pointers[i] + k * size);
        }
    }
    free(scratch);
    return KWK_OK;
}
