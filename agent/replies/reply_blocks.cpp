// SPDX-License-Identifier: Apache-2.0
#include "agent/replies/reply_blocks.hpp"

#include <algorithm>
#include <cctype>

namespace kw::agent {

namespace {

struct FenceLine {
    char mark = 0;  ///< '`' or '~'; 0 = not a fence
    std::size_t length = 0;
    std::string language;
};

FenceLine read_fence(std::string_view line) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos || (line[begin] != '`' && line[begin] != '~')) {
        return {};
    }
    FenceLine fence;
    const char mark = line[begin];
    std::size_t end = line.find_first_not_of(mark, begin);
    end = end == std::string_view::npos ? line.size() : end;
    fence.length = end - begin;
    const std::string_view info = line.substr(end);
    if (fence.length < 3 || info.find('`') != std::string_view::npos) {
        return {};
    }
    fence.mark = mark;
    const std::size_t word = info.find_first_not_of(" \t{.");
    if (word != std::string_view::npos) {
        const std::string_view rest = info.substr(word);
        fence.language = rest.substr(0, rest.find_first_of(" \t,:}"));
        std::transform(
            fence.language.begin(), fence.language.end(), fence.language.begin(), [](char c) {
                return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            });
    }
    return fence;
}

/// Skips a literal that begins at `at` with `quote`; returns the offset behind it (its line's end
/// when it is not closed).
std::size_t skip_literal(std::string_view code, std::size_t at, char quote) {
    for (++at; at < code.size(); ++at) {
        if (code[at] == '\\') {
            ++at;
        } else if (code[at] == quote || code[at] == '\n') {
            break;
        }
    }
    return std::min(at + 1, code.size());
}

}  // namespace

SplitReply split_blocks(std::string_view text) {
    SplitReply split;
    bool open = false;
    FenceLine opening;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t begin = at;
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(begin, end - begin);
        at = end + 1;
        FenceLine fence = read_fence(line);
        const bool ends = open && fence.mark == opening.mark && fence.length >= opening.length;
        if (ends && fence.language.empty()) {
            split.blocks.back().closed = true;
            open = false;
        } else if (fence.mark != 0 && (!open || ends)) {
            split.blocks.push_back({fence.language, {}, begin, false});
            opening = std::move(fence);
            open = true;
        } else {
            std::string& target = open ? split.blocks.back().body : split.prose;
            target.append(line);
            target += '\n';
        }
    }
    return split;
}

bool braces_balance(std::string_view code) {
    long depth = 0;
    for (std::size_t at = 0; at < code.size();) {
        const char c = code[at];
        const char next = at + 1 < code.size() ? code[at + 1] : '\0';
        if (c == '/' && next == '/') {
            at = std::min(code.find('\n', at), code.size());
        } else if (c == '/' && next == '*') {
            const std::size_t end = code.find("*/", at + 2);
            if (end == std::string_view::npos) {
                return false;
            }
            at = end + 2;
        } else if (c == '"') {
            at = skip_literal(code, at, c);
        } else if (
            c == '\'' && (at == 0 || std::isalnum(static_cast<unsigned char>(code[at - 1])) == 0)) {
            at = skip_literal(code, at, c);  // not a digit separator as in 1'000
        } else {
            depth += c == '{' ? 1 : c == '}' ? -1 : 0;
            ++at;
        }
    }
    return depth == 0;
}

}  // namespace kw::agent
