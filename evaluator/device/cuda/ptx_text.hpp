// SPDX-License-Identifier: Apache-2.0
// Words and declarations of PTX text. Not for other folders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kw::cuda {

[[nodiscard]] inline bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}
[[nodiscard]] std::string_view trim(std::string_view text);
/// The next word or single character; removed from `text`. Empty at the end.
std::string_view next_token(std::string_view& text);
/// 0 for what is no number or too large.
[[nodiscard]] std::uint64_t number(std::string_view text);

/// `.param .u64 .ptr .global .align 4 name`, `.shared .align 4 .b8 name[4][32]`.
struct Declaration {
    std::string name;
    std::string type;
    std::size_t element = 0;
    std::size_t align = 0;
    std::size_t count = 0;  ///< 0 = scalar
    bool pointer = false;
    bool initialised = false;
    bool unsized = false;
};

[[nodiscard]] Declaration read_declaration(std::string_view text);
[[nodiscard]] std::int64_t bytes_of(const Declaration& declaration);

}  // namespace kw::cuda
