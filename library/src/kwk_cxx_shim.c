/* SPDX-License-Identifier: Apache-2.0
 * The little of the C++ library that a reference may use (std::vector) and that instrumented code
 * names, so that the pack needs none. Linked into each isolated object and made local to it. */
#include <stdlib.h>

#define KWK_LOCAL __attribute__((visibility("hidden")))

KWK_LOCAL void* _Znwm(size_t bytes) {
    void* memory = malloc(bytes > 0 ? bytes : 1);
    if (memory == NULL) {
        abort();
    }
    return memory;
}
KWK_LOCAL void* _Znam(size_t bytes) {
    return _Znwm(bytes);
}
KWK_LOCAL void _ZdlPv(void* memory) {
    free(memory);
}
KWK_LOCAL void _ZdaPv(void* memory) {
    free(memory);
}
KWK_LOCAL void _ZdlPvm(void* memory, size_t bytes) {
    (void)bytes;
    free(memory);
}
KWK_LOCAL void _ZdaPvm(void* memory, size_t bytes) {
    (void)bytes;
    free(memory);
}
/* std::__throw_length_error, bad_alloc, bad_array_new_length, out_of_range_fmt */
KWK_LOCAL _Noreturn void _ZSt20__throw_length_errorPKc(const char* what) {
    (void)what;
    abort();
}
KWK_LOCAL _Noreturn void _ZSt17__throw_bad_allocv(void) {
    abort();
}
KWK_LOCAL _Noreturn void _ZSt28__throw_bad_array_new_lengthv(void) {
    abort();
}
KWK_LOCAL _Noreturn void _ZSt24__throw_out_of_range_fmtPKcz(const char* what, ...) {
    (void)what;
    abort();
}
/* Nothing here throws: kernels that need the C++ library are not exported. */
KWK_LOCAL _Noreturn int __gxx_personality_v0(void) {
    abort();
}
