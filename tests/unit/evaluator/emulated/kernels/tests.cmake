# SPDX-License-Identifier: Apache-2.0
set(scenarios
    emulated/kernels/scenarios.cpp
    emulated/kernels/scenarios_cub.cpp
    emulated/kernels/scenarios_numbers.cpp
    emulated/kernels/scenarios_plain.cpp
    emulated/kernels/scenarios_tiles.cpp
    emulated/machine/device.cpp)
kw_add_test(emu_kernels LABEL unit SOURCES emulated/kernels/kernels_test.cpp ${scenarios} LINK kw_evaluator kw_emu)

# Compiles some twenty files with nvcc.
kw_add_test(emu_kernels_anew LABEL integration
    SOURCES
        emulated/kernels/anew_test.cpp
        ${scenarios}
        ${PROJECT_SOURCE_DIR}/tests/support/program.cpp
    LINK kw_evaluator kw_emu)
