// SPDX-License-Identifier: Apache-2.0
#include "agent/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace kw::agent {

namespace {

/// Length of the valid UTF-8 sequence at `at`, 0 when there is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) {
        return static_cast<std::uint8_t>(text[i]);
    };
    const std::uint8_t lead = byte(at);
    if (lead < 0x80) {
        return 1;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xC0) != 0x80) {
            return 0;
        }
    }
    const std::uint8_t second = byte(at + 1);
    const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool outside = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
    return overlong || outside ? 0 : length;
}

bool is_control(char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return byte < 0x20 || byte == 0x7F;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = sequence_length(text, at);
        if (length == 0) {
            out += '?';
            ++at;
        } else {
            out.append(text.substr(at, length));
            at += length;
        }
    }
    return out;
}

std::string fence(std::string_view text, std::string_view language) {
    std::string body;
    std::size_t run = 0;
    std::size_t longest = 2;
    for (const char c : valid_utf8(text)) {
        if (is_control(c) && c != '\n' && c != '\t') {
            continue;
        }
        run = c == '`' ? run + 1 : 0;
        longest = std::max(longest, run);
        body += c;
    }
    const std::string bar(longest + 1, '`');
    std::string out = bar + std::string(language) + "\n" + body;
    if (!body.empty() && body.back() != '\n') {
        out += '\n';
    }
    return out + bar;
}

std::string one_line(std::string_view text, std::size_t at_most) {
    std::string out;
    bool space = false;
    for (const char c : valid_utf8(text.substr(0, at_most * 4 + 64))) {
        if (c == ' ' || is_control(c)) {
            space = !out.empty();
            continue;
        }
        if (space) {
            out += ' ';
            space = false;
        }
        out += c == '`' ? '\'' : c;
    }
    if (out.size() > at_most) {
        std::size_t end = at_most > 3 ? at_most - 3 : 0;
        while (end > 0 && (static_cast<std::uint8_t>(out[end]) & 0xC0) == 0x80) {
            --end;
        }
        out = out.substr(0, end) + "...";
    }
    return out;
}

std::string cut_middle(std::string_view text, std::size_t at_most) {
    if (text.size() <= at_most) {
        return std::string(text);
    }
    std::size_t head = at_most * 2 / 3;
    std::size_t tail = text.size() - (at_most - head);
    if (const std::size_t line = text.rfind('\n', head);
        line != std::string_view::npos && line + 200 > head) {
        head = line + 1;
    }
    if (const std::size_t line = text.find('\n', tail);
        line != std::string_view::npos && line < tail + 200) {
        tail = line + 1;
    }
    std::string out(text.substr(0, head));
    if (!out.empty() && out.back() != '\n') {
        out += '\n';
    }
    out += "[... " + std::to_string(tail - head) + " bytes left out ...]\n";
    out += text.substr(tail);
    return out;
}

std::string figure(double value, int decimals) {
    std::array<char, 64> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
    return buffer.data();
}

std::string show_time(double ns) {
    if (!(ns > 0)) {
        return "-";
    }
    static constexpr std::array<const char*, 4> k_units = {"ns", "us", "ms", "s"};
    std::size_t unit = 0;
    while (unit + 1 < k_units.size() && ns >= 999.5) {
        ns /= 1000;
        ++unit;
    }
    return figure(ns, ns >= 99.95 ? 0 : ns >= 9.995 ? 1 : 2) + " " + k_units[unit];
}

std::string show_speedup(const Ratio& ratio) {
    if (ratio.lo == ratio.value && ratio.hi == ratio.value) {
        return figure(ratio.value, 2) + "x";  // modelled: there is no spread to tell
    }
    return figure(ratio.value, 2) + "x [" + figure(ratio.lo, 2) + ", " + figure(ratio.hi, 2) + "]";
}

std::string tell_speedup(double ratio) {
    const double percent = std::round(std::abs(ratio - 1) * 100);
    const std::string head = figure(ratio, 2) + "x: ";
    if (percent < 1) {
        return head + "as fast";
    }
    return head + figure(percent, 0) + (ratio > 1 ? " % faster" : " % slower");
}

}  // namespace kw::agent
