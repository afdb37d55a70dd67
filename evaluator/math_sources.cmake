# SPDX-License-Identifier: Apache-2.0
list(APPEND KW_EVALUATOR_SOURCES
    statistics.cpp)
