// SPDX-License-Identifier: Apache-2.0
#include "cli/console.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace kw::cli {
namespace {

std::string_view escape_of(Ink ink) {
    switch (ink) {
        case Ink::plain: return "";
        case Ink::bold: return "\x1b[1m";
        case Ink::dim: return "\x1b[2m";
        case Ink::red: return "\x1b[31m";
        case Ink::green: return "\x1b[32m";
        case Ink::yellow: return "\x1b[33m";
        case Ink::cyan: return "\x1b[36m";
    }
    return "";
}

std::string painted(std::string_view text, Ink ink, bool color) {
    if (!color || ink == Ink::plain) {
        return std::string(text);
    }
    return std::string(escape_of(ink)) + std::string(text) + "\x1b[0m";
}

/// Characters a terminal shows: escapes do not count, UTF-8 continuation bytes neither.
std::size_t shown_width(std::string_view text) {
    std::size_t width = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\x1b') {
            while (i < text.size() && text[i] != 'm') {
                ++i;
            }
        } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
            ++width;
        }
    }
    return width;
}

std::string cut_to(const std::string& text, std::size_t width) {
    if (shown_width(text) <= width) {
        return text;
    }
    std::string result;
    std::size_t used = 0;
    for (std::size_t i = 0; i < text.size() && used + 1 < width; ++i) {
        if (text[i] == '\x1b') {
            const std::size_t end = std::min(text.find('m', i), text.size() - 1);
            result.append(text, i, end - i + 1);
            i = end;
            continue;
        }
        used += (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 ? 1 : 0;
        result += text[i];
    }
    return result + "~\x1b[0m";
}

std::string three_digits(double value, const char* unit) {
    std::array<char, 64> text{};
    const int decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2;
    std::snprintf(text.data(), text.size(), "%.*f %s", decimals, value, unit);
    return text.data();
}

/// Length of the colour escape at `at`, 0 when there is none.
std::size_t color_escape(std::string_view text, std::size_t at) {
    if (text.substr(at, 2) != "\x1b[") {
        return 0;
    }
    const std::size_t end = text.find_first_not_of("0123456789;", at + 2);
    return end != std::string_view::npos && text[end] == 'm' ? end + 1 - at : 0;
}

std::string printable(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (const std::size_t length = color_escape(text, i); length > 0) {
            result += text.substr(i, length);
            i += length - 1;
            continue;
        }
        const auto byte = static_cast<unsigned char>(text[i]);
        // C1 controls are U+0080 to U+009F: bytes C2 80 to C2 9F.
        const bool c1 =
            byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
        const bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
        i += c1 ? 1 : 0;
        result += c1 || control ? '?' : static_cast<char>(byte);
    }
    return result;
}

void write_line(const std::string& text, std::FILE* file) {
    std::fwrite(text.data(), 1, text.size(), file);
    std::fputc('\n', file);
    std::fflush(file);
}

}  // namespace

Console::Console(std::FILE* out, std::FILE* err, Color color)
    : out_(out)
    , err_(err)
    , out_terminal_(isatty(fileno(out)) == 1)
    , err_terminal_(isatty(fileno(err)) == 1) {
    const char* no_color = std::getenv("NO_COLOR");
    const bool wanted = color == Color::always ||
                        (color == Color::automatic && (no_color == nullptr || *no_color == 0));
    out_color_ = wanted && (out_terminal_ || color == Color::always);
    err_color_ = wanted && (err_terminal_ || color == Color::always);
}

void Console::print(std::string_view text) {
    redraw({});
    write_line(printable(text), out_);
}

void Console::print_source(std::string_view text) {
    redraw({});
    write_line(out_terminal_ ? printable(text) : std::string(text), out_);
}

void Console::say(std::string_view text) {
    if (quiet_) {
        return;
    }
    redraw({});
    write_line(printable(text), err_);
}

void Console::error(const std::string& what, const std::string& hint) {
    redraw({});
    write_line(printable(paint_err("error:", Ink::red) + " " + what), err_);
    if (!hint.empty()) {
        write_line(printable("  " + paint_err("hint:", Ink::cyan) + " " + hint), err_);
    }
}

std::string Console::paint(std::string_view text, Ink ink) const {
    return painted(text, ink, out_color_);
}

std::string Console::paint_err(std::string_view text, Ink ink) const {
    return painted(text, ink, err_color_);
}

int Console::width() const {
    winsize size{};
    if (ioctl(fileno(err_), TIOCGWINSZ, &size) == 0 && size.ws_col > 20) {
        return size.ws_col;
    }
    return 100;
}

void Console::redraw(const std::vector<std::string>& lines) {
    if (!err_terminal_ || (lines.empty() && drawn_ == 0)) {
        return;
    }
    std::string text;
    for (int i = 0; i < drawn_; ++i) {
        text += "\x1b[1A\x1b[2K";
    }
    for (const std::string& line : lines) {
        text += cut_to(printable(line), static_cast<std::size_t>(width())) + "\n";
    }
    drawn_ = static_cast<int>(lines.size());
    std::fwrite(text.data(), 1, text.size(), err_);
    std::fflush(err_);
}

std::string render(const Table& table) {
    std::vector<std::size_t> widths(table.head.size(), 0);
    const auto widen = [&widths](const std::vector<std::string>& cells) {
        for (std::size_t i = 0; i < cells.size() && i < widths.size(); ++i) {
            widths[i] = std::max(widths[i], shown_width(cells[i]));
        }
    };
    widen(table.head);
    for (const auto& row : table.rows) {
        widen(row);
    }
    std::string text;
    const auto add = [&](const std::vector<std::string>& cells) {
        std::string line;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const std::string padding(widths[i] - std::min(widths[i], shown_width(cells[i])), ' ');
            const bool right = i < table.right.size() && table.right[i];
            line += right ? padding + cells[i] : cells[i] + padding;
            line += i + 1 < cells.size() ? "  " : "";
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    };
    add(table.head);
    for (const auto& row : table.rows) {
        add(row);
    }
    if (!text.empty()) {
        text.pop_back();
    }
    return text;
}

std::string show_time(double ns) {
    if (!(ns > 0)) {
        return "-";
    }
    if (ns < 1e3) {
        return three_digits(ns, "ns");
    }
    if (ns < 1e6) {
        return three_digits(ns / 1e3, "us");
    }
    return ns < 1e9 ? three_digits(ns / 1e6, "ms") : three_digits(ns / 1e9, "s");
}

std::string show_ratio(double value, double lo, double hi) {
    if (!(value > 0)) {
        return "-";
    }
    std::array<char, 64> text{};
    if (lo == value && hi == value) {  // modelled: there is no spread to tell
        std::snprintf(text.data(), text.size(), "%.2fx", value);
    } else {
        std::snprintf(text.data(), text.size(), "%.2fx [%.2f, %.2f]", value, lo, hi);
    }
    return text.data();
}

std::string show_percent(double fraction) {
    if (!(fraction > 0)) {
        return "-";
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.0f %%", fraction * 100);
    return text.data();
}

std::string show_bytes(std::int64_t bytes) {
    const auto value = static_cast<double>(bytes);
    if (bytes < 1024) {
        return std::to_string(bytes) + " B";
    }
    if (bytes < (1 << 20)) {
        return three_digits(value / 1024, "KiB");
    }
    return bytes < (std::int64_t{1} << 30) ? three_digits(value / (1 << 20), "MiB")
                                           : three_digits(value / (1 << 30), "GiB");
}

std::string show_duration(double seconds) {
    if (!(seconds >= 0) || seconds > 1e12) {
        return "-";
    }
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole < 60) {
        return std::to_string(whole) + "s";
    }
    std::array<char, 32> text{};
    if (whole < 3600) {
        std::snprintf(
            text.data(),
            text.size(),
            "%ldm%02lds",
            static_cast<long>(whole / 60),
            static_cast<long>(whole % 60));
    } else {
        std::snprintf(
            text.data(),
            text.size(),
            "%ldh%02ldm",
            static_cast<long>(whole / 3600),
            static_cast<long>(whole / 60 % 60));
    }
    return text.data();
}

}  // namespace kw::cli
