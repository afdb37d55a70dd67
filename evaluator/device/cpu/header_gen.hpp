// SPDX-License-Identifier: Apache-2.0
// Text that both generated headers share.
#pragma once

#include <string_view>

namespace kw::cpu {

/// C and C++ source: typedefs kw_f16 and kw_bf16 and their conversions from and to float. Rounds to
/// nearest even; NaN, infinity and subnormals are right with and without F16C.
[[nodiscard]] std::string_view number_helpers();

}  // namespace kw::cpu
