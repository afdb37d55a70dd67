/* SPDX-License-Identifier: Apache-2.0
 * An argument that is read and written: by the kernel, and by the reference in its place. */
#include <kwk/rmsnorm_quant.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_rows = 3, k_columns = 64, k_elements = k_rows * k_columns };

/* Of whole numbers below 128: exact. */
static kwk_bf16 bf16(int value) {
    const float wide = (float)value;
    uint32_t bits;
    memcpy(&bits, &wide, sizeof bits);
    return (kwk_bf16)(bits >> 16);
}

static void* bytes(size_t count) {
    return aligned_alloc(64, (count + 127) / 64 * 64);
}

/* residual + x, the codes of its largest element, and the scale. */
static int wrong(const char* who, const kwk_rmsnorm_quant_args* args) {
    int bad = 0;
    for (int m = 0; m < k_rows; ++m) {
        double squares = 0;
        int most = 0;
        for (int h = 0; h < k_columns; ++h) {
            const int want = (h % 16) + m + (h % 5);
            squares += (double)want * want;
            most = want > most ? want : most;
            bad += args->residual[m * k_columns + h] != bf16(want);
        }
        const double scale = most / sqrt(squares / k_columns + 1e-6) / 127;
        bad += fabs((double)args->scale[m] - scale) > 1e-5 * scale;
        for (int h = 0; h < k_columns; ++h) {
            const int want = (h % 16) + m + (h % 5);
            bad += want == most && args->codes[m * k_columns + h] != 127;
        }
    }
    printf("%s: %s\n", who, bad == 0 ? "right" : "WRONG");
    return bad;
}

static void fill(kwk_rmsnorm_quant_args* args, kwk_bf16* x, kwk_bf16* gamma, kwk_bf16* residual) {
    for (int i = 0; i < k_elements; ++i) {
        x[i] = bf16(i % k_columns % 16);
        residual[i] = bf16(i / k_columns + i % k_columns % 5);
    }
    for (int h = 0; h < k_columns; ++h) {
        gamma[h] = bf16(1);
    }
    args->x = x;
    args->gamma = gamma;
    args->residual = residual;
    memset(args->codes, 1, k_elements);
    memset(args->scale, 0xff, k_rows * sizeof(float));
}

int main(void) {
    kwk_bf16* x = bytes(2 * k_elements);
    kwk_bf16* gamma = bytes(2 * k_columns);
    kwk_bf16* residual = bytes(2 * k_elements);
    kwk_rmsnorm_quant_args args = kwk_rmsnorm_quant_init();
    args.codes = bytes(k_elements);
    args.scale = bytes(k_rows * sizeof(float));
    args.M = k_rows;
    args.H = k_columns;
    fill(&args, x, gamma, residual);
    args.kwk_policy = KWK_POLICY_ERROR;
    int bad = kwk_rmsnorm_quant(&args, kwk_cpu()) != KWK_OK || wrong("kernel", &args);
    /* Not on 64 bytes: no kernel takes it. */
    args.kwk_policy = KWK_POLICY_FALLBACK;
    fill(&args, x, gamma, residual + 8);
    bad += kwk_rmsnorm_quant(&args, kwk_cpu()) != KWK_OK || wrong("reference", &args);
    return bad != 0;
}
