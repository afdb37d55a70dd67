// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kw::server {

/// One word of a POSIX shell that means exactly `text`: no expansion, no end of the word.
[[nodiscard]] std::string shell_quoted(std::string_view text);

}  // namespace kw::server
