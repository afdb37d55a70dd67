// SPDX-License-Identifier: Apache-2.0
// Reads PTX text token by token. The cursor always stands at the first character of a token: every
// token skips the blanks and comments that follow it. Nothing here fails; what is not there gives
// an empty view, and the parser says what it expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kw::emu {

/// From 1; column counts bytes.
struct TextPosition {
    std::int32_t line = 1;
    std::int32_t column = 1;
};

class Lexer {
public:
    explicit Lexer(std::string_view text)
        : at_(text.data())
        , end_(text.data() + text.size())
        , line_start_(at_) {
        skip_space();
    }

    [[nodiscard]] bool at_end() const { return at_ == end_; }
    /// The next character; 0 at the end (and where the text holds a 0, which no token begins with).
    [[nodiscard]] char peek() const { return at_ == end_ ? '\0' : *at_; }
    [[nodiscard]] char peek_second() const { return end_ - at_ < 2 ? '\0' : at_[1]; }
    [[nodiscard]] bool at_name() const;
    [[nodiscard]] bool at_digit() const { return peek() >= '0' && peek() <= '9'; }
    [[nodiscard]] TextPosition position() const {
        return {line_, static_cast<std::int32_t>(at_ - line_start_) + 1};
    }

    /// Takes one punctuation character if it is next.
    bool take(char c);
    /// Takes a punctuation text such as "<<" if it is next.
    bool take(std::string_view text);

    /// foo, %r12, $L__BB0_1, _
    std::string_view name();
    /// ".x" directly behind the last name, else "".
    std::string_view selector();
    /// ".reg", ".b32": a dot and a name.
    std::string_view directive();
    /// "ld.global.L1::no_allocate.v4.u32": what names hold, '.' and "::".
    std::string_view opcode();
    /// Digits with what belongs to a number: "0x1F", "10U", "0f3F800000", "1.5e-3".
    std::string_view number();
    /// The text between double quotes, or nothing when there is none or it does not end.
    std::optional<std::string_view> quoted();

    /// Steps over one character (the parser looks for a place to go on).
    void step();
    /// Steps behind the '}' that closes the '{' before the cursor; false when there is none.
    bool skip_braces();
    /// Goes to the end of the text.
    void stop() { at_ = end_; }

    /// Where a /* comment without an end began.
    [[nodiscard]] const std::optional<TextPosition>& open_comment() const { return open_comment_; }

private:
    void skip_space();
    void skip_block_comment();
    std::string_view finish(const char* begin);

    const char* at_;
    const char* end_;
    const char* line_start_;
    const char* name_end_ = nullptr;
    std::int32_t line_ = 1;
    std::optional<TextPosition> open_comment_;
};

/// The value of a literal. `kind`: 'i', 'u' (unsigned: suffix U or above 2^63 - 1), 'f' (0f: 32-bit
/// IEEE bits), 'd' (0d or a decimal fraction: 64-bit IEEE bits).
struct Number {
    char kind = 'i';
    std::uint64_t bits = 0;
};

/// Nothing when the text is no number or its value does not fit.
[[nodiscard]] std::optional<Number> read_number(std::string_view text);

}  // namespace kw::emu
