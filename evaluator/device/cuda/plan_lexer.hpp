// SPDX-License-Identifier: Apache-2.0
// The directive lines of a CUDA candidate as text, with the place of every character in the file
// (docs/launch-plan.md#grammar). Linear in time on any bytes; never fails.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kw::cuda {

/// Counted from 1; columns count bytes.
struct SourcePlace {
    int line = 0;
    int column = 0;
    bool operator==(const SourcePlace&) const = default;
};

/// A mistake of the candidate's directives.
struct PlanProblem {
    SourcePlace at;
    std::string what;
    std::string expected;  ///< may be empty
};
/// "candidate.cu:3:12: unknown key 'gird' of //!launch; expected grid"
[[nodiscard]] std::string show(const PlanProblem& problem, const std::string& file);

inline constexpr std::size_t k_most_problems = 20;
inline constexpr std::size_t k_most_directives = 256;
inline constexpr std::size_t k_most_directive_bytes = std::size_t{16} << 10;

/// One directive, continuations joined by a blank, comments removed.
struct Directive {
    std::string word;  ///< "launch"
    SourcePlace word_at;
    std::string text;                 ///< behind the word
    std::vector<SourcePlace> places;  ///< of each character of `text`, and of its end
};

struct DirectiveList {
    std::vector<Directive> directives;
    std::vector<PlanProblem> problems;
};
[[nodiscard]] DirectiveList find_directives(std::string_view source);

/// `key=value` or a bare word of a directive. Offsets are into Directive::text.
struct Clause {
    std::string_view key;    ///< or the bare word
    std::string_view value;  ///< empty for a bare word
    std::size_t key_at = 0;
    std::size_t value_at = 0;
    bool assigned = false;
};
/// Clauses end at blanks outside parentheses; an unbalanced parenthesis ends with the text.
[[nodiscard]] std::vector<Clause> split_clauses(std::string_view text);

struct Piece {
    std::string_view text;  ///< without blanks around it
    std::size_t at = 0;     ///< offset into the string given
};
/// "(a, f(b, c))" -> a | f(b, c). A text that is not one parenthesised group is one piece.
/// Nothing when parentheses do not balance.
[[nodiscard]] bool split_list(std::string_view text, std::vector<Piece>& pieces);

/// Quoted for a message: cut at 60 bytes, control bytes replaced.
[[nodiscard]] std::string in_message(std::string_view given);

[[nodiscard]] bool is_name(std::string_view text);

/// Integer constants that the file defines, read line by line: `#define NAME value` and `constexpr
/// int NAME = value;`. In file order.
struct ConstantText {
    std::string name;
    std::string value;
    int line = 0;
};
[[nodiscard]] std::vector<ConstantText> find_constants(std::string_view source);

}  // namespace kw::cuda
