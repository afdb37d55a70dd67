// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/ptx_text.hpp"

#include "evaluator/device/cuda/ptx_facts.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace kw::cuda {
namespace {

bool in_ptx_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c == '%' || c == '.' || c == ':';
}

/// Bytes of `.u64`, `.f16x2`, `.b8`, `.b128`, `.pred`; 0 for what is no type.
std::size_t type_bytes(std::string_view word) {
    if (word.size() < 3 || word[0] != '.') {
        return 0;
    }
    word.remove_prefix(1);
    if (word == "f16x2" || word == "bf16x2") {
        return 4;
    }
    const std::size_t digits = word.substr(0, 2) == "bf" ? 2 : 1;
    const char kind = word[0];
    const bool known = kind == 'u' || kind == 's' || kind == 'b' || kind == 'f';
    const std::string_view bits = word.substr(std::min(digits, word.size()));
    static constexpr std::array<std::string_view, 5> k_bits{"8", "16", "32", "64", "128"};
    if (!known || std::find(k_bits.begin(), k_bits.end(), bits) == k_bits.end()) {
        return 0;
    }
    return number(bits) / 8;
}

}  // namespace

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

std::string_view next_token(std::string_view& text) {
    text = trim(text);
    std::size_t n = 0;
    while (n < text.size() && in_ptx_word(text[n])) {
        ++n;
    }
    n = n == 0 && !text.empty() ? 1 : n;
    const std::string_view token = text.substr(0, n);
    text.remove_prefix(n);
    return token;
}

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc() ? value : 0;
}

Declaration read_declaration(std::string_view text) {
    Declaration out;
    for (std::string_view token = next_token(text); !token.empty(); token = next_token(text)) {
        if (token == ".align") {
            const std::uint64_t align = number(next_token(text));
            // Of .ptr it is the pointee's.
            out.align = out.pointer ? out.align : static_cast<std::size_t>(align);
        } else if (token == ".ptr") {
            out.pointer = true;
        } else if (const std::size_t bytes = type_bytes(token); bytes > 0) {
            out.type = token.substr(1);
            out.element = bytes;
        } else if (token == "[") {
            const std::uint64_t extent = number(next_token(text));
            out.unsized = out.unsized || extent == 0;
            const std::uint64_t so_far = out.count == 0 ? 1 : out.count;
            std::uint64_t all = 0;
            const bool large = __builtin_mul_overflow(so_far, extent, &all) || all >> 40 != 0;
            out.count = large ? std::size_t{1} << 40 : static_cast<std::size_t>(all);
        } else if (token == "=") {
            out.initialised = true;
            break;
        } else if (token[0] != '.' && token[0] != ']' && token[0] != ',' && out.name.empty()) {
            out.name = token.substr(0, 1024);
        }
    }
    out.align = out.align == 0 ? out.element : out.align;
    return out;
}

std::int64_t bytes_of(const Declaration& declaration) {
    const std::size_t count =
        declaration.count == 0 && !declaration.unsized ? 1 : declaration.count;
    return static_cast<std::int64_t>(declaration.element * count);
}

std::optional<int> source_line(std::string_view ptx, int ptx_line, std::string_view own_file) {
    std::map<std::uint64_t, bool> own;  // file number -> is the candidate's
    std::uint64_t file = 0;
    std::uint64_t line = 0;
    int number_of_line = 0;
    // .file lines stand at the end of what NVRTC writes, so they are read first.
    for (std::string_view rest = ptx; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view text = trim(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (next_token(text) == ".file") {
            const std::uint64_t index = number(next_token(text));
            const std::size_t open = text.find('"');
            const std::size_t close = text.find('"', open + 1);
            const std::string_view name =
                close < text.size() ? text.substr(open + 1, close - open - 1) : "";
            const std::size_t slash = name.rfind('/');
            own[index] =
                (slash == std::string_view::npos ? name : name.substr(slash + 1)) == own_file;
        }
    }
    for (std::string_view rest = ptx; !rest.empty() && number_of_line < ptx_line;) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view text = trim(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++number_of_line;
        const std::string_view word = next_token(text);
        if (word == ".loc") {
            file = number(next_token(text));
            line = number(next_token(text));
        } else if (word == ".func" || word == ".entry" || text.find(".entry") < 16) {
            line = 0;  // lines before the first .loc of a function are nobody's
        }
    }
    const auto known = own.find(file);
    if (line == 0 || line > 1'000'000 || known == own.end() || !known->second) {
        return std::nullopt;
    }
    return static_cast<int>(line);
}

}  // namespace kw::cuda
