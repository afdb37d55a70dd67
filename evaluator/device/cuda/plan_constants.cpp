// SPDX-License-Identifier: Apache-2.0
// Integer constants that a source defines, by its lines: what a launch plan may name.
#include "core/ascii.hpp"
#include "evaluator/device/cuda/plan_lexer.hpp"

#include <algorithm>
#include <array>

namespace kw::cuda {
namespace {

constexpr std::size_t k_npos = std::string_view::npos;
constexpr std::size_t k_most_constants = 512;
constexpr std::size_t k_most_constant_bytes = 512;

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
/// 256u, 1024UL -> without the suffix, which core's grammar does not know.
std::string without_suffixes(std::string_view value) {
    std::string out;
    bool in_number = false;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        const bool digit = c >= '0' && c <= '9';
        if (!in_number && digit && (i == 0 || !is_word(value[i - 1]))) {
            in_number = true;
        } else if (in_number && !is_word(c) && c != '\'') {
            in_number = false;
        }
        const bool suffix = c == 'u' || c == 'U' || c == 'l' || c == 'L' || c == '\'';
        if (!(in_number && suffix)) {
            out += c;
        }
    }
    return out;
}

class ConstantFinder {
public:
    std::vector<ConstantText> run(std::string_view source) {
        int number = 0;
        while (!source.empty() && found_.size() < k_most_constants) {
            const std::size_t end = std::min(source.find('\n'), source.size());
            line(trimmed(source.substr(0, std::min<std::size_t>(end, 4096))), ++number);
            source.remove_prefix(std::min(end + 1, source.size()));
        }
        return std::move(found_);
    }

private:
    void add(std::string_view name, std::string_view value, int number) {
        value = trimmed(value.substr(0, std::min(value.find("//"), value.find("/*"))));
        if (is_name(name) && !value.empty() && value.size() <= k_most_constant_bytes) {
            found_.push_back({std::string(name), without_suffixes(value), number});
        }
    }

    void line(std::string_view text, int number) {
        if (!text.empty() && text.front() == '#') {
            const std::size_t word = skip_blank(text, 1);
            if (text.substr(word, 6) == "define") {
                const std::size_t name = skip_blank(text, word + 6);
                const std::size_t end = name_end(text, name);
                if (end < text.size() && is_blank(text[end])) {
                    add(text.substr(name, end - name), text.substr(end), number);
                }
            }
            return;
        }
        variables(text, number);
    }

    /// `static constexpr int A = 1, B = A * 2;`
    void variables(std::string_view text, int number) {
        static constexpr std::array<std::string_view, 22> k_scalar_types{
            "static",   "inline",   "constexpr", "const",    "int",  "unsigned",
            "signed",   "long",     "short",     "size_t",   "auto", "char",
            "int64_t",  "uint64_t", "int32_t",   "uint32_t", "std",  "__device__",
            "uint16_t", "int16_t",  "uint8_t",   "bool"};
        bool constant = false;
        std::size_t at = 0;
        std::size_t words = 0;
        for (;; ++words) {
            const std::size_t end = name_end(text, at);
            const std::string_view word = text.substr(at, end - at);
            if (std::find(k_scalar_types.begin(), k_scalar_types.end(), word) ==
                k_scalar_types.end()) {
                break;
            }
            constant = constant || word == "const" || word == "constexpr";
            at = skip_blank(text, end);
            if (text.substr(at, 2) == "::") {
                at += 2;
            }
        }
        const std::size_t semicolon = text.find(';', at);
        if (!constant || words < 2 || semicolon == k_npos) {
            return;
        }
        const std::string list = "(" + std::string(text.substr(at, semicolon - at)) + ")";
        std::vector<Piece> pieces;
        if (!split_list(list, pieces)) {
            return;
        }
        for (const Piece& piece : pieces) {
            const std::size_t equals = piece.text.find('=');
            if (equals != k_npos) {
                add(trimmed(piece.text.substr(0, equals)), piece.text.substr(equals + 1), number);
            }
        }
    }

    std::vector<ConstantText> found_;
};

}  // namespace

std::vector<ConstantText> find_constants(std::string_view source) {
    return ConstantFinder().run(source);
}

}  // namespace kw::cuda
