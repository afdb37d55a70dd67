// SPDX-License-Identifier: Apache-2.0
// The statically linked helper program (inside.cpp) as bytes in this library.
#pragma once

#include <cstddef>
#include <span>

namespace kw::sandbox::inside {

[[nodiscard]] std::span<const std::byte> program_image();

}  // namespace kw::sandbox::inside
