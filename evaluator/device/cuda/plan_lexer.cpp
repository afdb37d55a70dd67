// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/plan_lexer.hpp"

#include "core/ascii.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace kw::cuda {
namespace {

constexpr std::size_t k_npos = std::string_view::npos;

bool is_name_start(char c) {
    return is_letter(c) || c == '_';
}

std::size_t skip_blank(std::string_view text, std::size_t at) {
    while (at < text.size() && is_blank(text[at])) {
        ++at;
    }
    return at;
}

std::size_t name_end(std::string_view text, std::size_t at) {
    while (at < text.size() && is_word(text[at])) {
        ++at;
    }
    return at;
}

/// Behind `//`, blanks and `!`; nothing when the line does not begin so.
std::optional<std::size_t> behind_mark(std::string_view line) {
    std::size_t at = skip_blank(line, 0);
    if (line.substr(at, 2) != "//") {
        return std::nullopt;
    }
    at = skip_blank(line, at + 2);
    return at < line.size() && line[at] == '!' ? std::optional(at + 1) : std::nullopt;
}

/// Where the backslash stands that ends the line, if one does.
std::optional<std::size_t> ending_backslash(std::string_view line) {
    std::size_t end = line.size();
    while (end > 0 && is_blank(line[end - 1])) {
        --end;
    }
    return end > 0 && line[end - 1] == '\\' ? std::optional(end - 1) : std::nullopt;
}

class DirectiveFinder {
public:
    DirectiveList run(std::string_view source) {
        int number = 0;
        if (source.substr(0, 3) == "\xef\xbb\xbf") {
            source.remove_prefix(3);
        }
        while (!source.empty() && !full_) {
            const std::size_t end = std::min(source.find('\n'), source.size());
            line(source.substr(0, end), ++number);
            source.remove_prefix(std::min(end + 1, source.size()));
        }
        return std::move(list_);
    }

private:
    void line(std::string_view text, int number) {
        number_ = number;
        const auto mark = behind_mark(text);
        if (spliced_) {
            std::size_t at = skip_blank(text, 0);
            at = mark ? *mark : (text.substr(at, 2) == "//" ? at + 2 : at);
            append(text, at);
            return;
        }
        if (!mark) {
            open_ = false;
            return;
        }
        const std::size_t first = skip_blank(text, *mark);
        const std::size_t end = name_end(text, first);
        const std::string_view word = text.substr(first, end - first);
        const bool tuning = word == "tune" || word == "require";
        if (!word.empty() && is_name_start(word.front()) && (first == *mark || tuning)) {
            begin(word, first, text, end);
        } else if (open_) {
            append(text, *mark);
        }
    }

    void begin(std::string_view word, std::size_t at, std::string_view text, std::size_t end) {
        if (list_.directives.size() >= k_most_directives) {
            list_.problems.push_back(
                {{number_, static_cast<int>(at) + 1},
                 "more than " + std::to_string(k_most_directives) + " directives",
                 {}});
            full_ = true;
            return;
        }
        Directive directive;
        directive.word = word.substr(0, 64);
        directive.word_at = {number_, static_cast<int>(at) + 1};
        directive.places.push_back({number_, static_cast<int>(end) + 1});
        list_.directives.push_back(std::move(directive));
        open_ = true;
        append(text, end);
    }

    void append(std::string_view text, std::size_t at) {
        Directive& directive = list_.directives.back();
        const auto backslash = ending_backslash(text);
        spliced_ = backslash.has_value();
        std::string_view part = text.substr(0, backslash.value_or(text.size()));
        part = part.substr(0, part.find("//", at));
        if (part.size() < at) {
            return;
        }
        if (directive.text.size() + part.size() - at > k_most_directive_bytes) {
            list_.problems.push_back(
                {directive.word_at,
                 "a directive longer than " + std::to_string(k_most_directive_bytes) + " bytes",
                 {}});
            full_ = true;
            return;
        }
        directive.places.pop_back();
        const auto put = [&](char c, std::size_t column) {
            directive.text += c;
            directive.places.push_back({number_, static_cast<int>(column) + 1});
        };
        if (!directive.text.empty()) {
            put(' ', at);
        }
        for (; at < part.size(); ++at) {
            put(is_blank(part[at]) ? ' ' : part[at], at);
        }
        directive.places.push_back({number_, static_cast<int>(part.size()) + 1});
    }

    DirectiveList list_;
    int number_ = 0;
    bool open_ = false;     ///< the line before was part of a directive
    bool spliced_ = false;  ///< ... and ended in a backslash
    bool full_ = false;
};

}  // namespace

std::string show(const PlanProblem& problem, const std::string& file) {
    std::string text = file;
    if (problem.at.line > 0) {
        text += ":" + std::to_string(problem.at.line) + ":" + std::to_string(problem.at.column);
    }
    text += ": " + problem.what;
    if (!problem.expected.empty()) {
        text += "; expected " + problem.expected;
    }
    return text;
}

DirectiveList find_directives(std::string_view source) {
    return DirectiveFinder().run(source);
}

std::vector<Clause> split_clauses(std::string_view text) {
    std::vector<Clause> clauses;
    for (std::size_t at = skip_blank(text, 0); at < text.size(); at = skip_blank(text, at)) {
        Clause clause;
        clause.key_at = at;
        long depth = 0;
        std::size_t equals = k_npos;
        for (; at < text.size() && (depth > 0 || !is_blank(text[at])); ++at) {
            depth += text[at] == '(' ? 1 : (text[at] == ')' && depth > 0 ? -1 : 0);
            if (text[at] == '=' && equals == k_npos && depth == 0) {
                equals = at;
                // `args = (a, b)`: blanks around the sign are harmless.
                if (at + 1 == text.size() || is_blank(text[at + 1])) {
                    at = skip_blank(text, at + 1) - 1;
                }
            } else if (equals == k_npos && depth == 0) {
                const std::size_t next = skip_blank(text, at + 1);
                const bool before_sign = next > at + 1 && next < text.size() && text[next] == '=' &&
                                         text.substr(next, 2) != "==";
                at = before_sign ? next - 1 : at;
            }
        }
        const std::string_view whole = text.substr(clause.key_at, at - clause.key_at);
        clause.assigned = equals != k_npos;
        if (clause.assigned) {
            clause.key = trimmed(whole.substr(0, equals - clause.key_at));
            clause.value_at = skip_blank(text, equals + 1);
            clause.value = clause.value_at < at ? text.substr(clause.value_at, at - clause.value_at)
                                                : std::string_view{};
        } else {
            clause.key = whole;
            clause.value_at = at;
        }
        clauses.push_back(clause);
    }
    return clauses;
}

bool split_list(std::string_view text, std::vector<Piece>& pieces) {
    pieces.clear();
    long depth = 0;
    bool one_group = !text.empty() && text.front() == '(';
    for (std::size_t i = 0; i < text.size(); ++i) {
        depth += text[i] == '(' ? 1 : (text[i] == ')' ? -1 : 0);
        if (depth < 0) {
            return false;
        }
        one_group = one_group && (depth > 0 || i + 1 == text.size());
    }
    if (depth != 0) {
        return false;
    }
    const std::size_t first = one_group ? 1 : 0;
    const std::size_t last = one_group ? text.size() - 1 : text.size();
    const auto add = [&](std::size_t from, std::size_t to) {
        const std::string_view piece = trimmed(text.substr(from, to - from));
        pieces.push_back({piece, piece.empty() ? from : text.find(piece.front(), from)});
    };
    std::size_t start = first;
    for (std::size_t i = first; one_group && i < last; ++i) {
        depth += text[i] == '(' ? 1 : (text[i] == ')' ? -1 : 0);
        if (text[i] == ',' && depth == 0) {
            add(start, i);
            start = i + 1;
        }
    }
    if (pieces.empty() && trimmed(text.substr(first, last - first)).empty()) {
        return true;  // "()"
    }
    add(start, last);
    return true;
}

std::string in_message(std::string_view given) {
    constexpr std::size_t k_longest = 60;
    std::string text = "'";
    for (const char c : given.substr(0, k_longest)) {
        const auto byte = static_cast<unsigned char>(c);
        text += byte < 0x20 || byte >= 0x7f ? '?' : c;
    }
    return text + (given.size() > k_longest ? "...'" : "'");
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 255 && is_name_start(text.front()) &&
           name_end(text, 0) == text.size();
}

}  // namespace kw::cuda
