// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/scan_asm.hpp"

#include "core/ascii.hpp"

#include <algorithm>
#include <array>

namespace kw::cpu {
namespace {

constexpr char k_operand = '\x01';  // stands for what GCC substitutes

bool in_token(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '$' ||
           c == '@' || c == k_operand;
}

/// Behind a '%': how many characters belong to the operand, e.g. "q1", "[name]", "c[name]".
std::size_t operand_length(std::string_view text) {
    std::size_t n = 0;
    if (n < text.size() && is_letter(text[n])) {
        ++n;
    }
    if (n < text.size() && text[n] == '[') {
        const std::size_t end = text.find(']', n);
        return end == std::string_view::npos ? text.size() : end + 1;
    }
    while (n < text.size() && text[n] >= '0' && text[n] <= '9') {
        ++n;
    }
    return std::max<std::size_t>(n, text.empty() ? 0 : 1);
}

/// The text as the assembler sees it: AT&T alternatives taken, operands as a mark, lower case. An
/// asm without operands is not substituted by GCC, but `%` then only spells registers.
std::string substituted(std::string_view text) {
    std::string out;
    const std::size_t last_brace = text.rfind('}');
    bool in_alternatives = false;
    bool skipping = false;
    const auto put = [&](char c) {
        if (!skipping) {
            out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const char following = i + 1 < text.size() ? text[i + 1] : '\0';
        if (c == '%' &&
            (following == '%' || following == '{' || following == '}' || following == '|')) {
            put(following);
            ++i;
        } else if (c == '%' && following == '=') {
            put('0');
            ++i;
        } else if (c == '%') {
            put(k_operand);
            i += operand_length(text.substr(i + 1));
        } else if (c == '{' && last_brace != std::string_view::npos && last_brace > i) {
            in_alternatives = true;
        } else if (c == '|' && in_alternatives) {
            skipping = true;
        } else if (c == '}' && in_alternatives) {
            in_alternatives = false;
            skipping = false;
        } else {
            put(c);
        }
    }
    return out;
}

/// As an asm without operands is taken over; `%=` keeps its meaning of a number for labels.
std::string lower_case(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '%' && i + 1 < text.size() && text[i + 1] == '=') {
            out += '0';
            ++i;
        } else {
            out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }
    return out;
}

std::string without_comments(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '/' && i + 1 < text.size() && text[i + 1] == '*') {
            const std::size_t end = text.find("*/", i + 2);
            i = end == std::string::npos ? text.size() : end + 1;
            out += ' ';
        } else if (text[i] == '#') {
            const std::size_t end = text.find('\n', i);
            if (end == std::string::npos) {
                break;
            }
            i = end;
            out += '\n';
        } else {
            out += text[i];
        }
    }
    return out;
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_prefix_word(std::string_view word) {
    return one_of(word, {"lock",     "rep",      "repe",   "repz",   "repne",  "repnz",
                         "notrack",  "bnd",      "data16", "data32", "addr16", "addr32",
                         "xacquire", "xrelease", "cs",     "ds",     "es",     "fs",
                         "gs",       "ss",       "wait",   "fwait"}) ||
           word.rfind("rex", 0) == 0;
}

bool is_forbidden_instruction(std::string_view word) {
    constexpr std::array<std::string_view, 22> k_starts{
        "syscall",  "sysenter", "sysexit",  "sysret",   "rdtsc",   "rdpmc",  "rdmsr",  "wrmsr",
        "rdfsbase", "wrfsbase", "rdgsbase", "wrgsbase", "xsetbv",  "wrpkru", "swapgs", "iret",
        "rdrand",   "rdseed",   "xbegin",   "vmcall",   "vmmcall", "lcall"};
    for (const std::string_view start : k_starts) {
        if (word.rfind(start, 0) == 0) {
            return true;
        }
    }
    return one_of(word, {"int",   "int1",  "int3",  "into",     "icebp", "in",   "inb",  "inw",
                         "inl",   "out",   "outb",  "outw",     "outl",  "insb", "insw", "insl",
                         "outsb", "outsw", "outsl", "cli",      "sti",   "hlt",  "call", "callq",
                         "callw", "ljmp",  "ud0",   "senduipi", "rdpid"});
}

std::string shown(std::string_view word) {
    std::string out;
    for (const char c : word.substr(0, 40)) {
        out += c == k_operand ? '%' : c;
    }
    return out;
}

std::optional<AsmProblem> check_statement(std::string_view statement) {
    for (;;) {
        while (!statement.empty() && is_blank(statement.front())) {
            statement.remove_prefix(1);
        }
        if (!statement.empty() && statement.front() == '{') {  // {evex} and the like
            const std::size_t end = statement.find('}');
            statement.remove_prefix(end == std::string_view::npos ? statement.size() : end + 1);
            continue;
        }
        std::size_t n = 0;
        while (n < statement.size() && in_token(statement[n])) {
            ++n;
        }
        const std::string_view word = statement.substr(0, n);
        if (word.empty()) {
            return std::nullopt;
        }
        std::string_view rest = statement.substr(n);
        while (!rest.empty() && is_blank(rest.front())) {
            rest.remove_prefix(1);
        }
        if (!rest.empty() && rest.front() == ':') {  // a label
            statement = rest.substr(1);
            continue;
        }
        if (!rest.empty() && rest.front() == '=') {
            return AsmProblem{"asm-directive", "symbol assignment to " + shown(word)};
        }
        if (word.find(k_operand) != std::string_view::npos) {
            return AsmProblem{"asm-obfuscated", shown(word)};
        }
        if (word.front() == '.') {
            return one_of(word, {".p2align", ".align", ".balign"})
                       ? std::nullopt
                       : std::optional(AsmProblem{"asm-directive", shown(word)});
        }
        if (is_forbidden_instruction(word)) {
            return AsmProblem{"asm-instruction", shown(word)};
        }
        if (!is_prefix_word(word)) {
            return std::nullopt;
        }
        statement = rest;
    }
}

std::optional<AsmProblem> check_statements(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = text.find_first_of("\n;");
        if (auto problem = check_statement(text.substr(0, end))) {
            return problem;
        }
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return std::nullopt;
}

}  // namespace

std::optional<AsmProblem> check_asm_template(std::string_view decoded) {
    for (const char c : decoded) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\\' || byte >= 0x80 || (byte < 0x20 && !is_blank(c) && c != '\n')) {
            return AsmProblem{
                "asm-obfuscated", c == '\\' ? "a backslash" : "a byte that is no text"};
        }
    }
    const std::string text = substituted(decoded);
    if (text.find("#no_app") != std::string::npos || text.find("#app") != std::string::npos) {
        return AsmProblem{"asm-obfuscated", "#NO_APP"};
    }
    // Read with GCC's substitution and without, with the assembler's comments and without: no way
    // to hide behind any one reading.
    const std::string plain = lower_case(decoded);
    for (const std::string& reading :
         {without_comments(text), text, without_comments(plain), plain}) {
        if (auto problem = check_statements(reading)) {
            return problem;
        }
    }
    return std::nullopt;
}

}  // namespace kw::cpu
