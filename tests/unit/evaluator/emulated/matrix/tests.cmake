# SPDX-License-Identifier: Apache-2.0
kw_add_test(emu_matrix LABEL unit
    SOURCES
        emulated/machine/device.cpp
        emulated/matrix/kernels_test.cpp
        emulated/matrix/matrices.cpp
        emulated/matrix/mbarrier_test.cpp
        emulated/matrix/mma_test.cpp
        emulated/matrix/tensor_kernels_test.cpp
        emulated/matrix/tensor_test.cpp
        emulated/matrix/wgmma_test.cpp
        emulated/matrix/wmma_test.cpp
    LINK kw_emu)
