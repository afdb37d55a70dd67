# SPDX-License-Identifier: Apache-2.0
kw_add_test(evaluator_judge LABEL unit SLOW
    SOURCES
        judge/held_code_test.cpp
        judge/made_kernels_test.cpp
        judge/shared_memory_test.cpp
        judge/run_queue_test.cpp
        exploits/corpus_test.cpp
        exploits/expectation_test.cpp
        judge/set_aside_test.cpp
        judge/summary_test.cpp
        judge/task_probes_test.cpp
        ${PROJECT_SOURCE_DIR}/tests/support/program.cpp
    LINK kw_evaluator Threads::Threads)
