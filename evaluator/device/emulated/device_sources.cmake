# SPDX-License-Identifier: Apache-2.0
list(APPEND KW_EVALUATOR_SOURCES
    open_device.cpp
    device/emulated/emulated_device.cpp)
