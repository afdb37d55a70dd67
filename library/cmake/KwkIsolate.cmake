# SPDX-License-Identifier: Apache-2.0
# One object a kernel and instruction set. Its symbols, inline functions and templates too, stay its
# own: otherwise two kernels could collide, and the linker could keep the one copy of an inline
# function that only some processors run.
set(KWK_ISOLATED)         # objects of the library
set(KWK_ISOLATED_CHECKS)  # objects of kwk-selfcheck alone
string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" kwk_processor)
if(kwk_processor MATCHES "^(x86_64|amd64)$")
    set(KWK_X86_64 ON)
    set(kwk_reference_flags -march=x86-64)  # on any processor of the kind
else()
    set(KWK_X86_64 OFF)
    set(kwk_reference_flags)
    message(STATUS "The kernels of this pack are for x86-64: on ${CMAKE_SYSTEM_PROCESSOR} the references run")
endif()
# Of binutils whatever the compiler is: LLVM's linker keeps groups in a partial link.
find_program(KWK_LD NAMES ld.bfd ld REQUIRED)
find_program(KWK_OBJCOPY NAMES objcopy REQUIRED)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    set(kwk_compiler_flags -fno-addrsig)
else()
    set(kwk_compiler_flags -fno-gnu-unique)  # objcopy leaves unique symbols global
endif()

# kwk_isolate(<list> <target> <prefix> <source> <folder> <flags> <own> <entries>...): compiles
# <source>, joins it with the objects <own>, calls kw_X of the entries <prefix>_X and keeps those alone.
function(kwk_isolate list target prefix source folder flags own)
    add_library(${target} OBJECT EXCLUDE_FROM_ALL ${source})
    target_include_directories(${target} PRIVATE ${folder})
    target_compile_options(${target} PRIVATE ${flags} ${kwk_compiler_flags} -w)
    # An included source is no header to every build tool.
    string(REGEX REPLACE "cpp$" "inc" included ${source})
    set_source_files_properties(${source} PROPERTIES
        OBJECT_DEPENDS "${included};${folder}/${KWK_TASK}.h;${folder}/${KWK_TASK}_reference.h")
    set_target_properties(${target} PROPERTIES CXX_STANDARD 20 CXX_EXTENSIONS OFF
        INTERPROCEDURAL_OPTIMIZATION OFF POSITION_INDEPENDENT_CODE ON)
    set(joined ${CMAKE_CURRENT_BINARY_DIR}/isolated/${target}.joined.o)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/isolated/${target}.o)
    set(renames)
    set(keeps)
    foreach(entry ${ARGN})
        list(APPEND renames --redefine-sym kw_${entry}=${prefix}_${entry})
        list(APPEND keeps --keep-global-symbol=${prefix}_${entry})
    endforeach()
    # Declared weak and perhaps not defined: never somebody else's function of that name.
    foreach(weak prepare prepare_size)
        list(APPEND renames --redefine-sym ${KWK_TASK}_${weak}=${prefix}_own_${weak})
    endforeach()
    add_custom_command(OUTPUT ${object}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/isolated
        COMMAND ${KWK_LD} -r --force-group-allocation -o ${joined} $<TARGET_OBJECTS:${target}> ${own}
        COMMAND ${KWK_OBJCOPY} ${renames} ${joined}
        COMMAND ${KWK_OBJCOPY} ${keeps} ${joined} ${object}
        DEPENDS ${target} kwk_shim $<TARGET_OBJECTS:${target}> ${own}
        COMMENT "Isolating ${prefix}"
        COMMAND_EXPAND_LISTS VERBATIM)
    set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    set(${list} ${${list}} ${object} PARENT_SCOPE)
endfunction()

add_library(kwk_shim OBJECT EXCLUDE_FROM_ALL src/kwk_cxx_shim.c)

# The table, the cases and the reference of an operation.
macro(kwk_operation task flags)
    target_sources(kwk_objects PRIVATE src/${task}/table.c)
    target_sources(kwk_check_objects PRIVATE src/${task}/selfcheck.c)
    set(KWK_TASK ${task})
    kwk_isolate(KWK_ISOLATED kwk_${task}_reference_code kwk_${task}_reference
        ${CMAKE_CURRENT_SOURCE_DIR}/src/${task}/reference.cpp ${CMAKE_CURRENT_SOURCE_DIR}/src/${task}
        "${kwk_reference_flags};${flags}" $<TARGET_OBJECTS:kwk_shim> entry)
endmacro()

macro(kwk_kernel task id level flags)
    if(KWK_X86_64)
        set(KWK_TASK ${task})
        kwk_isolate(KWK_ISOLATED kwk_${id}_${level}_code kwk_${id}_${level}
            ${CMAKE_CURRENT_SOURCE_DIR}/src/${task}/${id}.cpp ${CMAKE_CURRENT_SOURCE_DIR}/src/${task}
            "${flags}" $<TARGET_OBJECTS:kwk_shim> entry prepare_size prepare has_prepare)
    endif()
endmacro()

macro(kwk_cuda_kernel task id)
    target_sources(kwk_objects PRIVATE src/${task}/${id}_plan.c)
endmacro()

macro(kwk_naive task flags)
    if(KWK_X86_64)
        set(KWK_TASK ${task})
        kwk_isolate(KWK_ISOLATED_CHECKS kwk_${task}_naive_code kwk_${task}_naive
            ${CMAKE_CURRENT_SOURCE_DIR}/src/${task}/naive.cpp ${CMAKE_CURRENT_SOURCE_DIR}/src/${task}
            "${flags}" $<TARGET_OBJECTS:kwk_shim> entry)
    endif()
endmacro()
