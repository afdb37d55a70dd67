// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/cpp_lexer.hpp"

#include "core/ascii.hpp"

#include <algorithm>
#include <cstdint>

namespace kw::cpu {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r' || c == '\0';
}
bool starts_name(char c) {
    return is_letter(c) || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}
int hex_value(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_string_prefix(const std::string& text) {
    return text == "u8" || text == "u" || text == "U" || text == "L";
}
bool is_raw_prefix(const std::string& text) {
    return text == "R" || text == "u8R" || text == "uR" || text == "UR" || text == "LR";
}

void append_utf8(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0 | (code >> 6));
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xe0 | (code >> 12));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | ((code >> 18) & 0x07));
        out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    }
}

/// Digits of `base` from `at`, at most `limit` of them; moves `at` behind them.
std::uint32_t digits(std::string_view text, std::size_t& at, int base, int limit) {
    std::uint32_t value = 0;
    for (int n = 0; n < limit && at < text.size(); ++n, ++at) {
        const int digit = hex_value(text[at]);
        if (digit < 0 || digit >= base) {
            break;
        }
        value = value * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
    }
    return value;
}

char simple_escape(char c) {
    switch (c) {
        case 'n': return '\n';
        case 't': return '\t';
        case 'r': return '\r';
        case 'v': return '\v';
        case 'f': return '\f';
        case 'a': return '\a';
        case 'b': return '\b';
        case 'e': return '\x1b';
        default: return c;
    }
}

}  // namespace

std::string decode_escapes(std::string_view inside) {
    std::string out;
    for (std::size_t i = 0; i < inside.size();) {
        if (inside[i] != '\\' || i + 1 >= inside.size()) {
            out += inside[i++];
            continue;
        }
        const char kind = inside[i + 1];
        i += 2;
        if (kind == 'x') {
            out += static_cast<char>(digits(inside, i, 16, 1 << 20));
        } else if (kind >= '0' && kind <= '7') {
            --i;
            out += static_cast<char>(digits(inside, i, 8, 3));
        } else if (kind == 'u' || kind == 'U') {
            append_utf8(out, digits(inside, i, 16, kind == 'u' ? 4 : 8));
        } else {
            out += simple_escape(kind);
        }
    }
    return out;
}

char CppLexer::at(std::size_t ahead) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
}

void CppLexer::skip_splices() {
    while (at() == '\\') {
        std::size_t end = position_ + 1;
        while (end < text_.size() && text_[end] != '\n' && is_space(text_[end])) {
            ++end;
        }
        if (end >= text_.size() || text_[end] != '\n') {
            return;
        }
        position_ = end + 1;
        ++line_;
    }
}

/// One character of the text as phase 2 leaves it.
char CppLexer::take() {
    const char c = at();
    ++position_;
    if (c == '\n') {
        ++line_;
        first_column_ = true;
    } else {
        first_column_ = false;
    }
    skip_splices();
    return c;
}

void CppLexer::skip_line_comment() {
    while (position_ < text_.size() && at() != '\n') {
        take();
    }
}

void CppLexer::skip_block_comment() {
    char last = '\0';
    while (position_ < text_.size()) {
        const char c = take();
        if (last == '*' && c == '/') {
            return;
        }
        last = c;
    }
}

void CppLexer::skip_blank() {
    skip_splices();
    while (position_ < text_.size() && (is_space(at()) || at() == '\n')) {
        take();
    }
}

std::string CppLexer::quoted(char quote) {
    std::string inside;
    while (position_ < text_.size() && at() != '\n') {
        const char c = take();
        if (c == quote) {
            break;
        }
        inside += c;
        if (c == '\\' && position_ < text_.size() && at() != '\n') {
            inside += take();
        }
    }
    return inside;
}

/// Behind R": no splices and no escapes until )delimiter". Called with position_ at the delimiter.
std::string CppLexer::raw_string() {
    std::string closing = ")";
    while (position_ < text_.size() && text_[position_] != '(' && text_[position_] != '\n' &&
           closing.size() <= 17) {
        closing += text_[position_++];
    }
    closing += '"';
    if (position_ >= text_.size() || text_[position_] != '(') {
        return {};
    }
    const std::size_t start = position_ + 1;
    const std::size_t end = text_.find(closing, start);
    const std::size_t stop = end == std::string_view::npos ? text_.size() : end;
    std::string inside(text_.substr(start, stop - start));
    for (const char c : inside) {
        line_ += c == '\n' ? 1U : 0U;
    }
    position_ = end == std::string_view::npos ? stop : end + closing.size();
    first_column_ = false;
    skip_splices();
    return inside;
}

Token CppLexer::identifier_or_string() {
    Token token;
    token.kind = Token::Kind::identifier;
    token.line = line_;
    while (position_ < text_.size() && (starts_name(at()) || is_digit(at()))) {
        const bool raw_next = at(1) == '"' || at(1) == '\\';
        token.text += text_[position_];
        if (raw_next && is_raw_prefix(token.text)) {
            // What follows the quote is raw: take R and the quote without looking for splices
            // behind the quote.
            ++position_;
            first_column_ = false;
            skip_splices();
            if (at() == '"') {
                ++position_;
                token.text = raw_string();
                token.kind = Token::Kind::string;
                return token;
            }
            continue;
        }
        take();
    }
    if (at() == '"' && is_string_prefix(token.text)) {
        take();
        token.text = decode_escapes(quoted('"'));
        token.kind = Token::Kind::string;
    } else if (at() == '\'' && is_string_prefix(token.text)) {
        take();
        token.text = quoted('\'');
        token.kind = Token::Kind::character;
    }
    return token;
}

Token CppLexer::next() {
    for (;;) {
        skip_blank();
        if (position_ < text_.size() && at() == '/' && at(1) == '\\') {
            // A splice may stand inside // or /*: let it disappear before the look ahead.
            const std::size_t before = position_;
            const std::size_t line_before = line_;
            ++position_;
            skip_splices();
            const char follower = at();
            if (follower == '/') {
                skip_line_comment();
                continue;
            }
            if (follower == '*') {
                take();
                skip_block_comment();
                continue;
            }
            position_ = before;
            line_ = line_before;
        }
        if (at() == '/' && at(1) == '/') {
            skip_line_comment();
        } else if (at() == '/' && at(1) == '*') {
            position_ += 2;
            skip_splices();
            skip_block_comment();
        } else {
            break;
        }
    }
    Token token;
    token.line = line_;
    if (position_ >= text_.size()) {
        token.line_known = false;
        return token;
    }
    const char c = at();
    if (c == '#' && first_column_) {
        const std::size_t end = std::min(text_.find('\n', position_), text_.size());
        token.kind = Token::Kind::hash_line;
        token.text = std::string(text_.substr(position_ + 1, end - position_ - 1));
        position_ = end;
        first_column_ = false;
        return token;
    }
    if (starts_name(c)) {
        return identifier_or_string();
    }
    if (is_digit(c) || (c == '.' && is_digit(at(1)))) {
        token.kind = Token::Kind::number;
        char last = '\0';
        while (position_ < text_.size()) {
            const char d = at();
            const bool sign = (d == '+' || d == '-') &&
                              (last == 'e' || last == 'E' || last == 'p' || last == 'P');
            const bool separator = d == '\'' && (starts_name(at(1)) || is_digit(at(1)));
            if (!starts_name(d) && !is_digit(d) && d != '.' && !sign && !separator) {
                break;
            }
            token.text += d;
            last = take();
        }
        return token;
    }
    take();
    if (c == '"') {
        token.kind = Token::Kind::string;
        token.text = decode_escapes(quoted('"'));
        return token;
    }
    if (c == '\'') {
        token.kind = Token::Kind::character;
        token.text = quoted('\'');
        return token;
    }
    token.kind = Token::Kind::punctuation;
    token.text = c;
    if (c == '<' && (at() == ':' || at() == '%')) {
        token.text = take() == ':' ? "[" : "{";
    } else if ((c == ':' || c == '%') && at() == '>') {
        take();
        token.text = c == ':' ? "]" : "}";
    } else if (c == '%' && at() == ':') {
        take();
        token.text = "#";
    }
    return token;
}

}  // namespace kw::cpu
