/* SPDX-License-Identifier: Apache-2.0
 * What generated launch plans call. The limits are those that the judge holds a plan to: a shape
 * between those that it saw may ask for more. */
#include "kwk_driver.h"

#include <string.h>

/* CUlaunchAttributeID of cuda.h. */
enum { k_cooperative = 2, k_cluster = 4, k_most_cluster = 8 };

static const int64_t k_most_workspace = INT64_C(16) << 30;
static const int64_t k_most_stride = (INT64_C(1) << 40) - 1;
static const int64_t k_most_extent = INT64_C(1) << 32;

static bool in(int64_t value, int64_t least, int64_t most) {
    return value >= least && value <= most;
}

/* A shape that the plan has no launch for. */
static void refuse(kwk_cuda_call* call) {
    call->status = call->status == KWK_OK ? KWK_ERROR_UNSUPPORTED : call->status;
}

/* --- values ----------------------------------------------------------------------------------- */

int64_t kwk_cuda_integer(kwk_cuda_call* call, int64_t value, int bytes) {
    /* PTX does not tell signed from unsigned: both ranges are taken. */
    const int bits = 8 * bytes;
    if (bits < 64 && !in(value, -(INT64_C(1) << (bits - 1)), (INT64_C(1) << bits) - 1)) {
        refuse(call);
        return 0;
    }
    return value;
}

double kwk_cuda_real(kwk_cuda_call* call, int64_t value, int bytes) {
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    while (magnitude != 0 && magnitude % 2 == 0) {
        magnitude /= 2;
    }
    if (magnitude >> (bytes == 4 ? 24 : 53) != 0) {
        refuse(call); /* not exact */
    }
    return (double)value;
}

int64_t kwk_cuda_space(int64_t total, int64_t bytes, kwk_span* span) {
    if (total < 0 || !in(bytes, 0, k_most_workspace) || total > k_most_workspace - bytes) {
        return -1;
    }
    if (span != NULL) {
        span->offset = total;
        span->bytes = bytes;
    }
    return total + (bytes + KWK_CUDA_ALIGNMENT - 1) / KWK_CUDA_ALIGNMENT * KWK_CUDA_ALIGNMENT;
}

int64_t kwk_cuda_argument_bytes(kwk_cuda_call* call, size_t index) {
    const kwk_arg* arg = &call->op->args[index];
    int64_t shape[KWK_MAX_RANK];
    int64_t bytes = (int64_t)kwk_dtype_size(arg->dtype);
    arg->shape(call->dims, shape);
    for (int i = 0; i < arg->rank; ++i) {
        if (__builtin_mul_overflow(bytes, shape[i], &bytes)) {
            refuse(call);
            return 0;
        }
    }
    return bytes;
}

/* --- launches --------------------------------------------------------------------------------- */

static bool all_in(const kwk_dim3* d, int64_t x, int64_t y, int64_t z) {
    return in(d->x, 1, x) && in(d->y, 1, y) && in(d->z, 1, z);
}

static bool differs(const int64_t required[3], const kwk_dim3* d) {
    return required[0] != 0 && (d->x != required[0] || d->y != required[1] || d->z != required[2]);
}

static bool good_cluster(const kwk_cuda_call* call, const kwk_launch* l) {
    const kwk_dim3* c = &l->cluster;
    return call->facts->CC >= 90 && all_in(c, k_most_cluster, k_most_cluster, k_most_cluster) &&
           c->x * c->y * c->z <= k_most_cluster && l->grid.x % c->x == 0 &&
           l->grid.y % c->y == 0 && l->grid.z % c->z == 0;
}

static bool good(const kwk_cuda_call* call, const kwk_function* function, const kwk_launch* l) {
    if (call->bad || !all_in(&l->grid, INT32_MAX, 65535, 65535) ||
        !all_in(&l->block, 1024, 1024, 64)) {
        return false;
    }
    const int64_t threads = l->block.x * l->block.y * l->block.z;
    if (threads > call->facts->MAX_THREADS || differs(function->block, &l->block) ||
        (function->most_threads != 0 && threads > function->most_threads) ||
        !in(l->smem, 0, call->facts->MAX_SMEM - function->static_smem)) {
        return false;
    }
    return !l->clustered || (good_cluster(call, l) && !differs(function->cluster, &l->cluster));
}

void kwk_cuda_launch(kwk_cuda_call* call, size_t index, const kwk_launch* l) {
    ++call->launches;
    if (call->status != KWK_OK) {
        return;
    }
    if (!good(call, &call->plan->functions[index], l)) {
        refuse(call);
        return;
    }
    if (call->trial) {
        return;
    }
    kwk_launch_attribute attributes[2];
    memset(attributes, 0, sizeof attributes);
    uint32_t count = 0;
    if (l->clustered) {
        attributes[count].id = k_cluster;
        attributes[count].value.cluster.x = (uint32_t)l->cluster.x;
        attributes[count].value.cluster.y = (uint32_t)l->cluster.y;
        attributes[count++].value.cluster.z = (uint32_t)l->cluster.z;
    }
    if (l->cooperative) {
        attributes[count].id = k_cooperative;
        attributes[count++].value.cooperative = 1;
    }
    const kwk_launch_config config = {
        (uint32_t)l->grid.x, (uint32_t)l->grid.y, (uint32_t)l->grid.z, (uint32_t)l->block.x,
        (uint32_t)l->block.y, (uint32_t)l->block.z, (uint32_t)l->smem, call->stream, attributes,
        count};
    const kwk_driver* driver = kwk_cuda_driver();
    if (driver->launch(&config, call->functions[index], l->parameters, NULL) != 0) {
        call->status = KWK_ERROR_DEVICE;
    }
}

/* --- tensor maps ------------------------------------------------------------------------------ */

typedef struct encoded {
    uint64_t dims[KWK_MAX_MAP_RANK], strides[KWK_MAX_MAP_RANK];
    uint32_t box[KWK_MAX_MAP_RANK], steps[KWK_MAX_MAP_RANK];
} encoded;

/* The bounds of cuTensorMapEncodeTiled, and that the tensor lies inside its buffer. */
static bool encodes(const kwk_tensormap* map, encoded* out) {
    const int64_t multiple = map->interleave == 2 ? 32 : 16;
    int64_t stride = map->element;
    int64_t last = 0;
    for (int i = 0; i < map->rank; ++i) {
        int64_t step = 0;
        if (!in(map->dims[i], 1, k_most_extent) || !in(map->box[i], 1, 256) ||
            !in(map->steps[i], 1, 8) ||
            __builtin_mul_overflow(map->dims[i] - 1, stride, &step) ||
            __builtin_add_overflow(last, step, &last)) {
            return false;
        }
        out->dims[i] = (uint64_t)map->dims[i];
        out->box[i] = (uint32_t)map->box[i];
        out->steps[i] = (uint32_t)map->steps[i];
        if (i + 1 == map->rank) {
            break;
        }
        if (!map->packed) {
            stride = map->strides[i];
        } else if (__builtin_mul_overflow(stride, map->dims[i], &stride)) {
            return false;
        }
        if (!in(stride, 0, k_most_stride) || stride % multiple != 0) {
            return false;
        }
        out->strides[i] = (uint64_t)stride;
    }
    const int64_t inner = map->box[0] * map->element;
    const bool fits = map->interleave != 0 ||
                      (inner % 16 == 0 && (map->swizzle_bytes == 0 || inner <= map->swizzle_bytes));
    return fits && last <= map->base_bytes - map->element;
}

void kwk_cuda_encode(kwk_cuda_call* call, const kwk_tensormap* map, void* base, void* out) {
    encoded e;
    memset(&e, 0, sizeof e);
    if (call->bad || !encodes(map, &e)) {
        refuse(call);
    }
    if (call->status != KWK_OK || call->trial) {
        return;
    }
    const kwk_driver* driver = kwk_cuda_driver();
    if (driver->encode == NULL ||
        driver->encode(
            out, map->dtype, (uint32_t)map->rank, base, e.dims, e.strides, e.box, e.steps,
            map->interleave, map->swizzle, map->l2, map->nan) != 0) {
        call->status = KWK_ERROR_DEVICE;
    }
}
