// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/evaluator/build/numbers.hpp"

// The golden file is what task_header() writes (header_test.cpp).
#include "tests/golden/w4a16_gemv.h"

#ifndef __F16C__
#error "this file is the F16C half of the comparison"
#endif

namespace kw::test {

float f16c_to_f32(std::uint16_t half) {
    return kw_f16_to_f32(half);
}
std::uint16_t f32_to_f16c(float value) {
    return kw_f32_to_f16(value);
}

}  // namespace kw::test
