# SPDX-License-Identifier: Apache-2.0
kw_add_test(emu_device LABEL unit
    SOURCES
        emulated/device/emu_run_test.cpp
        emulated/device/model_test.cpp
        ${PROJECT_SOURCE_DIR}/evaluator/harness/emu_job.cpp
    LINK kw_evaluator kw_emu)
