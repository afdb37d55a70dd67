// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/build/support.hpp"

namespace {

using namespace kw;
using namespace kw::test;

TEST_CASE("header: the generated headers are the golden ones") {
    check_golden("w4a16_gemv.h", cpu::task_header(gemv_task()));
    check_golden("w4a16_gemv_reference.h", cpu::reference_header(gemv_task()));
    check_golden("product.h", cpu::task_header(product_task()));
    check_golden("product_reference.h", cpu::reference_header(product_task()));
}

}  // namespace
