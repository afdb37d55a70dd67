# SPDX-License-Identifier: Apache-2.0
kw_add_test(emu_parse LABEL unit
    SOURCES
        emulated/parse/resolve_test.cpp
    LINK kw_emu)
