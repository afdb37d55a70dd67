# SPDX-License-Identifier: Apache-2.0
list(APPEND KW_EMU_SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/opcode_rows.cpp
    ${CMAKE_CURRENT_LIST_DIR}/resolve.cpp)
