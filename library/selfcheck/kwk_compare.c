/* SPDX-License-Identifier: Apache-2.0
 * An output against the reference under its tolerance: the rules that the judge uses. */
#include "kwk_selfcheck.h"

#include <math.h>
#include <string.h>

static bool same_infinity(double value, double want, kwk_dtype dtype) {
    char element[8];
    kwk_store(want, dtype, element);
    return kwk_load(element, dtype) == value;
}

static bool within(
    double value, double want, double magnitude, const kwk_bound* bound, double root, kwk_dtype dtype,
    double* worst) {
    if (isnan(want) || isnan(value)) {
        return isnan(want) && isnan(value);
    }
    if (isinf(value) || isinf(want)) {
        return same_infinity(value, want, dtype);
    }
    const double allowed = bound->u_out * fabs(want) +
                           (bound->c * bound->u_acc * root + bound->u_op) * magnitude + bound->tiny;
    const double error = fabs(value - want);
    if (error > 0) {
        const double share = allowed > 0 ? error / allowed : 1e9;
        *worst = share > *worst ? share : *worst;
    }
    return error <= allowed;
}

static bool allowed_code(unsigned got, unsigned want, unsigned other, int code_bits) {
    if (code_bits != 4) {
        return got == want || got == other;
    }
    const bool low = (got & 15U) == (want & 15U) || (got & 15U) == (other & 15U);
    const bool high = got >> 4 == want >> 4 || got >> 4 == other >> 4;
    return low && high;
}

int64_t kwk_compare(
    const kwk_arg* arg,
    const kwk_bound* bound,
    const int64_t* dims,
    const void* got,
    const kwk_wants* wants,
    double* worst) {
    const size_t count = kwk_elements(arg, dims);
    const size_t size = kwk_dtype_size(arg->dtype);
    const double root = bound->k != NULL ? sqrt((double)bound->k(dims)) : 0;
    for (size_t i = 0; i < count; ++i) {
        const char* element = (const char*)got + i * size;
        bool good = false;
        if (arg->tolerance == KWK_BOUND) {
            const double want = ((const double*)wants->first)[i];
            const double magnitude = ((const double*)wants->second)[i];
            good = within(
                kwk_load(element, arg->dtype), want, magnitude, bound, root, arg->dtype, worst);
        } else {
            const char* want = (const char*)wants->first + i * size;
            good = memcmp(element, want, size) == 0;
            if (!good && arg->tolerance == KWK_CODES) {
                const char* other = (const char*)wants->second + i * size;
                good = size == 1 ? allowed_code(
                                       (uint8_t)*element,
                                       (uint8_t)*want,
                                       (uint8_t)*other,
                                       bound->code_bits)
                                 : memcmp(element, other, size) == 0;
            }
        }
        if (!good) {
            return (int64_t)i;
        }
    }
    return -1;
}
