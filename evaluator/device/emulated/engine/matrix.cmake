# SPDX-License-Identifier: Apache-2.0
set(kw_emu_matrix
    ${CMAKE_CURRENT_LIST_DIR}/ops_mma.cpp)
list(APPEND KW_EMU_SOURCES ${kw_emu_matrix})
# As arithmetic.cmake; an fma may take the place of a product and a sum because all products are exact.
set_source_files_properties(${kw_emu_matrix} PROPERTIES
    COMPILE_OPTIONS "-O3;-fno-math-errno;-fno-trapping-math;-ffp-contract=fast")
