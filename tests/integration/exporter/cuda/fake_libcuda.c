/* SPDX-License-Identifier: Apache-2.0
 * The entry points of the CUDA driver that a pack uses, recording what they are asked: a GPU for
 * machines without one. Layouts as in cuda.h of CUDA 12. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int32_t id;
    char pad[4];
    union {
        char pad[64];
        uint32_t words[16];
    } value;
} attribute;

typedef struct {
    uint32_t grid[3], block[3], smem;
    void* stream;
    attribute* attributes;
    uint32_t count;
} config;

int cuInit(unsigned flags) {
    printf("cuInit %u\n", flags);
    return 0;
}
/* The device of the current context: the program under test sets it. */
static int current(void) {
    const char* device = getenv("FAKE_DEVICE");
    return device != NULL ? atoi(device) : 0;
}
int cuCtxGetDevice(int* device) {
    *device = current();
    return getenv("FAKE_NO_CONTEXT") != NULL ? 201 : 0;
}
int cuDeviceGetName(char* name, int length, int device) {
    (void)device;
    const char* own = getenv("FAKE_NAME");
    snprintf(name, (size_t)length, "%s", own != NULL ? own : "Fake GPU");
    return 0;
}
int cuDeviceGetAttribute(int* value, int what, int device) {
    /* FAKE_CC=86,90: the first device's, the second's. */
    const char* cc = getenv("FAKE_CC");
    for (int i = 0; cc != NULL && i < device && strchr(cc, ',') != NULL; ++i) {
        cc = strchr(cc, ',') + 1;
    }
    const int capability = cc != NULL ? atoi(cc) : 90;
    *value = what == 1    ? 1024
             : what == 16 ? 8
             : what == 75 ? capability / 10
             : what == 76 ? capability % 10
             : what == 97 ? 232448
                          : 1000 + what;
    return 0;
}
int cuLibraryLoadData(
    void** library, const void* code, const int* jit, void** jit_values, unsigned jits,
    const int* options, void** values, unsigned count) {
    (void)jit, (void)jit_values, (void)options, (void)values;
    printf("load %.5s %u %u\n", (const char*)code, jits, count);
    *library = (void*)(uintptr_t)(memcmp(code, "cubin", 5) == 0 ? 0xc : 0xb);
    static int loads;
    if (getenv("FAKE_FULL") != NULL && loads++ < 2) {
        return 2; /* out of memory, for a while */
    }
    const char* refuses = getenv("FAKE_NO_CUBIN"); /* the device that does, or any word for all */
    const int refused = refuses != NULL && (*refuses != 'd' || atoi(refuses + 1) == current());
    return refused && memcmp(code, "cubin", 5) == 0 ? 209 : 0;
}
int cuLibraryGetKernel(void** kernel, void* library, const char* name) {
    /* As long as the process: a library is never unloaded. The image stands before the name. */
    char* text = malloc(strlen(name) + 2);
    text[0] = (uintptr_t)library == 0xc ? 'c' : 'p';
    strcpy(text + 1, name);
    *kernel = text + 1;
    return 0;
}
static int static_smem(const char* kernel) {
    return strcmp(kernel, "second") == 0 ? 1024 : 0;
}
int cuKernelGetAttribute(int* value, int what, void* kernel, int device) {
    (void)device;
    *value = static_smem(kernel);
    return what == 1 ? 0 : 1;
}
/* As the driver: static and dynamic memory together are what a block may have. */
int cuKernelSetAttribute(int what, int value, void* kernel, int device) {
    printf("set %d=%d %s %d\n", what, value, (const char*)kernel, device);
    return value + static_smem(kernel) > 232448 ? 1 : 0;
}
int cuTensorMapEncodeTiled(
    void* map, int dtype, uint32_t rank, void* base, const uint64_t* dims, const uint64_t* strides,
    const uint32_t* box, const uint32_t* steps, int interleave, int swizzle, int l2, int oob) {
    printf("encode %d rank %u base %p dims %d %d strides %d box %d %d steps %d %d modes %d %d %d %d\n",
           dtype, rank, base, (int)dims[0], (int)dims[1], (int)strides[0], (int)box[0], (int)box[1],
           (int)steps[0], (int)steps[1], interleave, swizzle, l2, oob);
    memset(map, 0x5a, 128);
    return 0;
}

static void print_parameter(char kind, const void* at) {
    if (kind == 'p') {
        printf(" %p", *(void* const*)at);
    } else if (kind == 'i') {
        printf(" %d", *(const int32_t*)at);
    } else if (kind == 'l') {
        printf(" %lld", (long long)*(const int64_t*)at);
    } else if (kind == 'f') {
        printf(" %g", (double)*(const float*)at);
    } else {
        printf(" map%02x", *(const unsigned char*)at);
    }
}

int cuLaunchKernelEx(const config* c, void* kernel, void** parameters, void** extra) {
    (void)extra;
    const char* name = kernel;
    const char* kinds = strstr(name, "first") != NULL  ? "pppifl"
                        : strstr(name, "more") != NULL ? "p"
                                                       : "ppptl";
    printf("launch %s grid %u %u %u block %u %u %u smem %u stream %p", name, c->grid[0], c->grid[1],
           c->grid[2], c->block[0], c->block[1], c->block[2], c->smem, c->stream);
    for (uint32_t i = 0; i < c->count; ++i) {
        printf(" attribute %d %u", c->attributes[i].id, c->attributes[i].value.words[0]);
    }
    for (size_t i = 0; kinds[i] != 0; ++i) {
        print_parameter(kinds[i], parameters[i]);
    }
    if (getenv("FAKE_DEVICE") != NULL) {
        printf(" on %d as %s", current(), name[-1] == 'c' ? "cubin" : "ptx");
    }
    printf("\n");
    return getenv("FAKE_REFUSES") != NULL ? 1 : 0;
}
