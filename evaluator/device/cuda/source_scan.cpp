// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/source_scan.hpp"

#include "core/ascii.hpp"
#include "evaluator/device/cpu/cpp_lexer.hpp"

#include <algorithm>
#include <initializer_list>

namespace kw::cuda {
namespace {

using cpu::ScanResult;
using cpu::Token;

constexpr std::size_t k_most_violations = 8;
constexpr std::size_t k_most_findings = 8;

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}
std::vector<Token> tokens_of(std::string_view source) {
    std::vector<Token> tokens;
    cpu::CppLexer lexer(source);
    for (Token token = lexer.next(); token.kind != Token::Kind::end; token = lexer.next()) {
        tokens.push_back(std::move(token));
    }
    return tokens;
}

/// A line as the preprocessor sees it: splices joined, comments within it blanked.
struct LogicalLine {
    std::string text;
    std::size_t line = 1;
};

std::string without_comments(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.compare(i, 2, "//") == 0) {
            break;
        }
        if (text.compare(i, 2, "/*") == 0) {
            const std::size_t end = text.find("*/", i + 2);
            i = end == std::string::npos ? text.size() : end + 1;
            out += ' ';
        } else {
            out += text[i];
        }
    }
    return out;
}

template <class Visit>
void for_each_line(std::string_view source, Visit visit) {
    LogicalLine line;
    std::size_t number = 1;
    while (!source.empty()) {
        const std::size_t end = std::min(source.find('\n'), source.size());
        std::string_view text = source.substr(0, end);
        source.remove_prefix(std::min(end + 1, source.size()));
        while (!text.empty() && is_blank(text.back())) {
            text.remove_suffix(1);
        }
        const bool spliced = !text.empty() && text.back() == '\\';
        line.text += spliced ? text.substr(0, text.size() - 1) : text;
        ++number;
        if (!spliced || source.empty()) {
            visit(line);
            line = {{}, number};
        }
    }
}

class DirectiveScan {
public:
    explicit DirectiveScan(ScanResult& result)
        : result_(result) {}

    void line(const LogicalLine& line) {
        if (result_.violations.size() >= k_most_violations) {
            return;
        }
        line_ = line.line;
        const std::string text = without_comments(line.text);
        std::string_view rest = skip(text);
        const std::size_t mark = rest.substr(0, 1) == "#" ? 1 : (rest.substr(0, 2) == "%:" ? 2 : 0);
        if (mark == 0) {
            return;
        }
        rest = skip(rest.substr(mark));
        const std::string_view word = take_word(rest);
        if (is_one_of(word, {"include", "include_next", "import"})) {
            include(word, skip(rest));
        } else if (word == "pragma") {
            pragma(skip(rest));
        } else if (word == "embed") {
            add("include-path", "#embed", "write the numbers into the source");
        }
        has_include(rest);
    }

private:
    static std::string_view skip(std::string_view text) {
        while (!text.empty() && is_blank(text.front())) {
            text.remove_prefix(1);
        }
        return text;
    }
    static std::string_view take_word(std::string_view& text) {
        std::size_t n = 0;
        while (n < text.size() && is_word(text[n])) {
            ++n;
        }
        const std::string_view word = text.substr(0, n);
        text.remove_prefix(n);
        return word;
    }

    void add(const char* rule, std::string what, std::string advice) {
        result_.violations.push_back({rule, line_, std::move(what), std::move(advice)});
    }

    void include(std::string_view word, std::string_view rest) {
        if (rest.empty() || (rest.front() != '<' && rest.front() != '"')) {
            add("include-path",
                "#" + std::string(word) + " of a macro",
                "name the header itself, as in #include <cuda_fp16.h>");
        }
    }

    void has_include(std::string_view rest) {
        for (std::size_t at = rest.find("__has_include"); at != std::string_view::npos;
             at = rest.find("__has_include", at + 1)) {
            std::string_view argument = rest.substr(at);
            take_word(argument);
            argument = skip(argument);
            argument = argument.substr(0, 1) == "(" ? skip(argument.substr(1)) : argument;
            if (argument.empty() || (argument.front() != '<' && argument.front() != '"')) {
                add("include-path",
                    "__has_include of a macro",
                    "name the header itself, as in __has_include(<cuda_fp8.h>)");
                return;
            }
        }
    }

    void pragma(std::string_view rest) {
        const std::string name(take_word(rest));
        const bool hides = name.rfind("nv_diag", 0) == 0 || name.rfind("diag_", 0) == 0 ||
                           name.rfind("nv_suppress", 0) == 0 || name == "nv_hdrstop";
        if (hides) {
            add("pragma",
                "#pragma " + name.substr(0, 60),
                "remove it: the judge reads all diagnostics");
        }
    }

    ScanResult& result_;
    std::size_t line_ = 1;
};

bool names_a_file_directive(const std::string& text) {
    std::string low = text;
    std::transform(low.begin(), low.end(), low.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return low.find(".incbin") != std::string::npos || low.find(".include") != std::string::npos;
}

class TokenScan {
public:
    explicit TokenScan(ScanResult& result)
        : result_(result) {}

    /// `first_line` is where the text of the tokens begins.
    void run(const std::vector<Token>& tokens, std::size_t first_line = 1) {
        offset_ = first_line - 1;
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            if (result_.violations.size() >= k_most_violations) {
                return;
            }
            one(tokens, i);
        }
    }

private:
    void add(const char* rule, std::size_t line, std::string what, std::string advice) {
        result_.violations.push_back({rule, line + offset_, std::move(what), std::move(advice)});
    }

    static bool is(const std::vector<Token>& tokens, std::size_t i, std::string_view text) {
        return i < tokens.size() && tokens[i].kind == Token::Kind::punctuation &&
               tokens[i].text == text;
    }

    void one(const std::vector<Token>& tokens, std::size_t i) {
        const Token& token = tokens[i];
        if (is(tokens, i, "<") && is(tokens, i + 1, "<") && is(tokens, i + 2, "<") &&
            !(i > 0 && is(tokens, i - 1, "<"))) {
            add("host-code",
                token.line,
                "a launch with <<<...>>>",
                "describe launches in //!launch lines; the file holds device code alone");
        } else if (token.kind == Token::Kind::string && names_a_file_directive(token.text)) {
            add("asm-directive", token.line, "text with .incbin or .include", "remove it");
        } else if (token.kind == Token::Kind::identifier) {
            identifier(tokens, i);
        }
    }

    void identifier(const std::vector<Token>& tokens, std::size_t i) {
        const std::string& word = tokens[i].text;
        const bool member = i > 0 && (is(tokens, i - 1, ".") || is(tokens, i - 1, ">"));
        if (word == "main" && is(tokens, i + 1, "(") && !member) {
            add("host-code", tokens[i].line, "a function main", "the file holds device code alone");
        } else if (word == "_Pragma" || word == "__pragma") {
            pragma_operator(tokens, i);
        } else if (
            is_one_of(word, {"__CUDACC_RTC__", "__NVCC__", "__CUDACC_VER_MAJOR__"}) &&
            result_.findings.size() < k_most_findings) {
            note(tokens[i].line, word);
        }
    }

    void pragma_operator(const std::vector<Token>& tokens, std::size_t i) {
        const bool readable = is(tokens, i + 1, "(") && i + 2 < tokens.size() &&
                              tokens[i + 2].kind == Token::Kind::string;
        const std::string text = readable ? tokens[i + 2].text : std::string();
        const std::string name = text.substr(0, text.find(' '));
        if (!is_one_of(name, {"unroll", "nounroll", "once"})) {
            add("pragma",
                tokens[i].line,
                "_Pragma of something else than unroll",
                "remove it: the judge reads all diagnostics");
        }
    }

    void note(std::size_t line, const std::string& word) {
        result_.findings.push_back(
            {"compiler-dependent",
             "warning",
             "scan",
             "line " + std::to_string(line + offset_) + ": code that depends on " + word});
    }

    ScanResult& result_;
    std::size_t offset_ = 0;
};

/// Words that may stand between `__host__` and `__device__` of one declaration.
bool is_specifier(std::string_view word) {
    return is_one_of(
        word,
        {"__host__",
         "__device__",
         "__forceinline__",
         "__inline__",
         "__noinline__",
         "inline",
         "static",
         "constexpr",
         "extern",
         "explicit",
         "friend",
         "virtual"});
}

bool has_device_beside(const std::vector<Token>& tokens, std::size_t at) {
    for (std::size_t i = at; i-- > 0 && is_specifier(tokens[i].text);) {
        if (tokens[i].text == "__device__") {
            return true;
        }
    }
    for (std::size_t i = at + 1; i < tokens.size() && is_specifier(tokens[i].text); ++i) {
        if (tokens[i].text == "__device__") {
            return true;
        }
    }
    return false;
}

}  // namespace

ScanResult scan_source(std::string_view source) {
    ScanResult result = cpu::scan_source(source);
    DirectiveScan directives(result);
    TokenScan tokens(result);
    for_each_line(source, [&](const LogicalLine& line) {
        directives.line(line);
        if (line.text.starts_with("#")) {  // which the lexer takes as one token
            tokens.run(tokens_of(std::string_view(line.text).substr(1)), line.line);
        }
    });
    tokens.run(tokens_of(source));
    std::stable_sort(
        result.violations.begin(), result.violations.end(), [](const auto& a, const auto& b) {
            return a.line < b.line;
        });
    return result;
}

ScanResult scan_host_code(std::string_view source) {
    ScanResult result;
    const std::vector<Token> tokens = tokens_of(source);
    for (std::size_t i = 0; i < tokens.size() && result.violations.size() < k_most_violations;
         ++i) {
        const bool host = tokens[i].kind == Token::Kind::identifier && tokens[i].text == "__host__";
        if (host && !has_device_beside(tokens, i)) {
            result.violations.push_back(
                {"host-code",
                 tokens[i].line,
                 "a function for the host",
                 "the file holds device code alone"});
        }
    }
    return result;
}

}  // namespace kw::cuda
