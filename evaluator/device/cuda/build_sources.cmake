# SPDX-License-Identifier: Apache-2.0
list(APPEND KW_EVALUATOR_SOURCES
    device/cuda/build.cpp
    device/cuda/build_bundle.cpp
    device/cuda/build_job.cpp
    device/cuda/build_log.cpp
    device/cuda/build_nvcc.cpp
    device/cuda/build_nvrtc.cpp
    device/cuda/judge_ptx.cpp
    device/cuda/launch_plan.cpp
    device/cuda/library_build.cpp
    device/cuda/plan_constants.cpp
    device/cuda/plan_devices.cpp
    device/cuda/plan_evaluate.cpp
    device/cuda/plan_lexer.cpp
    device/cuda/plan_parameters.cpp
    device/cuda/plan_parse.cpp
    device/cuda/plan_tensormap.cpp
    device/cuda/ptx_classes.cpp
    device/cuda/ptx_facts.cpp
    device/cuda/ptx_text.cpp
    device/cuda/ptxas_facts.cpp
    device/cuda/shims.cpp
    device/cuda/shims_c.cpp
    device/cuda/shims_std.cpp
    device/cuda/source_scan.cpp
    device/cuda/toolkit.cpp)
