# SPDX-License-Identifier: Apache-2.0
list(APPEND KW_EVALUATOR_SOURCES
    open_device.cpp
    waiting_device.cpp
    device/emulated/call.cpp
    device/emulated/check.cpp
    device/emulated/emu_run.cpp
    device/emulated/emulated_device.cpp
    device/emulated/model.cpp
    device/emulated/modelled.cpp
    device/emulated/task_bench.cpp
    device/emulated/tensor_maps.cpp
    device/emulated/trial.cpp)
