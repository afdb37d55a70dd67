# SPDX-License-Identifier: Apache-2.0
list(APPEND KW_EVALUATOR_SOURCES
    device/cuda/launch_plan.cpp
    device/cuda/plan_constants.cpp
    device/cuda/plan_devices.cpp
    device/cuda/plan_evaluate.cpp
    device/cuda/plan_lexer.cpp
    device/cuda/plan_parameters.cpp
    device/cuda/plan_parse.cpp
    device/cuda/plan_tensormap.cpp)
