// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.hpp"

#include <string>

namespace kw::sandbox {

/// Errc::environment: "<doing>: <strerror(number)>".
[[nodiscard]] Error system_error(const std::string& doing, int number, std::string hint = {});

}  // namespace kw::sandbox
