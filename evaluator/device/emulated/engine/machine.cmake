# SPDX-License-Identifier: Apache-2.0
set(kw_emu_machine
    ${CMAKE_CURRENT_LIST_DIR}/access.cpp
    ${CMAKE_CURRENT_LIST_DIR}/access_notes.cpp
    ${CMAKE_CURRENT_LIST_DIR}/access_shape.cpp
    ${CMAKE_CURRENT_LIST_DIR}/barriers.cpp
    ${CMAKE_CURRENT_LIST_DIR}/block.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_address.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_async.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_atomic.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_barrier.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_control.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_ldmatrix.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_load_store.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_memory.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_warp.cpp
    ${CMAKE_CURRENT_LIST_DIR}/shadow_cluster.cpp
    ${CMAKE_CURRENT_LIST_DIR}/shadow_concurrent.cpp
    ${CMAKE_CURRENT_LIST_DIR}/shadow_global.cpp
    ${CMAKE_CURRENT_LIST_DIR}/shadow_shared.cpp
    ${CMAKE_CURRENT_LIST_DIR}/shadow_time.cpp
    ${CMAKE_CURRENT_LIST_DIR}/warp_control.cpp)
list(APPEND KW_EMU_SOURCES ${kw_emu_machine}
    ${CMAKE_CURRENT_LIST_DIR}/allot.cpp
    ${CMAKE_CURRENT_LIST_DIR}/block_order.cpp
    ${CMAKE_CURRENT_LIST_DIR}/decode.cpp
    ${CMAKE_CURRENT_LIST_DIR}/findings.cpp
    ${CMAKE_CURRENT_LIST_DIR}/inline.cpp
    ${CMAKE_CURRENT_LIST_DIR}/machine.cpp
    ${CMAKE_CURRENT_LIST_DIR}/masks.cpp
    ${CMAKE_CURRENT_LIST_DIR}/memory.cpp
    ${CMAKE_CURRENT_LIST_DIR}/operands.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_printf.cpp
    ${CMAKE_CURRENT_LIST_DIR}/program_facts.cpp
    ${CMAKE_CURRENT_LIST_DIR}/report.cpp
    ${CMAKE_CURRENT_LIST_DIR}/scheduler.cpp
    ${CMAKE_CURRENT_LIST_DIR}/specials.cpp)
# What runs an instruction at a time. Atomic float additions round once and never become an fma.
set_source_files_properties(${kw_emu_machine} PROPERTIES
    COMPILE_OPTIONS "-O3;-fno-math-errno;-fno-trapping-math;-ffp-contract=off")
