// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kw {

/// One word of a POSIX shell that means exactly `text`: no expansion, no end of the word. Quoted
/// where that is needed.
[[nodiscard]] std::string shell_word(std::string_view text);

}  // namespace kw
