// SPDX-License-Identifier: Apache-2.0
#include "exporter/c_text.hpp"

#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>

namespace kw::exporter {
namespace {

bool is_plain(char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '?';
}

}  // namespace

std::string c_string(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (is_plain(c)) {
            result += c;
            continue;
        }
        std::array<char, 8> octal{};
        std::snprintf(
            octal.data(),
            octal.size(),
            "\\%03o",
            static_cast<unsigned>(static_cast<unsigned char>(c)));
        result += octal.data();
    }
    return result + "\"";
}

std::string comment_text(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const bool joins = !result.empty() && ((result.back() == '*' && c == '/') ||
                                               (result.back() == '/' && (c == '*' || c == '/')));
        if (joins) {
            result += ' ';
        }
        const bool blank = c == '\n' || c == '\t' || c == '\r' || c == '\\';
        result += blank ? ' ' : c < ' ' || c > '~' ? '?' : c;
    }
    while (!result.empty() && result.back() == ' ') {
        result.pop_back();
    }
    return result;
}

std::string c_double(double value) {
    if (std::isnan(value)) {
        return "(0.0 / 0.0)";
    }
    if (std::isinf(value)) {
        return value < 0 ? "(-1.0 / 0.0)" : "(1.0 / 0.0)";
    }
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.17g", value);
    std::string result = text.data();
    if (result.find_first_of(".en") == std::string::npos) {
        result += ".0";
    }
    return result;
}

std::string python_string(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (is_plain(c) || c == '?') {
            result += c;
            continue;
        }
        std::array<char, 8> hex{};
        std::snprintf(
            hex.data(),
            hex.size(),
            "\\x%02x",
            static_cast<unsigned>(static_cast<unsigned char>(c)));
        result += hex.data();
    }
    return result + "\"";
}

std::string upper(std::string_view text) {
    std::string result;
    for (const char c : text) {
        result += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return result;
}

std::string with_values(std::string_view text, const std::vector<Replacement>& values) {
    std::string result;
    while (!text.empty()) {
        const std::size_t at = text.find('@');
        result += text.substr(0, at);
        if (at == std::string_view::npos) {
            break;
        }
        text.remove_prefix(at);
        bool replaced = false;
        for (const Replacement& value : values) {
            const std::string mark = "@" + value.name + "@";
            if (text.starts_with(mark)) {
                result += value.value;
                text.remove_prefix(mark.size());
                replaced = true;
                break;
            }
        }
        if (!replaced) {
            result += '@';
            text.remove_prefix(1);
        }
    }
    return result;
}

}  // namespace kw::exporter
