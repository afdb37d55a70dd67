# SPDX-License-Identifier: Apache-2.0
kw_add_test(emu_matrix LABEL unit
    SOURCES
        emulated/matrix/matrices.cpp
        emulated/matrix/mma_test.cpp
    LINK kw_emu)
