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

add_library(kw_warnings INTERFACE)
target_compile_options(kw_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast
    # g++ 12 reports overlaps in "literal" + std::string that are not there.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
    $<$<BOOL:${KWRIGHT_DEV}>:-Werror>)

find_program(KW_CCACHE ccache)
if(KW_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${KW_CCACHE})
endif()

# kw_add_library(<folder> SOURCES ... LINK ... PRIVATE_LINK ...): static library kw_<folder>.
function(kw_add_library folder)
    cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
    add_library(kw_${folder} STATIC ${arg_SOURCES})
    add_library(kwright::${folder} ALIAS kw_${folder})
    target_link_libraries(kw_${folder} PUBLIC kw_settings ${arg_LINK} PRIVATE kw_warnings ${arg_PRIVATE_LINK})
endfunction()
