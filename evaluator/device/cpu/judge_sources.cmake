# SPDX-License-Identifier: Apache-2.0
list(APPEND KW_EVALUATOR_SOURCES
    harness_program.cpp
    head_to_head.cpp
    judge.cpp
    layers.cpp
    made_kernels.cpp
    task_check.cpp
    task_probes.cpp
    device/cpu/check_stage.cpp
    device/cpu/code_facts.cpp
    device/cpu/contestant.cpp
    device/cpu/cpu_device.cpp
    device/cpu/held_code.cpp
    device/cpu/input_source.cpp
    device/cpu/judgement.cpp
    device/cpu/lane.cpp
    device/cpu/layout.cpp
    device/cpu/oracle.cpp
    device/cpu/reference_calls.cpp
    device/cpu/run_queue.cpp
    device/cpu/runner.cpp
    device/cpu/runner_failure.cpp
    device/cpu/seat.cpp
    device/cpu/set_aside.cpp
    device/cpu/shared_memory.cpp
    device/cpu/summary.cpp
    device/cpu/time_stage.cpp)
# The hand-shake, and what is done to every byte around a timed call.
kw_hot_sources(
    device/cpu/contestant.cpp device/cpu/input_source.cpp device/cpu/runner.cpp device/cpu/seat.cpp)
