# SPDX-License-Identifier: Apache-2.0
kw_add_test(evaluator_cuda LABEL unit
    SOURCES
        cuda/plan_evaluate_test.cpp
        cuda/plan_parse_test.cpp
        cuda/ptx_facts_test.cpp
        cuda/source_scan_test.cpp
        cuda/support.cpp
        cuda/toolkit_test.cpp
    LINK kw_evaluator)

# Runs real compilers in the real sandbox: too slow for the unit label. Skips, and says so, without a toolkit.
kw_add_test(evaluator_cuda_build LABEL integration
    SOURCES
        cuda/attack_test.cpp
        cuda/build_test.cpp
        cuda/support.cpp
        cuda/workshop.cpp
    LINK kw_evaluator)
add_dependencies(kw_test_evaluator_cuda_build kw-nvrtc)
