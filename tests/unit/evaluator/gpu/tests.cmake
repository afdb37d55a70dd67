# SPDX-License-Identifier: Apache-2.0
kw_add_test(gpu_parts LABEL unit SLOW
    SOURCES
        gpu/arch_table_test.cpp
        gpu/clocks_test.cpp
        gpu/driver_numbers_test.cpp
        gpu/failure_test.cpp
        gpu/nodes_test.cpp
        gpu/records_test.cpp
        gpu/room_test.cpp
        gpu/tools_test.cpp
        ${PROJECT_SOURCE_DIR}/tests/support/program.cpp
    LINK kw_evaluator)
