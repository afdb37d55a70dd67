# SPDX-License-Identifier: Apache-2.0
kw_add_test(emu_machine LABEL unit
    SOURCES
        emulated/machine/atomic_test.cpp
        emulated/machine/budget_test.cpp
        emulated/machine/bugs_test.cpp
        emulated/machine/cluster_test.cpp
        emulated/machine/control_test.cpp
        emulated/machine/copy_test.cpp
        emulated/machine/counters_test.cpp
        emulated/machine/decode_test.cpp
        emulated/machine/device.cpp
        emulated/machine/hostile_test.cpp
        emulated/machine/kernels_test.cpp
        emulated/machine/load_store_test.cpp
        emulated/machine/pattern_test.cpp
        emulated/machine/run_test.cpp
        emulated/machine/scheduler_test.cpp
        emulated/machine/tile_race_test.cpp
        emulated/machine/warp_test.cpp
        emulated/machine/workers_test.cpp
    LINK kw_emu)
