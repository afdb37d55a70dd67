// SPDX-License-Identifier: Apache-2.0
// Tokens of C++ text, good enough to see what a compiler would see: line splices, comments, raw
// strings, digraphs, pp-numbers. Linear in time on any bytes; never fails.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kw::cpu {

struct Token {
    enum class Kind { identifier, number, string, character, punctuation, hash_line, end };
    Kind kind = Kind::end;
    /// identifier, number: spelling without splices. string: the bytes it stands for, escapes
    /// resolved. punctuation: one character, digraphs as what they mean. hash_line: the text behind
    /// a `#` in the first column.
    std::string text;
    std::size_t line = 1;    ///< where it starts, counted from 1 in the text given
    bool line_known = true;  ///< false for the end
};

class CppLexer {
public:
    explicit CppLexer(std::string_view text)
        : text_(text) {}
    Token next();
    /// Lines read so far: the line of the next character.
    [[nodiscard]] std::size_t line() const { return line_; }

private:
    [[nodiscard]] char at(std::size_t ahead = 0) const;
    void skip_splices();
    char take();
    void skip_blank();
    void skip_line_comment();
    void skip_block_comment();
    Token identifier_or_string();
    std::string quoted(char quote);
    std::string raw_string();

    std::string_view text_;
    std::size_t position_ = 0;
    std::size_t line_ = 1;
    bool first_column_ = true;
};

/// Bytes of a string literal's inside: \n, \x41, \101, \u00e9 (as UTF-8) resolved.
[[nodiscard]] std::string decode_escapes(std::string_view inside);

}  // namespace kw::cpu
