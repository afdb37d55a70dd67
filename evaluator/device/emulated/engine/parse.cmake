# SPDX-License-Identifier: Apache-2.0
list(APPEND KW_EMU_SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/forms.cpp
    ${CMAKE_CURRENT_LIST_DIR}/lexer.cpp
    ${CMAKE_CURRENT_LIST_DIR}/opcode_rows.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parse.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parse_body.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parse_data.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parse_expression.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parse_function.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parse_instruction.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parse_labels.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parse_names.cpp
    ${CMAKE_CURRENT_LIST_DIR}/resolve.cpp)
# A candidate's text may be long; what reads it byte by byte is optimised.
set_source_files_properties(
    ${CMAKE_CURRENT_LIST_DIR}/lexer.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parse_body.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parse_expression.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parse_instruction.cpp
    ${CMAKE_CURRENT_LIST_DIR}/parse_names.cpp
    PROPERTIES COMPILE_OPTIONS -O3)
