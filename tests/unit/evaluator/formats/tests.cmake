# SPDX-License-Identifier: Apache-2.0
file(GLOB kw_formats_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*_test.cpp)
kw_add_test(evaluator_formats LABEL unit SOURCES ${kw_formats_tests})
