# SPDX-License-Identifier: Apache-2.0
kw_add_test(emu_parse LABEL unit
    SOURCES
        emulated/parse/data_test.cpp
        emulated/parse/errors_test.cpp
        emulated/parse/fixtures.cpp
        emulated/parse/forms_test.cpp
        emulated/parse/golden_test.cpp
        emulated/parse/hostile_test.cpp
        emulated/parse/resolve_test.cpp
        emulated/parse/syntax_test.cpp
    LINK kw_emu)
