// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/lexer.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

namespace kw::emu {

namespace {

enum : std::uint8_t {
    k_blank = 1,
    k_digit = 2,
    k_letter = 4,   ///< what a name may begin with: letters _ $ %
    k_follow = 8,   ///< what a name may go on with
    k_dotted = 16,  ///< what an opcode or a number may go on with
};

constexpr std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> classes{};
    for (int c = 0; c < 256; ++c) {
        const bool digit = c >= '0' && c <= '9';
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        unsigned is = 0;
        is |= c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' ? k_blank : 0;
        is |= digit ? k_digit : 0;
        is |= letter || c == '_' || c == '$' || c == '%' ? k_letter : 0;
        is |= letter || digit || c == '_' || c == '$' ? k_follow : 0;
        is |= letter || digit || c == '_' || c == '.' ? k_dotted : 0;
        classes[static_cast<std::size_t>(c)] = static_cast<std::uint8_t>(is);
    }
    return classes;
}

constexpr std::array<std::uint8_t, 256> k_classes = make_classes();

bool is(char c, std::uint8_t classes) {
    return (k_classes[static_cast<unsigned char>(c)] & classes) != 0;
}

}  // namespace

void Lexer::skip_space() {
    while (at_ != end_) {
        const char c = *at_;
        if (c == '\n') {
            ++at_;
            ++line_;
            line_start_ = at_;
        } else if (is(c, k_blank)) {
            ++at_;
        } else if (c == '/' && peek_second() == '/') {
            const void* newline = std::memchr(at_, '\n', static_cast<std::size_t>(end_ - at_));
            at_ = newline == nullptr ? end_ : static_cast<const char*>(newline);
        } else if (c == '/' && peek_second() == '*') {
            skip_block_comment();
        } else {
            return;
        }
    }
}

void Lexer::skip_block_comment() {
    const TextPosition begin = position();
    for (at_ += 2; end_ - at_ >= 2; ++at_) {
        if (at_[0] == '*' && at_[1] == '/') {
            at_ += 2;
            return;
        }
        if (*at_ == '\n') {
            ++line_;
            line_start_ = at_ + 1;
        }
    }
    at_ = end_;
    open_comment_ = begin;
}

std::string_view Lexer::finish(const char* begin) {
    const std::string_view token(begin, static_cast<std::size_t>(at_ - begin));
    skip_space();
    return token;
}

bool Lexer::at_name() const {
    return at_ != end_ && is(*at_, k_letter);
}

bool Lexer::take(char c) {
    if (at_ == end_ || *at_ != c) {
        return false;
    }
    ++at_;
    skip_space();
    return true;
}

bool Lexer::take(std::string_view text) {
    if (static_cast<std::size_t>(end_ - at_) < text.size() ||
        std::string_view(at_, text.size()) != text) {
        return false;
    }
    at_ += text.size();
    skip_space();
    return true;
}

std::string_view Lexer::name() {
    if (!at_name()) {
        return {};
    }
    const char* begin = at_;
    for (++at_; at_ != end_ && is(*at_, k_follow); ++at_) {
    }
    name_end_ = at_;
    return finish(begin);
}

std::string_view Lexer::selector() {
    return at_ == name_end_ && peek() == '.' ? directive() : std::string_view{};
}

std::string_view Lexer::directive() {
    if (peek() != '.') {
        return {};
    }
    const char* begin = at_;
    for (++at_; at_ != end_ && is(*at_, k_follow); ++at_) {
    }
    return finish(begin);
}

std::string_view Lexer::opcode() {
    const char* begin = at_;
    while (at_ != end_) {
        if (is(*at_, k_dotted | k_letter)) {
            ++at_;
        } else if (*at_ == ':' && peek_second() == ':') {
            at_ += 2;
        } else {
            break;
        }
    }
    return finish(begin);
}

std::string_view Lexer::number() {
    if (!at_digit() && peek() != '.') {
        return {};
    }
    const char* begin = at_;
    // Hexadecimal digits hold e as well, so the sign of an exponent belongs to decimals only.
    const bool prefixed = *at_ == '0' && is(peek_second(), k_follow) &&
                          !is(peek_second(), k_digit) && peek_second() != 'e' &&
                          peek_second() != 'E';
    while (at_ != end_) {
        const bool exponent = !prefixed && (*at_ == 'e' || *at_ == 'E');
        if (!is(*at_, k_dotted)) {
            break;
        }
        ++at_;
        if (exponent && (peek() == '+' || peek() == '-')) {
            ++at_;
        }
    }
    return finish(begin);
}

std::optional<std::string_view> Lexer::quoted() {
    if (peek() != '"') {
        return std::nullopt;
    }
    const char* begin = at_ + 1;
    for (const char* c = begin; c != end_ && *c != '\n'; ++c) {
        if (*c == '\\' && end_ - c >= 2 && c[1] != '\n') {
            ++c;
        } else if (*c == '"') {
            const std::string_view text(begin, static_cast<std::size_t>(c - begin));
            at_ = c + 1;
            skip_space();
            return text;
        }
    }
    return std::nullopt;
}

void Lexer::step() {
    if (at_ != end_) {
        if (peek() != '"' || !quoted()) {
            ++at_;
            skip_space();
        }
    }
}

bool Lexer::skip_braces() {
    int depth = 1;
    while (at_ != end_) {
        const char c = *at_;
        if (c == '}' && --depth == 0) {
            ++at_;
            skip_space();
            return true;
        }
        if (c == '{') {
            ++depth;
        }
        const char* before = at_;
        if (c == '\n' || c == '/') {
            skip_space();
        } else if (c == '"') {
            step();
        }
        at_ += at_ == before ? 1 : 0;
    }
    return false;
}

namespace {

std::optional<Number> read_integer(std::string_view text) {
    int base = 10;
    if (text.size() > 1 && text[0] == '0') {
        const char letter = text[1];
        base = letter == 'x' || letter == 'X' ? 16 : letter == 'b' || letter == 'B' ? 2 : 8;
        text.remove_prefix(base == 8 ? 1 : 2);
    }
    bool is_unsigned = false;
    if (!text.empty() && (text.back() == 'U' || text.back() == 'u')) {
        is_unsigned = true;
        text.remove_suffix(1);
    }
    if (text.empty() && base == 8) {
        text = "0";  // "0U"
    }
    std::uint64_t bits = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits, base);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    is_unsigned |= bits > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return Number{is_unsigned ? 'u' : 'i', bits};
}

std::optional<Number> read_bits(std::string_view digits, std::size_t count, char kind) {
    std::uint64_t bits = 0;
    const char* end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, bits, 16);
    if (digits.size() != count || error != std::errc{} || stopped != end) {
        return std::nullopt;
    }
    return Number{kind, bits};
}

}  // namespace

std::optional<Number> read_number(std::string_view text) {
    if (text.size() > 2 && text[0] == '0') {
        if (text[1] == 'f' || text[1] == 'F') {
            return read_bits(text.substr(2), 8, 'f');
        }
        if (text[1] == 'd' || text[1] == 'D') {
            return read_bits(text.substr(2), 16, 'd');
        }
    }
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    if (hexadecimal || text.find_first_of(".eE") == std::string_view::npos) {
        return read_integer(text);
    }
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stopped != end) {
        return std::nullopt;
    }
    return Number{'d', std::bit_cast<std::uint64_t>(value)};
}

}  // namespace kw::emu
