# SPDX-License-Identifier: Apache-2.0
list(APPEND KW_EVALUATOR_SOURCES
    compare.cpp
    compare_values.cpp
    device/cpu/calibration.cpp
    device/cpu/floor.cpp
    fill.cpp
    fill_parameters.cpp
    fill_tables.cpp
    fill_values.cpp
    scalar.cpp
    statistics.cpp)
# Hot: every timed call's inputs and outputs pass here.
set_source_files_properties(compare.cpp compare_values.cpp statistics.cpp PROPERTIES COMPILE_OPTIONS "-O3")
# Inputs must not depend on the machine: no multiply-add that only some processors fuse.
set_source_files_properties(fill.cpp fill_tables.cpp fill_values.cpp scalar.cpp
    PROPERTIES COMPILE_OPTIONS "-O3;-ffp-contract=off")
