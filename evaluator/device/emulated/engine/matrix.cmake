# SPDX-License-Identifier: Apache-2.0
set(kw_emu_matrix
    ${CMAKE_CURRENT_LIST_DIR}/ops_mma.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_wgmma.cpp
    ${CMAKE_CURRENT_LIST_DIR}/wgmma_operand.cpp)
list(APPEND KW_EMU_SOURCES ${kw_emu_matrix}
    ${CMAKE_CURRENT_LIST_DIR}/ops_bulk.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_bulk_reduce.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_mbarrier.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_tensor.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ops_wmma.cpp
    ${CMAKE_CURRENT_LIST_DIR}/tensor_map.cpp)
# As arithmetic.cmake; an fma may take the place of a product and a sum because all products are exact.
set_source_files_properties(${kw_emu_matrix} PROPERTIES
    COMPILE_OPTIONS "-O3;-fno-math-errno;-fno-trapping-math;-ffp-contract=fast")
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/ops_wmma.cpp PROPERTIES COMPILE_OPTIONS "-O2")
