# SPDX-License-Identifier: Apache-2.0
# kw_settings: language and sanitizers. kw_warnings: linked PRIVATE by our own code only.
add_library(kw_settings INTERFACE)
target_compile_features(kw_settings INTERFACE cxx_std_20)
target_include_directories(kw_settings INTERFACE ${PROJECT_SOURCE_DIR})
# Most of the code waits for compilers and kernels: -O1 builds in two thirds of the time of -O3. What is hot (inputs,
# comparison, statistics, the hand-shake, the programs in the sandbox) asks for more where its sources are listed.
set(CMAKE_CXX_FLAGS_RELEASE "-O1 -DNDEBUG")
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(KWRIGHT_SANITIZE)
    target_compile_options(kw_settings INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    target_link_options(kw_settings INTERFACE -fsanitize=address,undefined)
endif()

if(KWRIGHT_FUZZ)  # g++ is the compiler whose warnings count
    target_compile_options(kw_settings INTERFACE -fsanitize=fuzzer-no-link -w)
endif()

add_library(kw_warnings INTERFACE)
target_compile_options(kw_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast
    # g++ 12 reports overlaps in "literal" + std::string that are not there.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
    # With sanitizers it also sees members of std::function that nobody reads.
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${KWRIGHT_SANITIZE}>>:-Wno-maybe-uninitialized>
    $<$<BOOL:${KWRIGHT_DEV}>:-Werror>)

find_program(KW_CCACHE ccache)
if(KW_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # What ccache asks for before it trusts a precompiled header.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${KW_CCACHE})
endif()

# Standard headers are parsed once, not once a source. Sources name what they use all the
# same; the preset dev builds without (CMAKE_DISABLE_PRECOMPILE_HEADERS).
function(kw_precompile target headers)
    get_target_property(type ${target} TYPE)
    if(NOT TARGET kw_${headers})
        add_library(kw_${headers} OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
        target_link_libraries(kw_${headers} PRIVATE kw_settings kw_warnings)
        target_precompile_headers(kw_${headers} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/${headers}.hpp)
        if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
            target_compile_options(kw_${headers} PRIVATE -fpch-preprocess)
        endif()
        if(type STREQUAL "EXECUTABLE")  # precompiled for -fPIE, as they are compiled
            set_target_properties(kw_${headers} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
            target_compile_options(kw_${headers} PRIVATE -fPIE)
        endif()
    endif()
    target_precompile_headers(${target} REUSE_FROM kw_${headers})
endfunction()

# kw_hot_sources(<source>... [OPTIONS ...]): compiled with -O3. GCC's precompiled headers are for one level only.
function(kw_hot_sources)
    cmake_parse_arguments(arg "" "" "OPTIONS" ${ARGN})
    set_source_files_properties(${arg_UNPARSED_ARGUMENTS} PROPERTIES
        COMPILE_OPTIONS "-O3;${arg_OPTIONS}" SKIP_PRECOMPILE_HEADERS ON)
endfunction()

# Most of a source's compile time is its headers' and templates': together, twelve cost little more than three. Their private
# names must differ, then; the preset dev compiles each alone, so that each also names what it includes.
option(KWRIGHT_UNITY "Compile sources of a library twelve at a time" ON)

# kw_add_library(<folder> SOURCES ... LINK ... PRIVATE_LINK ...): static library kw_<folder>.
function(kw_add_library folder)
    cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
    add_library(kw_${folder} STATIC ${arg_SOURCES})
    add_library(kwright::${folder} ALIAS kw_${folder})
    target_link_libraries(kw_${folder} PUBLIC kw_settings ${arg_LINK} PRIVATE kw_warnings ${arg_PRIVATE_LINK})
    kw_precompile(kw_${folder} headers)
    if(KWRIGHT_UNITY)
        set_target_properties(kw_${folder} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
        # To GCC a source that is included is a header, and what it keeps private a danger to others.
        target_compile_options(kw_${folder} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
    endif()
endfunction()
