// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace kw::test {

/// The generated helpers compiled for F16C.
float f16c_to_f32(std::uint16_t half);
std::uint16_t f32_to_f16c(float value);

}  // namespace kw::test
