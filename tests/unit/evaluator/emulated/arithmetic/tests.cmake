# SPDX-License-Identifier: Apache-2.0
kw_add_test(emu_arithmetic LABEL unit
    SOURCES
        emulated/arithmetic/rig.cpp
        emulated/arithmetic/integer_test.cpp
    LINK kw_emu)
