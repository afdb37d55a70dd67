# SPDX-License-Identifier: Apache-2.0
kw_add_test(evaluator_math LABEL unit
    SOURCES
        math/compare_test.cpp
        math/fill_test.cpp
        math/statistics_test.cpp
    LINK kw_evaluator)
