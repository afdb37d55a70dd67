/* SPDX-License-Identifier: Apache-2.0
 * Calls a CUDA kernel of a pack. No pointer is a real one: the driver is a fake. */
#define _GNU_SOURCE
#include <kwk/scale_add.h>

#include <stdio.h>
#include <stdlib.h>

static void show(const char* what, kwk_status status) {
    printf("%s: %s\n", what, kwk_status_name(status));
}

int main(int argc, char** argv) {
    kwk_scale_add_args args = kwk_scale_add_init();
    args.w = (const float*)0x1000;
    args.x = (const float*)0x2000;
    args.y = (float*)0x3000;
    args.N = argc > 1 ? atoll(argv[1]) : 512;
    const kwk_stream stream = kwk_cuda((void*)0x77);
    setvbuf(stdout, NULL, _IOLBF, 0);
    show("supported", kwk_scale_add_supported(&args, stream));
    printf("workspace %zu\n", kwk_scale_add_workspace_size(&args, stream));
    show("without workspace", kwk_scale_add(&args, stream));
    args.kwk_workspace = (void*)0x10000;
    args.kwk_workspace_bytes = kwk_scale_add_workspace_size(&args, stream);
    show("call", kwk_scale_add(&args, stream));
    args.x = (const float*)0x2010;
    show("unaligned", kwk_scale_add(&args, stream));
    args.x = (const float*)0x2000;
    char text[2000];
    kwk_explain("scale_add", &args, stream, text, sizeof text);
    fputs(text, stdout);
    for (int i = 2; i < argc; ++i) { /* further devices, each its own context */
        setenv("FAKE_DEVICE", argv[i], 1);
        show("another call", kwk_scale_add(&args, stream));
    }
    return 0;
}
