/* SPDX-License-Identifier: Apache-2.0
 * Seeded inputs of the task's distributions. They resemble the judge's and are not its bytes: those
 * were secret, and cost tables. */
#include "kwk_selfcheck.h"

#include <math.h>
#include <string.h>

typedef struct source {
    uint64_t state;
} source;

/* splitmix64 */
static uint64_t next(source* s) {
    uint64_t z = (s->state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* (0, 1) */
static double unit(source* s) {
    return ((double)(next(s) >> 12) + 0.5) * 0x1p-52;
}

static double normal(source* s) {
    const double radius = sqrt(-2 * log(unit(s)));
    return radius * cos(6.283185307179586 * unit(s));
}

/* A normal over the root of a mean of squares: heavy tails for any nu of at least 2. */
static double student(source* s, double nu) {
    const int count = nu < 30 ? (int)nu : 30;
    double squares = 0;
    for (int i = 0; i < count; ++i) {
        const double x = normal(s);
        squares += x * x;
    }
    return normal(s) / sqrt(squares / count);
}

static bool is_float(kwk_dtype dtype) {
    return dtype <= KWK_F64;
}

static double largest(kwk_dtype dtype) {
    switch (dtype) {
        case KWK_F16: return 65504;
        case KWK_BF16: return 3.3895313892515355e38;
        case KWK_F32: return 3.4028234663852886e38;
        case KWK_F64: return 1.7976931348623157e308;
        case KWK_I8: return 127;
        case KWK_U8: return 255;
        case KWK_I16: return 32767;
        case KWK_U16: return 65535;
        case KWK_I32: return 2147483647;
        default: return 4294967295;
    }
}

static double least(kwk_dtype dtype) {
    switch (dtype) {
        case KWK_F16: return 0x1p-24;
        case KWK_BF16: return 0x1p-133;
        case KWK_F32: return 0x1p-149;
        default: return 0x1p-1074;
    }
}

/* Zeros of both signs, subnormals, the largest values, and what lies between. */
static double special(source* s, kwk_dtype dtype, double nonfinite) {
    const uint64_t bits = next(s);
    const double sign = (bits & 1) != 0 ? -1 : 1;
    const unsigned kind = (unsigned)(bits >> 1) & 7U;
    if (!is_float(dtype)) {
        const double most = largest(dtype);
        return kind < 2 ? kind : kind == 2 ? most : kind == 3 ? most - 1 : unit(s) * most;
    }
    if (nonfinite != 0 && (bits >> 4) % 128 == 0) {
        return kind < 4 ? (double)NAN : sign * (double)INFINITY;
    }
    switch (kind) {
        case 0: return sign * 0.0;
        case 1: return sign * least(dtype) * floor(1 + unit(s) * 127);
        case 2: return sign * largest(dtype) * (1 - unit(s) * 0.75);
        default: return sign * (0.25 + 3 * unit(s));
    }
}

/* Where an element stands, and what is drawn for its group or the whole argument. */
typedef struct place {
    size_t index;
    size_t columns;
    size_t chosen;  /* one_hot, outlier */
    double of_group;
} place;

static double value_at(source* s, const kwk_fill* fill, kwk_dtype dtype, place* at) {
    const double* p = fill->p;
    const size_t column = at->index % at->columns;
    switch (fill->dist) {
        case KWK_DIST_ZERO: return 0;
        case KWK_DIST_CONSTANT: return p[0];
        case KWK_DIST_ONE_HOT: return at->index == at->chosen;
        case KWK_DIST_RAMP:
            return is_float(dtype) ? ((double)(at->index % 509) - 254) / 64
                                   : fmod((double)at->index, largest(dtype) + 1);
        case KWK_DIST_UNIFORM:
            return is_float(dtype) ? p[0] + unit(s) * (p[1] - p[0])
                                   : floor(p[0] + unit(s) * (p[1] - p[0] + 1));
        case KWK_DIST_NORMAL: return p[0] + p[1] * normal(s);
        case KWK_DIST_STUDENT_T: return p[1] * student(s, p[0]);
        case KWK_DIST_LOG_UNIFORM: return exp(log(p[0]) + unit(s) * (log(p[1]) - log(p[0])));
        case KWK_DIST_OUTLIER:
            return normal(s) * p[0] * (column % (size_t)p[1] == at->chosen ? p[2] : 1);
        case KWK_DIST_TIES: return p[0] / 2 * (2 * floor(unit(s) * 256) - 255);
        case KWK_DIST_SPECIAL: return special(s, dtype, p[0]);
        case KWK_DIST_ZERO_GROUPS:
            if (column % (size_t)p[0] == 0) {
                at->of_group = unit(s) < p[1] ? 0 : 1;
            }
            return at->of_group * p[2] * normal(s);
        case KWK_DIST_CONSTANT_GROUPS:
            if (column % (size_t)p[0] == 0) {
                at->of_group = p[1] * normal(s);
            }
            return at->of_group;
        default: return 0;
    }
}

/* Values too large for the dtype become its largest finite one, as the judge's do. */
static void put(double value, kwk_dtype dtype, char* at) {
    const double most = largest(dtype);
    const bool large = is_float(dtype) && isfinite(value) && fabs(value) > most;
    kwk_store(large ? copysign(most, value) : value, dtype, at);
}

static void bytes(source* s, char* out, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        out[i] = (char)(next(s) >> 56);
    }
}

static void elements(
    source* s, const kwk_fill* fill, kwk_dtype dtype, size_t count, size_t columns, char* out) {
    const size_t size = kwk_dtype_size(dtype);
    if (fill->dist == KWK_DIST_BYTES) {
        bytes(s, out, count * size);
        return;
    }
    place at = {0, columns > 0 ? columns : 1, 0, 0};
    if (fill->dist == KWK_DIST_ONE_HOT && count > 0) {
        at.chosen = next(s) % count;
    } else if (fill->dist == KWK_DIST_OUTLIER) {
        const size_t every = (size_t)fill->p[1];
        at.chosen = next(s) % (every < at.columns ? every : at.columns);
    }
    for (at.index = 0; at.index < count; ++at.index) {
        put(value_at(s, fill, dtype, &at), dtype, out + at.index * size);
    }
}

static void records(source* s, const kwk_fill* fill, size_t size, char* out) {
    size_t record = 0;
    for (size_t f = 0; f < fill->field_count; ++f) {
        record += (size_t)fill->fields[f].count * kwk_dtype_size(fill->fields[f].dtype);
    }
    for (size_t at = 0; record > 0 && at + record <= size; at += record) {
        char* to = out + at;
        for (size_t f = 0; f < fill->field_count; ++f) {
            const kwk_field* field = &fill->fields[f];
            const size_t count = (size_t)field->count;
            elements(s, &field->fill, field->dtype, count, count, to);
            to += count * kwk_dtype_size(field->dtype);
        }
    }
}

void kwk_fill_argument(
    const kwk_arg* arg, const int64_t* dims, const kwk_fill* fill, uint64_t seed, void* out) {
    source s = {seed};
    const size_t count = kwk_elements(arg, dims);
    int64_t shape[KWK_MAX_RANK] = {1};
    arg->shape(dims, shape);
    if (fill->dist == KWK_DIST_RECORDS) {
        records(&s, fill, count * kwk_dtype_size(arg->dtype), out);
        return;
    }
    const size_t columns = arg->rank > 0 ? (size_t)shape[arg->rank - 1] : 1;
    elements(&s, fill, arg->dtype, count, columns, out);
}
