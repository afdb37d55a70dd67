// SPDX-License-Identifier: Apache-2.0
// scale_add: y[i] = w[i] * x[i] + 1, in f64.
#include "scale_add_reference.h"

#include <cmath>

void scale_add_reference(const float* w, const float* x, double* y_ref, double* y_mag, int64_t N) {
    for (int64_t i = 0; i < N; ++i) {
        const double product = static_cast<double>(w[i]) * static_cast<double>(x[i]);
        y_ref[i] = product + 1;
        y_mag[i] = std::fabs(product) + 1;
    }
}
