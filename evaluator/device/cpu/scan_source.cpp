// SPDX-License-Identifier: Apache-2.0
#include "core/ascii.hpp"
#include "evaluator/device/cpu/scan.hpp"

#include <algorithm>

namespace kw::cpu {
namespace {

constexpr std::size_t k_most_source_violations = 8;

/// Behind a backslash: the length of a line splice, 0 when it is none.
std::size_t splice_length(std::string_view text, std::size_t at) {
    if (at >= text.size() || text[at] != '\\') {
        return 0;
    }
    std::size_t end = at + 1;
    while (end < text.size() && is_blank(text[end])) {
        ++end;
    }
    return end < text.size() && text[end] == '\n' ? end + 1 - at : 0;
}

/// Position behind blanks and splices.
std::size_t skip_blank(std::string_view text, std::size_t at) {
    for (;;) {
        while (at < text.size() && is_blank(text[at])) {
            ++at;
        }
        const std::size_t splice = splice_length(text, at);
        if (splice == 0) {
            return at;
        }
        at += splice;
    }
}

/// An identifier or number with splices taken out; moves `at` behind it.
std::string word_at(std::string_view text, std::size_t& at) {
    std::string word;
    while (at < text.size() && word.size() < 64) {
        if (const std::size_t splice = splice_length(text, at); splice > 0) {
            at += splice;
        } else if (is_word(text[at])) {
            word += text[at++];
        } else {
            break;
        }
    }
    return word;
}

/// The path of <...> or "..." at `at`, splices taken out; empty when there is none on the line.
std::string path_at(std::string_view text, std::size_t at) {
    at = skip_blank(text, at);
    if (at >= text.size() || (text[at] != '<' && text[at] != '"')) {
        return {};
    }
    const char closing = text[at++] == '<' ? '>' : '"';
    std::string path;
    while (at < text.size() && text[at] != '\n' && text[at] != closing && path.size() < 300) {
        if (const std::size_t splice = splice_length(text, at); splice > 0) {
            at += splice;
        } else {
            path += text[at++];
        }
    }
    return path;
}

bool leaves_system_headers(const std::string& path) {
    return !path.empty() && (path.front() == '/' || path.find("..") != std::string::npos ||
                             path.find('\\') != std::string::npos);
}

class SourceScan {
public:
    explicit SourceScan(std::string_view text)
        : text_(text) {}

    ScanResult run() {
        bool line_start = true;  // only blanks, splices and ends of comments since the line began
        // The compiler drops a byte order mark, so what follows it begins a line.
        const std::size_t begin = text_.substr(0, 3) == "\xef\xbb\xbf" ? 3 : 0;
        for (std::size_t at = begin;
             at < text_.size() && result_.violations.size() < k_most_source_violations;
             ++at) {
            const char c = text_[at];
            if (c == '\0' || (c == '\r' && (at + 1 >= text_.size() || text_[at + 1] != '\n'))) {
                add("not-text",
                    c == '\0' ? "the source holds a NUL byte"
                              : "the source holds a lone carriage return",
                    "send plain text with newlines");
                break;
            }
            if (const std::size_t splice = splice_length(text_, at); splice > 0) {
                at += splice - 1;
                ++line_;
            } else if (c == '\n') {
                ++line_;
                line_start = true;
            } else if (is_blank(c)) {
                continue;
            } else if (c == '*' && next_is(at, '/')) {
                at = behind_splices(at + 1);
                line_start = true;
            } else {
                const bool digraph = c == '%' && next_is(at, ':');
                if (line_start && (c == '#' || digraph)) {
                    directive(digraph ? behind_splices(at + 1) + 1 : at + 1);
                } else if (c == '_' && text_.substr(at, 13) == "__has_include") {
                    has_include(at);
                }
                line_start = false;
            }
        }
        return std::move(result_);
    }

private:
    [[nodiscard]] std::size_t behind_splices(std::size_t at) const {
        while (const std::size_t splice = splice_length(text_, at)) {
            at += splice;
        }
        return at;
    }
    [[nodiscard]] bool next_is(std::size_t at, char wanted) const {
        const std::size_t next = behind_splices(at + 1);
        return next < text_.size() && text_[next] == wanted;
    }

    void add(const char* rule, std::string what, std::string advice) {
        result_.violations.push_back({rule, line_, std::move(what), std::move(advice)});
    }

    void directive(std::size_t at) {
        at = skip_blank(text_, at);
        if (text_.substr(at, 2) == "/*") {
            add("line-marker",
                "a comment between '#' and the directive's name",
                "write the directive without it");
            return;
        }
        const std::string word = word_at(text_, at);
        if (word == "line" || (!word.empty() && word.front() >= '0' && word.front() <= '9')) {
            add("line-marker",
                "a line marker ('#" + word.substr(0, 12) + "')",
                "remove it: lines are counted in the file as it is");
        } else if (word == "pragma") {
            pragma(at);
        } else if (word == "include" || word == "include_next" || word == "import") {
            const std::string path = path_at(text_, at);
            if (leaves_system_headers(path)) {
                add("include-path",
                    "#" + word + " of '" + path.substr(0, 80) + "'",
                    "include only system headers by their plain names, and <task>.h");
            }
        }
    }

    /// Pragmas that the preprocessor obeys and removes, so that a later scan cannot see them.
    void pragma(std::size_t at) {
        at = skip_blank(text_, at);
        if (word_at(text_, at) != "GCC") {
            return;
        }
        at = skip_blank(text_, at);
        const std::string name = word_at(text_, at);
        if (name == "poison" || name == "plugin" || name == "dependency" ||
            name == "pch_preprocess" || name == "system_header") {
            add("pragma", "#pragma GCC " + name, "remove it");
        }
    }

    void has_include(std::size_t at) {
        word_at(text_, at);
        at = skip_blank(text_, at);
        if (at < text_.size() && text_[at] == '(') {
            ++at;
        }
        const std::string path = path_at(text_, at);
        if (leaves_system_headers(path)) {
            add("include-path",
                "__has_include of '" + path.substr(0, 80) + "'",
                "ask only for system headers by their plain names");
        }
    }

    std::string_view text_;
    std::size_t line_ = 1;
    ScanResult result_;
};

}  // namespace

ScanResult scan_source(std::string_view source) {
    return SourceScan(source).run();
}

std::string show(const std::vector<Violation>& violations, const std::string& file) {
    std::string text;
    for (const Violation& violation : violations) {
        text += file;
        if (violation.line > 0) {
            text.append(":").append(std::to_string(violation.line));
        }
        text.append(": ").append(violation.what).append(": forbidden (").append(violation.rule);
        text.append("); ").append(violation.advice).append("\n");
    }
    return text;
}

}  // namespace kw::cpu
