// SPDX-License-Identifier: Apache-2.0
// A C++ tokenizer that is good for one thing: two sources with the same tokens compile to the same
// code. Where white space does count (the end of a preprocessor line, `#define F(x)` against
// `#define F (x)`) it is a token; so are directives that change the build. Any bytes are accepted.
#include "core/ascii.hpp"
#include "core/candidate.hpp"
#include "core/hash.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace kw {
namespace {

constexpr std::array<std::string_view, 27> k_punctuators{
    "<=>", "<<=", ">>=", "->*", "...", "::", "->", ".*", "##", "++", "--", "+=", "-=", "*=",
    "/=",  "%=",  "^=",  "&=",  "|=",  "==", "!=", "<=", ">=", "&&", "||", "<<", ">>"};

bool is_word_start(char c) {
    return is_letter(c) || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_word_char(char c) {
    return is_word_start(c) || is_digit(c);
}

/// The source with its line continuations removed, and where each byte came from: a raw string is
/// read from the source as it was.
struct Spliced {
    std::string text;
    std::vector<std::size_t> origin;
};

/// Length of a backslash, blanks and a line break at `at` (GCC allows the blanks); 0 = none.
std::size_t splice_length(std::string_view source, std::size_t at) {
    if (source[at] != '\\') {
        return 0;
    }
    std::size_t end = at + 1;
    while (end < source.size() && is_blank(source[end])) {
        ++end;
    }
    return end < source.size() && source[end] == '\n' ? end + 1 - at : 0;
}

Spliced splice(std::string_view source) {
    Spliced out;
    out.text.reserve(source.size());
    out.origin.reserve(source.size());
    for (std::size_t at = 0; at < source.size();) {
        if (const std::size_t skip = splice_length(source, at); skip > 0) {
            at += skip;
            continue;
        }
        out.text += source[at];
        out.origin.push_back(at);
        ++at;
    }
    return out;
}

class Tokenizer {
public:
    explicit Tokenizer(std::string_view source)
        : source_(source)
        , spliced_(splice(source))
        , text_(spliced_.text) {
        hasher_.add("kwright.tokens/1");
    }

    std::string run() {
        while (at_ < text_.size()) {
            step();
        }
        end_line();
        return hasher_.hex();
    }

private:
    [[nodiscard]] char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }

    void emit(std::string_view token) {
        hasher_.add(token);
        ++tokens_in_line_;
        if (in_directive_) {
            if (tokens_in_line_ == 2) {
                defining_ = token == "define";
            } else if (tokens_in_line_ == 3 && defining_ && peek() == '(') {
                hasher_.add("\n(");  // a function-like macro
            }
        }
    }

    void end_line() {
        if (in_directive_) {
            hasher_.add("\n");
        }
        in_directive_ = false;
        defining_ = false;
        tokens_in_line_ = 0;
    }

    void step() {
        const char c = peek();
        if (c == '\n') {
            end_line();
            ++at_;
        } else if (is_blank(c)) {
            ++at_;
        } else if (c == '/' && peek(1) == '/') {
            line_comment();
        } else if (c == '/' && peek(1) == '*') {
            const std::size_t end = text_.find("*/", at_ + 2);
            at_ = end == std::string_view::npos ? text_.size() : end + 2;
        } else if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
            number();
        } else if (is_word_start(c)) {
            word();
        } else if (c == '"' || c == '\'') {
            quoted(at_);
        } else {
            punctuator();
        }
    }

    void line_comment() {
        const std::size_t end = std::min(text_.find('\n', at_), text_.size());
        std::string_view comment = text_.substr(at_, end - at_);
        at_ = end;
        constexpr std::string_view k_directive = "//!kwright ";
        if (launch_plan_line(comment, end)) {
            return;
        }
        if (!comment.starts_with(k_directive)) {
            return;
        }
        comment.remove_prefix(k_directive.size());
        while (!comment.empty()) {
            const std::size_t stop = std::min(comment.find_first_of(" \t\r"), comment.size());
            const std::string_view item = comment.substr(0, stop);
            if (item.starts_with("isa=") || item.starts_with("flags=") ||
                item.starts_with("arch=")) {
                hasher_.add("//").add(item);
            }
            comment.remove_prefix(std::min(stop + 1, comment.size()));
        }
    }

    /// Directives that say how CUDA kernels are launched (docs/launch-plan.md), and the lines that
    /// continue them, are part of what is built. `end` is where the line ends.
    bool launch_plan_line(std::string_view comment, std::size_t end) {
        const auto skip_blank = [&comment](std::size_t at) {
            while (at < comment.size() && is_blank(comment[at])) {
                ++at;
            }
            return at;
        };
        const std::size_t line_start = end - comment.size();
        const std::string_view between = plan_end_ < line_start
                                             ? text_.substr(plan_end_, line_start - plan_end_)
                                             : std::string_view("x");
        const bool follows =
            between.starts_with('\n') && std::all_of(between.begin() + 1, between.end(), is_blank);
        const std::size_t mark = skip_blank(2);
        const bool marked = mark < comment.size() && comment[mark] == '!';
        const std::size_t word = marked ? mark + 1 : mark;
        bool counts = follows && marked && skip_blank(word) > word;
        for (const std::string_view name : {"launch", "workspace", "tensormap"}) {
            counts = counts || (marked && comment.substr(word).starts_with(name));
        }
        if (!counts) {
            return false;
        }
        hasher_.add("//!");
        std::size_t at = skip_blank(word);
        while (at < comment.size()) {
            const std::size_t start = at;
            while (at < comment.size() && !is_blank(comment[at])) {
                ++at;
            }
            hasher_.add(comment.substr(start, at - start));
            at = skip_blank(at);
        }
        plan_end_ = end;
        return true;
    }

    void number() {
        const std::size_t start = at_;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            const bool exponent = c == 'e' || c == 'E' || c == 'p' || c == 'P';
            if (exponent && (peek(1) == '+' || peek(1) == '-')) {
                at_ += 2;
            } else if (is_word_char(c) || c == '.' || (c == '\'' && is_word_char(peek(1)))) {
                ++at_;
            } else {
                break;
            }
        }
        emit(text_.substr(start, at_ - start));
    }

    void word() {
        const std::size_t start = at_;
        while (at_ < text_.size() && is_word_char(text_[at_])) {
            ++at_;
        }
        const std::string_view token = text_.substr(start, at_ - start);
        constexpr std::array<std::string_view, 5> k_raw{"R", "LR", "uR", "UR", "u8R"};
        constexpr std::array<std::string_view, 4> k_encoding{"L", "u", "U", "u8"};
        if (peek() == '"' && std::find(k_raw.begin(), k_raw.end(), token) != k_raw.end() &&
            raw_string(start)) {
            return;
        }
        if ((peek() == '"' || peek() == '\'') &&
            std::find(k_encoding.begin(), k_encoding.end(), token) != k_encoding.end()) {
            quoted(start);
            return;
        }
        emit(token);
    }

    /// A string or character literal whose quote is at `at_`; `start` is where its prefix begins.
    /// An unterminated one ends with its line.
    void quoted(std::size_t start) {
        const char quote = text_[at_];
        ++at_;
        while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
            at_ += text_[at_] == '\\' && peek(1) != '\n' ? 2 : 1;
        }
        at_ = std::min(at_, text_.size());
        if (peek() == quote) {
            ++at_;
            while (at_ < text_.size() && is_word_char(text_[at_])) {
                ++at_;  // a user-defined suffix
            }
        }
        emit(text_.substr(start, at_ - start));
    }

    /// R"delimiter( ... )delimiter" with its opening quote at `at_`. False: not one.
    bool raw_string(std::size_t start) {
        const std::size_t open = spliced_.origin[at_];
        std::size_t paren = open + 1;
        while (paren < source_.size() && source_[paren] != '(') {
            const char c = source_[paren];
            if (paren - open > 16 || c == ')' || c == '\\' || c == '"' || c == '\n' ||
                is_blank(c)) {
                return false;
            }
            ++paren;
        }
        if (paren >= source_.size()) {
            return false;
        }
        std::string closing(1, ')');
        closing += source_.substr(open + 1, paren - open - 1);
        closing += '"';
        const std::size_t close = source_.find(closing, paren + 1);
        const std::size_t end =
            close == std::string_view::npos ? source_.size() : close + closing.size();
        const auto next = std::lower_bound(
            spliced_.origin.begin() + static_cast<std::ptrdiff_t>(at_), spliced_.origin.end(), end);
        std::string token(text_.substr(start, at_ - start));
        token += source_.substr(open, end - open);
        at_ = static_cast<std::size_t>(next - spliced_.origin.begin());
        emit(token);
        return true;
    }

    void punctuator() {
        const std::string_view rest = text_.substr(at_);
        std::string_view token = rest.substr(0, 1);
        for (const std::string_view candidate : k_punctuators) {
            if (rest.starts_with(candidate)) {
                token = candidate;
                break;
            }
        }
        if (token == "#" && tokens_in_line_ == 0) {
            in_directive_ = true;
        }
        at_ += token.size();
        emit(token);
    }

    std::string_view source_;
    Spliced spliced_;
    std::string_view text_;
    std::size_t at_ = 0;
    Hasher hasher_;
    std::size_t plan_end_ = std::string_view::npos;  ///< of the last line of a launch plan
    bool in_directive_ = false;                      ///< inside a preprocessor line
    bool defining_ = false;                          ///< inside a #define
    int tokens_in_line_ = 0;
};

}  // namespace

std::string token_hash(const std::string& source) {
    return Tokenizer(source).run();
}

}  // namespace kw
