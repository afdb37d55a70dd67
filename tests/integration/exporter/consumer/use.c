/* SPDX-License-Identifier: Apache-2.0
 * What a C program does with a pack, right and wrong. Prints "good" and the explanation. */
#include <kwk/kwk.h>
#include <kwk/scale_add.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_elements = 1000 };

static float* floats(size_t count) {
    return aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
}

static int expect(const char* what, kwk_status got, kwk_status want) {
    if (got != want) {
        fprintf(stderr, "%s: %s, want %s\n", what, kwk_status_name(got), kwk_status_name(want));
        return 1;
    }
    return 0;
}

static int right(const kwk_scale_add_args* args) {
    for (int64_t i = 0; i < args->N; ++i) {
        if (args->y[i] != args->w[i] * args->x[i] + 1.0f) {
            fprintf(stderr, "y[%d] is %g\n", (int)i, (double)args->y[i]);
            return 1;
        }
    }
    return 0;
}

int main(void) {
    float* w = floats(k_elements + 16);
    float* x = floats(k_elements + 16);
    float* y = floats(k_elements + 16);
    for (int i = 0; i < k_elements + 16; ++i) {
        w[i] = 0.5f * (float)(i % 7);
        x[i] = (float)i;
    }
    kwk_scale_add_args args = kwk_scale_add_init();
    args.w = w;
    args.x = x;
    args.y = y;
    args.N = k_elements;
    int bad = 0;
    args.kwk_policy = KWK_POLICY_FALLBACK;
    bad += expect("a call", kwk_scale_add(&args, kwk_cpu()), KWK_OK) + right(&args);
    bad += expect("by name", kwk_call("scale_add", &args, kwk_cpu()), KWK_OK);
    bad += expect("unknown", kwk_call("scale_ad", &args, kwk_cpu()), KWK_ERROR_ARGUMENT);
    bad += kwk_scale_add_prepare_size(&args, kwk_cpu()) != 0;
    bad += kwk_scale_add_workspace_size(&args, kwk_cpu()) != 0;

    kwk_scale_add_args off = args; /* not 64-byte aligned: the reference, or an error */
    off.y = y + 1;
    memset(y, 0, sizeof(float));
    bad += expect("unaligned", kwk_scale_add(&off, kwk_cpu()), KWK_OK) + right(&off);
    off.kwk_policy = KWK_POLICY_ERROR;
    const kwk_status unaligned = kwk_scale_add(&off, kwk_cpu());
    bad += unaligned != KWK_ERROR_ALIGNMENT && unaligned != KWK_ERROR_UNSUPPORTED;

    off = args; /* beyond the verified shapes, inside the operation's */
    off.N = 4194304;
    off.kwk_policy = KWK_POLICY_ERROR;
    bad += expect("far", kwk_scale_add(&off, kwk_cpu()), KWK_ERROR_UNSUPPORTED);
    bad += expect("far", kwk_scale_add_supported(&off, kwk_cpu()), KWK_ERROR_UNSUPPORTED);
    off.N = 0;
    bad += expect("no elements", kwk_scale_add(&off, kwk_cpu()), KWK_ERROR_SHAPE);
    off = args;
    off.kwk_size = 8;
    bad += expect("another struct", kwk_scale_add(&off, kwk_cpu()), KWK_ERROR_ARGUMENT);
    off = args;
    off.x = NULL;
    bad += expect("a null pointer", kwk_scale_add(&off, kwk_cpu()), KWK_ERROR_ARGUMENT);
    bad += expect("null", kwk_scale_add(NULL, kwk_cpu()), KWK_ERROR_ARGUMENT);

    int64_t shape[8];
    const int64_t dims[] = {k_elements};
    bad += kwk_argument_shape("scale_add", 2, dims, shape) != 1 || shape[0] != k_elements;
    char text[4096];
    const size_t length = kwk_explain("scale_add", &args, kwk_cpu(), text, sizeof text);
    bad += length == 0 || length >= sizeof text || kwk_explain("x", &args, kwk_cpu(), NULL, 0) != 0;
    fputs(text, stdout);
    puts(bad == 0 ? "good" : "bad");
    free(w);
    free(x);
    free(y);
    return bad != 0;
}
