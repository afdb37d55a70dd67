/* SPDX-License-Identifier: Apache-2.0
 * An exported CUDA kernel on whatever libcuda.so.1 the loader finds: y = w * x + 1. Exit 0: right. */
#include <kwk/scale_add.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long pointer;

static void* g_cuda;

static int (*entry(const char* name))() {
    int (*function)() = NULL;
    void* found = dlsym(g_cuda, name);
    memcpy(&function, &found, sizeof found);
    if (function == NULL) {
        fprintf(stderr, "no %s\n", name);
        exit(2);
    }
    return function;
}

static void* take(size_t bytes, const void* from) {
    pointer address = 0;
    int (*allocate)(pointer*, size_t) = (int (*)(pointer*, size_t))entry("cuMemAlloc_v2");
    int (*copy)(pointer, const void*, size_t) =
        (int (*)(pointer, const void*, size_t))entry("cuMemcpyHtoD_v2");
    if (allocate(&address, bytes) != 0 || (from != NULL && copy(address, from, bytes) != 0)) {
        exit(2);
    }
    return (void*)address;
}

int main(int argc, char** argv) {
    const int n = argc > 1 ? atoi(argv[1]) : 1023;
    float* w = malloc(sizeof(float) * (size_t)n);
    float* x = malloc(sizeof(float) * (size_t)n);
    float* y = calloc((size_t)n, sizeof(float));
    for (int i = 0; i < n; ++i) {
        w[i] = (float)(i % 13);
        x[i] = 0.5f * (float)(i % 7);
    }
    g_cuda = dlopen("libcuda.so.1", RTLD_NOW);
    if (g_cuda == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    void* context = NULL;
    void* stream = NULL;
    ((int (*)(unsigned))entry("cuInit"))(0);
    ((int (*)(void**, int))entry("cuDevicePrimaryCtxRetain"))(&context, 0);
    ((int (*)(void*))entry("cuCtxSetCurrent"))(context);
    ((int (*)(void**, unsigned))entry("cuStreamCreate"))(&stream, 1);
    const size_t bytes = sizeof(float) * (size_t)n;
    kwk_scale_add_args args = kwk_scale_add_init();
    args.w = take(bytes, w);
    args.x = take(bytes, x);
    args.y = take(bytes, y);
    args.N = n;
    char text[2000];
    kwk_explain("scale_add", &args, kwk_cuda(stream), text, sizeof text);
    fputs(text, stdout);
    const kwk_status status = kwk_scale_add(&args, kwk_cuda(stream));
    printf("call: %s\n", kwk_status_name(status));
    if (status != KWK_OK || ((int (*)(void*))entry("cuStreamSynchronize"))(stream) != 0) {
        return 1;
    }
    ((int (*)(void*, pointer, size_t))entry("cuMemcpyDtoH_v2"))(y, (pointer)args.y, bytes);
    for (int i = 0; i < n; ++i) {
        if (y[i] != w[i] * x[i] + 1.0f) {
            printf("y[%d] is %g\n", i, (double)y[i]);
            return 1;
        }
    }
    puts("right");
    return 0;
}
