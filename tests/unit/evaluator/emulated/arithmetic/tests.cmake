# SPDX-License-Identifier: Apache-2.0
kw_add_test(emu_arithmetic LABEL unit SLOW
    SOURCES
        emulated/arithmetic/bits_test.cpp
        emulated/arithmetic/carry_test.cpp
        emulated/arithmetic/compare_test.cpp
        emulated/arithmetic/convert_test.cpp
        emulated/arithmetic/float_test.cpp
        emulated/arithmetic/half_test.cpp
        emulated/arithmetic/integer_test.cpp
        emulated/arithmetic/move_test.cpp
        emulated/arithmetic/narrow.cpp
        emulated/arithmetic/rig.cpp
        emulated/arithmetic/special_test.cpp
        emulated/arithmetic/table_test.cpp
    LINK kw_emu)
