/* SPDX-License-Identifier: Apache-2.0 */
#include "kwk_runtime.h"
kwk_status kwk_cuda_run(const kwk_op* op, const kwk_common* common, void* const* pointers, const int64_t* dims, void* stream) {
    (void)op; (void)common; (void)pointers; (void)dims; (void)stream;
    return KWK_ERROR_UNSUPPORTED;
}
kwk_status kwk_cuda_choose(const kwk_op* op, void* const* pointers, const int64_t* dims, const kwk_kernel** kernel) {
    (void)op; (void)pointers; (void)dims; (void)kernel;
    return KWK_ERROR_UNSUPPORTED;
}
size_t kwk_cuda_workspace(const kwk_kernel* kernel, const int64_t* dims) { (void)kernel; (void)dims; return 0; }
const char* kwk_cuda_device_text(char* text, size_t size) { if (size) text[0] = 0; return text; }
