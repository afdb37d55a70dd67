// SPDX-License-Identifier: Apache-2.0
#include "cli/emu_arguments.hpp"

#include "core/text_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

namespace kw::cli {
namespace {

using Kind = emulated::TrialArgument::Kind;

constexpr std::int64_t k_most_buffer_bytes = std::int64_t{4} << 30;
constexpr const char* k_forms =
    "one of in:FILE, out:FILE:BYTES, inout:FILE, scratch:BYTES, i32:N, u64:N, f32:X, ...";

template <class T>
std::optional<T> number(std::string_view text, int base = 10) {
    T value{};
    const char* end = text.data() + text.size();
    std::from_chars_result result{};
    if constexpr (std::is_floating_point_v<T>) {
        result = std::from_chars(text.data(), end, value);
    } else {
        result = std::from_chars(text.data(), end, value, base);
    }
    return !text.empty() && result.ec == std::errc{} && result.ptr == end ? std::optional(value)
                                                                          : std::nullopt;
}

Error bad(const std::string& text, const std::string& why) {
    return {Errc::usage, "--arg " + text.substr(0, 200) + ": " + why, k_forms};
}

/// Decimal, or the bits in hexadecimal (0x...).
Result<std::int64_t> integer(
    const std::string& text, std::string_view digits, int bits, bool sign) {
    const auto past = [&] {
        return bad(text, "the number does not fit into " + std::to_string(bits) + " bits");
    };
    const std::uint64_t most = ~std::uint64_t{0} >> (64 - bits);
    if (digits.starts_with("-") && sign) {
        const auto value = number<std::int64_t>(digits);
        if (!value) {
            return bad(text, "this is no integer");
        }
        return *value >= -static_cast<std::int64_t>(most / 2) - 1 ? Result<std::int64_t>(*value)
                                                                  : past();
    }
    const bool hex = digits.starts_with("0x");
    const auto value = number<std::uint64_t>(hex ? digits.substr(2) : digits, hex ? 16 : 10);
    if (!value) {
        return bad(text, "this is no integer");
    }
    if (*value > (sign && !hex ? most / 2 : most)) {
        return past();
    }
    return static_cast<std::int64_t>(*value);
}

Result<EmuArgument> scalar(
    const std::string& text, std::string_view type, std::string_view digits) {
    EmuArgument made;
    const auto bits = number<int>(type.substr(1)).value_or(0);
    made.argument.bytes = bits / 8;
    if (type[0] == 'f') {
        const auto value = number<double>(digits);
        if (!value) {
            return bad(text, "this is no number");
        }
        const bool narrow = bits == 32;
        if (narrow && std::isfinite(*value) &&
            std::abs(*value) > static_cast<double>(std::numeric_limits<float>::max())) {
            return bad(text, "the number does not fit into 32 bits");
        }
        made.argument.kind = Kind::real;
        made.argument.real = *value;
        return made;
    }
    made.argument.kind = Kind::integer;
    KW_TRY_ASSIGN(made.argument.integer, integer(text, digits, bits, type[0] == 'i'));
    return made;
}

Result<std::int64_t> buffer_bytes(const std::string& text, std::string_view digits) {
    const auto bytes = number<std::int64_t>(digits);
    if (!bytes || *bytes < 1 || *bytes > k_most_buffer_bytes) {
        return bad(text, "BYTES is a number from 1 to " + std::to_string(k_most_buffer_bytes));
    }
    return *bytes;
}

/// FILE or FILE:BYTES.
struct Named {
    std::string file;
    std::string_view bytes;
};
Named split(std::string_view rest) {
    const std::size_t colon = rest.rfind(':');
    if (colon != std::string_view::npos && number<std::int64_t>(rest.substr(colon + 1))) {
        return {std::string(rest.substr(0, colon)), rest.substr(colon + 1)};
    }
    return {std::string(rest), {}};
}

Result<EmuArgument> file_buffer(const std::string& text, Kind kind, std::string_view rest) {
    const Named named = split(rest);
    if (named.file.empty()) {
        return bad(text, "a file is not named");
    }
    EmuArgument made;
    made.argument.kind = kind;
    std::int64_t wanted = 0;
    if (!named.bytes.empty()) {
        KW_TRY_ASSIGN(wanted, buffer_bytes(text, named.bytes));
    }
    if (kind == Kind::out) {
        if (wanted == 0) {
            return bad(text, "the size of the buffer is not said");
        }
        made.argument.bytes = wanted;
        made.result = named.file;
        return made;
    }
    KW_TRY_ASSIGN(
        const std::string content,
        read_text_file(named.file, static_cast<std::size_t>(k_most_buffer_bytes)));
    const auto size = static_cast<std::int64_t>(content.size());
    if (size == 0 || size < wanted) {
        return Error{
            Errc::config,
            "reading " + named.file + ": it has " + std::to_string(size) + " bytes, " +
                (wanted == 0 ? "a buffer has at least 1" : std::to_string(wanted) + " are wanted"),
            "make the file longer, or the number after it smaller"};
    }
    made.argument.content.resize(static_cast<std::size_t>(wanted == 0 ? size : wanted));
    std::memcpy(made.argument.content.data(), content.data(), made.argument.content.size());
    if (kind == Kind::inout) {
        made.result = named.file;
    }
    return made;
}

}  // namespace

Result<EmuArgument> read_emu_argument(const std::string& text) {
    static constexpr std::string_view k_numbers[] = {
        "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64"};
    const std::size_t colon = text.find(':');
    const std::string_view kind = std::string_view(text).substr(0, colon);
    if (colon == std::string::npos) {
        return bad(text, "its kind is not said");
    }
    const std::string_view rest = std::string_view(text).substr(colon + 1);
    Result<EmuArgument> made = bad(text, "there is no kind '" + std::string(kind) + "'");
    if (std::ranges::find(k_numbers, kind) != std::end(k_numbers)) {
        made = scalar(text, kind, rest);
    } else if (kind == "scratch") {
        EmuArgument scratch;
        scratch.argument.kind = Kind::scratch;
        KW_TRY_ASSIGN(scratch.argument.bytes, buffer_bytes(text, rest));
        made = std::move(scratch);
    } else if (kind == "in" || kind == "out" || kind == "inout") {
        made = file_buffer(
            text, kind == "in" ? Kind::in : (kind == "out" ? Kind::out : Kind::inout), rest);
    }
    if (made.ok()) {
        made->argument.text = text;
    }
    return made;
}

Result<std::array<std::uint32_t, 3>> parse_sizes(
    const std::string& option, const std::string& text) {
    std::array<std::uint32_t, 3> sizes{1, 1, 1};
    std::string_view rest = text;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        const auto size = number<std::uint32_t>(rest.substr(0, comma));
        if (!size || *size == 0) {
            break;
        }
        sizes[i] = *size;
        if (comma == rest.size()) {
            return sizes;
        }
        rest.remove_prefix(comma + 1);
    }
    return Error{
        Errc::usage,
        option + " " + text.substr(0, 80) + ": this is no size",
        "write X, X,Y or X,Y,Z, each at least 1"};
}

}  // namespace kw::cli
