# SPDX-License-Identifier: Apache-2.0
list(APPEND KW_EVALUATOR_SOURCES
    compare.cpp
    compare_values.cpp
    device/cpu/calibration.cpp
    device/cpu/floor.cpp
    device/cpu/rotation.cpp
    fill.cpp
    fill_parameters.cpp
    fill_tables.cpp
    fill_values.cpp
    log_ratios.cpp
    median_interval.cpp
    paired_test.cpp
    scalar.cpp
    simulated_pairs.cpp
    statistics.cpp
    arg_part.cpp
    input_faults.cpp
    output_faults.cpp)
# Hot: every timed call's inputs and outputs pass here.
kw_hot_sources(compare.cpp compare_values.cpp log_ratios.cpp median_interval.cpp paired_test.cpp simulated_pairs.cpp statistics.cpp)
# Inputs must not depend on the machine: no multiply-add that only some processors fuse.
kw_hot_sources(fill.cpp fill_tables.cpp fill_values.cpp scalar.cpp OPTIONS -ffp-contract=off)
