// SPDX-License-Identifier: Apache-2.0
// y = w * x + 1 through tensor maps: what only their encoding and the copies of sm_90a can do.
#pragma once

#include <string>

namespace kw::test {

/// For a task with f32 arguments w, x, y of N elements.
[[nodiscard]] inline std::string tensor_map_kernel(const std::string& task) {
    return "//!kwright task=" + task +
           " target=cuda arch=sm_90a\n"
           "//!tensormap name=tw base=w dtype=f32 dims=(N) box=(128)\n"
           "//!tensormap name=tx base=x dtype=f32 dims=(N) box=(128)\n"
           "//!tensormap name=ty base=y dtype=f32 dims=(N) box=(128)\n"
           "//!launch k grid=ceil_div(N, 128) block=128 args=(tw, tx, ty)\n"
           "#include <kwright_tensormap.h>\n"
           "extern \"C\" __global__ void k(const __grid_constant__ CUtensorMap tw,\n"
           "    const __grid_constant__ CUtensorMap tx, const __grid_constant__ CUtensorMap ty) {\n"
           "  __shared__ __align__(128) float a[128];\n"
           "  __shared__ __align__(128) float b[128];\n"
           "  __shared__ __align__(8) unsigned long long bar;\n"
           "  const unsigned s = (unsigned)__cvta_generic_to_shared(&bar);\n"
           "  const unsigned to_a = (unsigned)__cvta_generic_to_shared(a);\n"
           "  const unsigned to_b = (unsigned)__cvta_generic_to_shared(b);\n"
           "  const int at = (int)blockIdx.x * 128;\n"
           "  if (threadIdx.x == 0) {\n"
           "    asm volatile(\"mbarrier.init.shared::cta.b64 [%0], 1;\" ::\"r\"(s));\n"
           "    asm volatile(\"mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], 1024;\"\n"
           "                 ::\"r\"(s));\n"
           "    asm volatile(\"cp.async.bulk.tensor.1d.shared::cluster.global.tile.mbarrier\"\n"
           "      \"::complete_tx::bytes [%0], [%1, {%2}], [%3];\"\n"
           "      ::\"r\"(to_a), \"l\"(&tw), \"r\"(at), \"r\"(s) : \"memory\");\n"
           "    asm volatile(\"cp.async.bulk.tensor.1d.shared::cluster.global.tile.mbarrier\"\n"
           "      \"::complete_tx::bytes [%0], [%1, {%2}], [%3];\"\n"
           "      ::\"r\"(to_b), \"l\"(&tx), \"r\"(at), \"r\"(s) : \"memory\");\n"
           "  }\n"
           "  __syncthreads();\n"
           "  unsigned ok = 0;\n"
           "  while (ok == 0) asm volatile(\"{.reg .pred p; "
           "mbarrier.try_wait.parity.shared::cta\"\n"
           "    \".b64 p, [%1], 0; selp.u32 %0, 1, 0, p;}\" : \"=r\"(ok) : \"r\"(s) : "
           "\"memory\");\n"
           "  a[threadIdx.x] = a[threadIdx.x] * b[threadIdx.x] + 1.0f;\n"
           "  asm volatile(\"fence.proxy.async.shared::cta;\" ::: \"memory\");\n"
           "  __syncthreads();\n"
           "  if (threadIdx.x == 0) {\n"
           "    asm volatile(\"cp.async.bulk.tensor.1d.global.shared::cta.tile.bulk_group\"\n"
           "      \" [%0, {%1}], [%2];\" ::\"l\"(&ty), \"r\"(at), \"r\"(to_a) : \"memory\");\n"
           "    asm volatile(\"cp.async.bulk.commit_group;\");\n"
           "    asm volatile(\"cp.async.bulk.wait_group 0;\" ::: \"memory\");\n"
           "  }\n"
           "}\n";
}

}  // namespace kw::test
