/* SPDX-License-Identifier: Apache-2.0
 * The few functions of the CUDA driver that a pack uses, found at run time: a program links and
 * starts without it. Types as in cuda.h of CUDA 12; no header of the toolkit is needed. */
#ifndef KWK_DRIVER_H
#define KWK_DRIVER_H

#include "kwk_cuda.h"

typedef struct kwk_launch_attribute {
    int32_t id;
    char pad[4];
    union {
        char pad[64];
        struct {
            uint32_t x, y, z;
        } cluster;
        int32_t cooperative;
    } value;
} kwk_launch_attribute;

typedef struct kwk_launch_config {
    uint32_t grid_x, grid_y, grid_z;
    uint32_t block_x, block_y, block_z;
    uint32_t smem;
    void* stream;
    kwk_launch_attribute* attributes;
    uint32_t attribute_count;
} kwk_launch_config;

typedef struct kwk_driver {
    int (*init)(unsigned flags);
    int (*device_of_context)(int* device);
    int (*attribute)(int* value, int attribute, int device);
    int (*name)(char* name, int length, int device);
    int (*load)(
        void** library, const void* code, const int* jit, void** jit_values, unsigned jit_count,
        const int* options, void** values, unsigned count);
    int (*kernel)(void** kernel, void* library, const char* name);
    int (*get_kernel)(int* value, int attribute, void* kernel, int device);
    int (*set_kernel)(int attribute, int value, void* kernel, int device);
    int (*launch)(const kwk_launch_config* config, void* function, void** parameters, void** extra);
    int (*encode)(
        void* map, int dtype, uint32_t rank, void* base, const uint64_t* dims,
        const uint64_t* strides, const uint32_t* box, const uint32_t* steps, int interleave,
        int swizzle, int l2, int oob); /* null before CUDA 12 drivers for sm_90 */
    const char* problem; /* why there is none, or null */
} kwk_driver;

/* Loaded once. */
KWK_HIDDEN const kwk_driver* kwk_cuda_driver(void);

#endif /* KWK_DRIVER_H */
