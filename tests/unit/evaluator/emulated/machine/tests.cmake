# SPDX-License-Identifier: Apache-2.0
kw_add_test(emu_machine LABEL unit
    SOURCES
        emulated/machine/device.cpp
        emulated/machine/load_store_test.cpp
        emulated/machine/run_test.cpp
    LINK kw_emu)
