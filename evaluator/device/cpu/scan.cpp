// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/scan.hpp"

#include "evaluator/device/cpu/build.hpp"
#include "evaluator/device/cpu/cpp_lexer.hpp"
#include "evaluator/device/cpu/scan_asm.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

namespace kw::cpu {
namespace {

constexpr std::size_t k_most_violations = 8;
constexpr std::size_t k_most_findings = 16;

template <std::size_t n>
bool one_of(std::string_view word, const std::array<std::string_view, n>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// GCC takes every attribute name with and without __ around it.
std::string_view bare(std::string_view name) {
    if (name.size() > 4 && name.substr(0, 2) == "__" && name.substr(name.size() - 2) == "__") {
        return name.substr(2, name.size() - 4);
    }
    return name;
}

constexpr std::array<std::string_view, 8> k_forbidden_attributes{
    "constructor", "destructor", "ifunc", "section", "symver", "weakref", "alias", "init_priority"};

/// Intrinsics that read clocks or change the thread's base registers: a kernel computes.
constexpr std::array<std::string_view, 18> k_forbidden_names{
    "__rdtsc",
    "_rdtsc",
    "__rdtscp",
    "_rdpmc",
    "__rdpmc",
    "__builtin_ia32_rdtsc",
    "__builtin_ia32_rdtscp",
    "__builtin_ia32_rdpmc",
    "_readfsbase_u32",
    "_readfsbase_u64",
    "_readgsbase_u32",
    "_readgsbase_u64",
    "_writefsbase_u32",
    "_writefsbase_u64",
    "_writegsbase_u32",
    "_writegsbase_u64",
    "_xbegin",
    "__builtin_ia32_xbegin"};

/// Called by name, these say that the source means more than to compute. The run-time filter is
/// what stops them, so they are only noted.
constexpr std::array<std::string_view, 46> k_noted_calls{
    "dlopen",   "dlsym",       "dlmopen",       "fork",         "vfork",     "clone",   "clone3",
    "syscall",  "system",      "popen",         "execv",        "execve",    "execvp",  "execl",
    "execlp",   "posix_spawn", "kill",          "raise",        "ptrace",    "open",    "openat",
    "fopen",    "creat",       "read",          "write",        "socket",    "connect", "mmap",
    "mprotect", "mremap",      "munmap",        "memfd_create", "shm_open",  "signal",  "sigaction",
    "getenv",   "setenv",      "clock_gettime", "gettimeofday", "nanosleep", "usleep",  "sleep",
    "exit",     "_exit",       "abort",         "longjmp"};

constexpr std::array<std::string_view, 8> k_noted_std{
    "thread", "jthread", "async", "mutex", "chrono", "ofstream", "ifstream", "random_device"};

constexpr std::array<std::string_view, 4> k_asm_qualifiers{"volatile", "goto", "inline", "const"};

bool is_asm_keyword(const std::string& word) {
    return word == "asm" || word == "__asm__" || word == "__asm";
}

/// `optimize("O3,unroll-loops")`: each item must be one of the flags a directive may ask for.
bool optimize_item_allowed(std::string item) {
    const auto& flags = allowed_flags();
    const auto known = [&flags](const std::string& flag) {
        return std::find(flags.begin(), flags.end(), flag) != flags.end();
    };
    return item.empty() || known(item) || known("-" + item) || known("-f" + item);
}

bool optimize_list_allowed(const std::string& list) {
    std::size_t start = 0;
    while (start <= list.size()) {
        const std::size_t end = std::min(list.find(',', start), list.size());
        std::string item = list.substr(start, end - start);
        item.erase(std::remove(item.begin(), item.end(), ' '), item.end());
        if (!optimize_item_allowed(item)) {
            return false;
        }
        start = end + 1;
    }
    return true;
}

struct Marker {
    std::size_t line = 0;
    std::string file;
    bool enters = false;
};

/// ` 14 "candidate.cpp" 1 3` -> Marker; the text behind the '#'.
bool parse_marker(const std::string& text, Marker& marker) {
    CppLexer lexer(text);
    const Token number = lexer.next();
    if (number.kind != Token::Kind::number || number.text.size() > 9) {
        return false;
    }
    const Token file = lexer.next();
    if (file.kind != Token::Kind::string) {
        return false;
    }
    marker.line = 0;
    for (const char c : number.text) {
        if (c < '0' || c > '9') {
            return false;
        }
        marker.line = marker.line * 10 + static_cast<std::size_t>(c - '0');
    }
    marker.file = file.text;
    marker.enters = lexer.next().text == "1";
    return true;
}

class PreprocessedScan {
public:
    explicit PreprocessedScan(const PreprocessedInput& input)
        : input_(input)
        , lexer_(input.text) {}

    ScanResult run() {
        for (Token token = lexer_.next(); token.kind != Token::Kind::end; token = lexer_.next()) {
            if (result_.violations.size() >= k_most_violations) {
                break;
            }
            step(token);
            if (token.kind != Token::Kind::hash_line) {
                previous_ = std::move(token);
            }
        }
        finish_asm();
        return std::move(result_);
    }

private:
    enum class Place { own, ours, system };

    [[nodiscard]] std::size_t own_line(std::size_t text_line) const {
        if (place_ != Place::own) {
            return include_line_;
        }
        return marker_line_ + (text_line - marker_at_) - 1;
    }

    void violate(const char* rule, std::size_t text_line, std::string what, std::string advice) {
        if (place_ == Place::system) {
            what += " (in " + std::filesystem::path(file_).filename().string() +
                    ", as the source's macros expand there)";
        }
        result_.violations.push_back(
            {rule, own_line(text_line), std::move(what), std::move(advice)});
    }

    void note(const char* rule, std::size_t text_line, const std::string& evidence) {
        if (result_.findings.size() < k_most_findings && noted_.insert(rule + evidence).second) {
            result_.findings.push_back(
                {rule,
                 "warning",
                 "scan",
                 "line " + std::to_string(own_line(text_line)) + ": " + evidence});
        }
    }

    void step(const Token& token) {
        // An asm's template is complete when something else than a literal follows.
        if (asm_state_ == AsmState::strings && token.kind == Token::Kind::string) {
            asm_text_ += token.text;
            return;
        }
        // A line marker may stand between two literals of one template.
        if (asm_state_ != AsmState::none && token.kind != Token::Kind::hash_line &&
            asm_step(token)) {
            return;
        }
        switch (token.kind) {
            case Token::Kind::hash_line: hash_line(token); break;
            case Token::Kind::identifier: identifier(token); break;
            case Token::Kind::punctuation: punctuation(token); break;
            case Token::Kind::string:
                if (optimize_depth_ > 0) {
                    optimize_text_ += token.text;
                }
                break;
            default: break;
        }
    }

    // --- asm -------------------------------------------------------------------------------

    enum class AsmState { none, keyword, strings };

    /// True when the token belongs to the asm's head or template.
    bool asm_step(const Token& token) {
        if (asm_state_ == AsmState::strings) {
            finish_asm();
            return false;
        }
        if (token.kind == Token::Kind::identifier && one_of(bare(token.text), k_asm_qualifiers)) {
            return true;
        }
        if (token.kind == Token::Kind::punctuation && token.text == "(") {
            asm_state_ = AsmState::strings;
            asm_text_.clear();
            asm_line_ = token.line;
            open_paren();
            return true;
        }
        asm_state_ = AsmState::none;
        return false;
    }

    void finish_asm() {
        if (asm_state_ != AsmState::strings) {
            return;
        }
        asm_state_ = AsmState::none;
        if (const auto problem = check_asm_template(asm_text_)) {
            violate(
                problem->rule.c_str(),
                asm_line_,
                "asm uses " + problem->evidence,
                "write the instruction itself or an intrinsic; only kernel instructions, "
                "labels and .p2align are allowed in asm");
        }
    }

    // --- lines that begin with '#' ---------------------------------------------------------

    void hash_line(const Token& token) {
        Marker marker;
        if (parse_marker(token.text, marker)) {
            enter(marker, token.line);
            return;
        }
        CppLexer words(token.text);
        if (words.next().text != "pragma") {
            return;
        }
        pragma(words, token);
    }

    void enter(const Marker& marker, std::size_t text_line) {
        if (marker.enters && place_ == Place::own) {
            include_line_ = own_line(text_line);
        }
        file_ = marker.file;
        marker_line_ = marker.line;
        marker_at_ = text_line;
        if (file_ == input_.own_file) {
            place_ = Place::own;
            return;
        }
        const auto& ours = input_.our_files;
        const std::string normal = std::filesystem::path(file_).lexically_normal().string();
        if (file_.empty() || file_.front() == '<' ||
            std::find(ours.begin(), ours.end(), normal) != ours.end()) {
            place_ = Place::ours;
            return;
        }
        place_ = Place::system;
        const bool allowed = std::any_of(
            input_.allowed_roots.begin(),
            input_.allowed_roots.end(),
            [&normal](const std::string& root) { return normal.rfind(root, 0) == 0; });
        if (!allowed && noted_.insert("include " + normal).second) {
            result_.violations.push_back(
                {"include-path",
                 include_line_,
                 "it includes '" + file_.substr(0, 80) + "'",
                 "include only system headers by their plain names, and <task>.h"});
        }
    }

    void pragma(CppLexer& words, const Token& token) {
        const std::string space = words.next().text;
        const std::string name = words.next().text;
        static constexpr std::array<std::string_view, 5> k_forbidden{
            "poison", "plugin", "dependency", "ident", "java_exceptions"};
        const bool gcc = space == "GCC" || space == "clang";
        if (gcc && name == "pch_preprocess") {
            const Token path = words.next();
            if (seen_pch_ || input_.pch_path.empty() || path.text != input_.pch_path) {
                violate("pragma", token.line, "#pragma GCC pch_preprocess", "remove it");
            }
            seen_pch_ = true;
        } else if (gcc && name == "optimize") {
            pragma_optimize(words, token);
        } else if (
            (gcc && one_of(name, k_forbidden)) ||
            (space == "clang" && (name == "attribute" || name == "section")) ||
            space == "comment") {
            violate("pragma", token.line, "#pragma " + space + " " + name, "remove it");
        } else if (space == "clang" && name == "fp") {
            if (words.next().text != "contract") {
                violate("fast-math", token.line, "#pragma clang fp", "keep IEEE arithmetic");
            }
        } else if (gcc && name == "target" && place_ == Place::own) {
            note("target", token.line, "#pragma GCC target: code beyond the instruction set asked");
        } else if (space == "redefine_extname" || space == "weak") {
            violate("pragma", token.line, "#pragma " + space, "remove it");
        }
    }

    void pragma_optimize(CppLexer& words, const Token& token) {
        std::string list;
        bool allowed = true;
        bool last_string = false;
        for (Token word = words.next(); word.kind != Token::Kind::end; word = words.next()) {
            const bool string = word.kind == Token::Kind::string;
            if (string) {
                list += (last_string || list.empty() ? "" : ",") + word.text;
            } else if (word.kind == Token::Kind::identifier || word.text == "-") {
                allowed = false;
            }
            last_string = string;
        }
        if (!allowed || !optimize_list_allowed(list)) {
            forbid_optimize(token.line, list);
        }
    }

    void forbid_optimize(std::size_t line, const std::string& list) {
        violate(
            "fast-math",
            line,
            "optimize(\"" + list.substr(0, 60) + "\")",
            "ask for flags in the directive line (//!kwright flags=...); fast-math and unknown "
            "options are not allowed");
    }

    // --- attributes and names --------------------------------------------------------------

    void open_paren() {
        if (attribute_depth_ > 0) {
            ++attribute_depth_;
        }
        if (optimize_depth_ > 0) {
            ++optimize_depth_;
        }
    }

    void punctuation(const Token& token) {
        const char c = token.text.empty() ? '\0' : token.text.front();
        const bool twice = previous_.kind == Token::Kind::punctuation && previous_.text == "[";
        if (c == '(') {
            if (attribute_pending_) {
                attribute_pending_ = false;
                attribute_depth_ = 1;
            } else {
                open_paren();
            }
            if (optimize_pending_) {
                optimize_depth_ = 1;
                optimize_text_.clear();
                optimize_line_ = token.line;
            }
        } else if (c == ')') {
            attribute_depth_ -= attribute_depth_ > 0 ? 1 : 0;
            close_optimize();
        } else if (c == ',' && optimize_depth_ == 1) {
            optimize_text_ += ',';
        } else if (c == '[' && twice && bracket_depth_ == 0) {
            bracket_depth_ = 2;
        } else if (c == '[' && bracket_depth_ > 0) {
            ++bracket_depth_;
        } else if (c == ']' && bracket_depth_ > 0) {
            --bracket_depth_;
        }
        optimize_pending_ = false;
    }

    void close_optimize() {
        if (optimize_depth_ == 0 || --optimize_depth_ > 0) {
            return;
        }
        if (!optimize_list_allowed(optimize_text_)) {
            forbid_optimize(optimize_line_, optimize_text_);
        }
    }

    void identifier(const Token& token) {
        const std::string& word = token.text;
        const std::string_view name = bare(word);
        optimize_pending_ = false;
        if (is_asm_keyword(word)) {
            asm_state_ = AsmState::keyword;
        } else if (word == "__attribute__" || word == "__attribute") {
            attribute_pending_ = true;
        } else if (attribute_depth_ > 0 || bracket_depth_ > 0) {
            attribute(token, name);
        } else if (one_of(word, k_forbidden_names) && place_ == Place::own) {
            violate("clock", token.line, word, "a kernel computes; the judge keeps the time");
        } else if (place_ == Place::own) {
            pending_call(token);
        }
    }

    void attribute(const Token& token, std::string_view name) {
        if (optimize_depth_ > 0) {
            optimize_text_ += "?" + token.text;  // only literals are readable here
        } else if (one_of(name, k_forbidden_attributes)) {
            violate(
                "attribute",
                token.line,
                "attribute " + std::string(name),
                "remove it: code runs only when the task's function is called");
        } else if (name == "optimize") {
            optimize_pending_ = true;
        } else if (name == "target" && place_ == Place::own) {
            note("target", token.line, "attribute target: code beyond the instruction set asked");
        }
    }

    void pending_call(const Token& token) {
        const std::string& before = previous_.text;
        const bool member = before == "." || before == ">";
        const std::string_view word = token.text;
        if (!member && (one_of(word, k_noted_calls) || word.rfind("pthread_", 0) == 0)) {
            note("suspicious-name", token.line, token.text);
        } else if (before == ":" && one_of(word, k_noted_std)) {
            note("suspicious-name", token.line, "std::" + token.text);
        }
    }

    const PreprocessedInput& input_;
    CppLexer lexer_;
    ScanResult result_;
    std::set<std::string> noted_;
    Token previous_;
    Place place_ = Place::ours;
    std::string file_;
    std::size_t marker_line_ = 1;
    std::size_t marker_at_ = 0;
    std::size_t include_line_ = 0;
    bool seen_pch_ = false;
    AsmState asm_state_ = AsmState::none;
    std::string asm_text_;
    std::size_t asm_line_ = 0;
    bool attribute_pending_ = false;
    int attribute_depth_ = 0;
    int bracket_depth_ = 0;
    bool optimize_pending_ = false;
    int optimize_depth_ = 0;
    std::string optimize_text_;
    std::size_t optimize_line_ = 0;
};

}  // namespace

ScanResult scan_preprocessed(const PreprocessedInput& input) {
    return PreprocessedScan(input).run();
}

}  // namespace kw::cpu
