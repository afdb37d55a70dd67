# SPDX-License-Identifier: Apache-2.0
kw_add_test(evaluator_judge LABEL unit
    SOURCES judge/run_queue_test.cpp judge/summary_test.cpp
    LINK kw_evaluator Threads::Threads)
