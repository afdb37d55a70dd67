# SPDX-License-Identifier: Apache-2.0
set(kw_emu_arithmetic
    ${CMAKE_CURRENT_LIST_DIR}/lane_loop.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_compare.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_convert.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_convert_fast.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_convert_packed.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_float.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_float_rounded.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_half.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_half_modern.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_integer.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_integer_bits.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_integer_carry.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_logic.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_move.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_select.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_special.cpp
    ${CMAKE_CURRENT_LIST_DIR}/rounding.cpp)
list(APPEND KW_EMU_SOURCES ${kw_emu_arithmetic})
# Loops over lanes. Nobody reads errno or the exception flags, so neither keeps a loop from being vectorised; a * b + c
# never becomes an fma by itself.
set_source_files_properties(${kw_emu_arithmetic} PROPERTIES
    COMPILE_OPTIONS "-O3;-fno-math-errno;-fno-trapping-math;-ffp-contract=off")
