// SPDX-License-Identifier: Apache-2.0
#include "sandbox/inside/embedded.hpp"

// KW_INSIDE_PROGRAM: path of the built helper, given by CMakeLists.txt.
__asm__(
    ".section .rodata\n"
    ".balign 16\n"
    ".local kw_inside_begin\n"
    "kw_inside_begin:\n"
    ".incbin \"" KW_INSIDE_PROGRAM
    "\"\n"
    ".local kw_inside_end\n"
    "kw_inside_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" {
extern const std::byte kw_inside_begin[] __attribute__((visibility("hidden")));
extern const std::byte kw_inside_end[] __attribute__((visibility("hidden")));
}

namespace kw::sandbox::inside {

std::span<const std::byte> program_image() {
    return {kw_inside_begin, static_cast<std::size_t>(kw_inside_end - kw_inside_begin)};
}

}  // namespace kw::sandbox::inside
