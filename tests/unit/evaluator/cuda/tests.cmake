# SPDX-License-Identifier: Apache-2.0
kw_add_test(evaluator_cuda LABEL unit
    SOURCES
        cuda/plan_evaluate_test.cpp
        cuda/plan_parse_test.cpp
        cuda/support.cpp
    LINK kw_evaluator)
