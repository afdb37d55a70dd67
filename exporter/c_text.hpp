// SPDX-License-Identifier: Apache-2.0
// Text of strangers (tasks, campaigns, models, sources) in generated C, CMake, Python and JSON:
// whatever bytes come in, nothing of them is read as anything but text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kw::exporter {

/// A C string literal: printable ASCII as it is, the rest, quotes, backslashes and question marks
/// (trigraphs) as three octal digits.
[[nodiscard]] std::string c_string(std::string_view text);

/// One line for a C or C++ block comment or a Markdown cell: printable ASCII without backslashes
/// and without anything that opens or closes a comment; other bytes become '?' or a blank.
[[nodiscard]] std::string comment_text(std::string_view text);

/// A C floating-point literal that gives the same double.
[[nodiscard]] std::string c_double(double value);

/// A Python string literal.
[[nodiscard]] std::string python_string(std::string_view text);

[[nodiscard]] std::string upper(std::string_view text);

/// Every `@NAME@` of `text` that `values` gives is replaced, once; what it is replaced by is not
/// searched.
struct Replacement {
    std::string name;
    std::string value;
};
[[nodiscard]] std::string with_values(
    std::string_view text, const std::vector<Replacement>& values);

}  // namespace kw::exporter
