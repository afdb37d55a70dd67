// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kw {

/// Unified diff with three lines of context (Myers' shortest edit script); "" when equal. Texts
/// that differ by more than some thousand lines become one block, so time stays bounded.
[[nodiscard]] std::string unified_diff(
    const std::string& old_text,
    const std::string& new_text,
    const std::string& old_name,
    const std::string& new_name);

}  // namespace kw
