# SPDX-License-Identifier: Apache-2.0
kw_add_test(evaluator_math LABEL unit SLOW
    SOURCES
        math/calibration_test.cpp
        math/compare_test.cpp
        math/fill_test.cpp
        math/floor_test.cpp
        math/paired_test_test.cpp
        math/simulated_pairs_test.cpp
        math/statistics_test.cpp
    LINK kw_evaluator nlohmann_json::nlohmann_json)
