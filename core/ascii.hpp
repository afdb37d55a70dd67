// SPDX-License-Identifier: Apache-2.0
// Classes of ASCII characters. <cctype> asks the locale and takes no negative char.
#pragma once

#include <string>
#include <string_view>

namespace kw {

/// Between the words of a line: everything white but the line's end.
[[nodiscard]] constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

[[nodiscard]] constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

[[nodiscard]] constexpr bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Of a name of C, C++ and most of our own languages.
[[nodiscard]] constexpr bool is_word(char c) {
    return is_letter(c) || is_digit(c) || c == '_';
}

[[nodiscard]] inline std::string lower_case(std::string text) {
    for (char& c : text) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    return text;
}

/// Without the blanks at both ends.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

}  // namespace kw
