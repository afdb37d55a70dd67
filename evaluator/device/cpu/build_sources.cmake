# SPDX-License-Identifier: Apache-2.0
list(APPEND KW_EVALUATOR_SOURCES
    device/cpu/asm_facts.cpp
    device/cpu/build.cpp
    device/cpu/build_cache.cpp
    device/cpu/build_diagnostics.cpp
    device/cpu/build_files.cpp
    device/cpu/build_flags.cpp
    device/cpu/build_job.cpp
    device/cpu/build_pch.cpp
    device/cpu/cpp_lexer.cpp
    device/cpu/elf_facts.cpp
    device/cpu/header_gen.cpp
    device/cpu/header_numbers.cpp
    device/cpu/machine_isa.cpp
    device/cpu/scan.cpp
    device/cpu/scan_asm.cpp
    device/cpu/scan_source.cpp
    device/cpu/toolchain.cpp)
