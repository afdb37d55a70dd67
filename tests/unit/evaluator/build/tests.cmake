# SPDX-License-Identifier: Apache-2.0
kw_add_test(evaluator_build LABEL unit SLOW
    SOURCES
        build/asm_facts_test.cpp
        build/cache_test.cpp
        build/golden_header_test.cpp
        build/numbers_f16c.cpp
        build/numbers_test.cpp
        build/scan_test.cpp
        build/support.cpp
        build/toolchain_test.cpp
    LINK kw_evaluator)
set_source_files_properties(build/numbers_f16c.cpp PROPERTIES COMPILE_OPTIONS -mf16c SKIP_PRECOMPILE_HEADERS ON)

# Runs real compilers in the real sandbox: too slow for the unit label.
kw_add_test(evaluator_build_sandboxed LABEL integration
    SOURCES
        build/attack_test.cpp
        build/build_test.cpp
        build/cached_build_test.cpp
        build/header_test.cpp
        build/support.cpp
    LINK kw_evaluator)
