// SPDX-License-Identifier: Apache-2.0
#include "core/toml_tree.hpp"

#include "core/check.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <bit>
#include <cctype>

namespace kw {
namespace {

using Kind = TomlValue::Kind;

constexpr int k_max_nesting = 32;
constexpr int k_max_key_parts = 8;

Place to_place(const toml::source_region& region) {
    return {std::max(1U, region.begin.line), std::max(1U, region.begin.column)};
}

/// Notes in `too_deep` where the nesting passes the cap, and goes no further down.
TomlValue convert(const toml::node& node, int depth, std::optional<Place>& too_deep) {
    TomlValue value;
    value.place = to_place(node.source());
    if (depth > k_max_nesting) {
        too_deep = value.place;
        return value;
    }
    if (const toml::table* table = node.as_table()) {
        value.kind = Kind::table;
        for (const auto& [key, member] : *table) {
            value.members.push_back(
                {std::string(key.str()),
                 to_place(key.source()),
                 convert(member, depth + 1, too_deep)});
        }
    } else if (const toml::array* array = node.as_array()) {
        value.kind = Kind::array;
        for (const toml::node& item : *array) {
            value.items.push_back(convert(item, depth + 1, too_deep));
        }
    } else if (const auto* text = node.as_string()) {
        value.kind = Kind::text;
        value.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
        value.kind = Kind::integer;
        value.integer = integer->get();
        value.number = static_cast<double>(integer->get());
    } else if (const auto* number = node.as_floating_point()) {
        value.kind = Kind::number;
        value.number = number->get();
    } else if (const auto* boolean = node.as_boolean()) {
        value.kind = Kind::boolean;
        value.boolean = boolean->get();
    } else {
        value.kind = Kind::other;
    }
    return value;
}

/// Finds the first key with more than k_max_key_parts dots. The parser caps nested values but not
/// the parts of a key, and then frees the tables by recursion: a.a.a... 50 000 times would exhaust
/// the stack. Knows just enough TOML to skip texts and comments; up to the first syntax mistake it
/// agrees with the parser, and that stops there.
class KeyScan {
public:
    explicit KeyScan(std::string_view text)
        : text_(text) {}

    std::optional<Place> find_long_key() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '"' || c == '\'') {
                skip_text(c);
                continue;
            }
            if (c == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
                continue;
            }
            if (c == '.' && ++dots_ > k_max_key_parts) {
                return place();
            }
            if (c == '\n' || c == '=' || c == ',' || c == '[' || c == '{') {
                dots_ = 0;
            }
            ++at_;
        }
        return std::nullopt;
    }

private:
    [[nodiscard]] Place place() const {
        const std::string_view before = text_.substr(0, at_);
        const std::size_t line_start = before.rfind('\n');  // npos + 1 is 0
        const auto line = std::count(before.begin(), before.end(), '\n') + 1;
        return {static_cast<unsigned>(line), static_cast<unsigned>(at_ - (line_start + 1) + 1)};
    }

    void skip_text(char quote) {
        const std::string_view rest = text_.substr(at_);
        const bool triple = rest.size() >= 3 && rest[1] == quote && rest[2] == quote;
        at_ += triple ? 3 : 1;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '\\' && quote == '"') {
                at_ += 2;
            } else if (!triple && (c == quote || c == '\n')) {
                at_ += c == quote ? 1 : 0;
                return;
            } else if (triple && text_.substr(at_).starts_with(std::string(3, quote))) {
                at_ += 3;
                for (int i = 0; i < 2 && at_ < text_.size() && text_[at_] == quote; ++i) {
                    ++at_;  // up to two quotes before the closing ones belong to the text
                }
                return;
            } else {
                ++at_;
            }
        }
        at_ = std::min(at_, text_.size());
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int dots_ = 0;
};

std::string located(const std::string& file, Place place, const std::string& what) {
    return file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": " +
           what;
}

void append_canonical(const TomlValue& value, std::string& out) {
    const auto tagged = [&out](char tag, const std::string& number) {
        out += tag;
        out += number;
        out += ':';
    };
    switch (value.kind) {
        case Kind::text:
            tagged('s', std::to_string(value.text.size()));
            out += value.text;
            break;
        case Kind::integer: tagged('i', std::to_string(value.integer)); break;
        case Kind::number:
            tagged('f', std::to_string(std::bit_cast<std::uint64_t>(value.number)));
            break;
        case Kind::boolean: tagged('b', value.boolean ? "1" : "0"); break;
        case Kind::array:
            tagged('a', std::to_string(value.items.size()));
            for (const TomlValue& item : value.items) {
                append_canonical(item, out);
            }
            break;
        case Kind::table:
            tagged('t', std::to_string(value.members.size()));
            for (const TomlMember& member : value.members) {
                tagged('k', std::to_string(member.key.size()));
                out += member.key;
                append_canonical(member.value, out);
            }
            break;
        case Kind::other: tagged('?', ""); break;  // dates: refused wherever a value is read
    }
}

}  // namespace

std::string_view describe(Kind kind) {
    switch (kind) {
        case Kind::text: return "a text";
        case Kind::integer: return "an integer";
        case Kind::number: return "a number";
        case Kind::boolean: return "true or false";
        case Kind::array: return "an array";
        case Kind::table: return "a table";
        case Kind::other: return "a date or time";
    }
    return "a value";
}

Result<TomlValue> parse_toml(const std::string& text, const std::string& file) {
    if (const auto place = KeyScan(text).find_long_key()) {
        return Error{Errc::config, located(file, *place, "a key has too many parts"), {}};
    }
    try {
        std::optional<Place> too_deep;
        TomlValue tree = convert(toml::parse(text, file), 0, too_deep);
        if (too_deep) {
            return Error{
                Errc::config,
                located(
                    file,
                    *too_deep,
                    "nested deeper than " + std::to_string(k_max_nesting) + " levels"),
                {}};
        }
        return tree;
    } catch (const toml::parse_error& mistake) {
        std::string what(mistake.description());
        while (!what.empty() && (what.back() == '.' || what.back() == '\n')) {
            what.pop_back();
        }
        if (!what.empty()) {
            what.front() =
                static_cast<char>(std::tolower(static_cast<unsigned char>(what.front())));
        }
        return Error{Errc::config, located(file, to_place(mistake.source()), what), {}};
    }
}

std::string canonical_text(const TomlValue& value) {
    std::string out;
    append_canonical(value, out);
    return out;
}

void Mistakes::add(Place place, std::string what, std::string hint) {
    const bool earlier = !first_ || place.line < first_->place.line ||
                         (place.line == first_->place.line && place.column < first_->place.column);
    if (earlier) {
        first_ = Mistake{place, std::move(what), std::move(hint)};
    }
}

Error Mistakes::error() const {
    KW_CHECK(first_.has_value());
    return {Errc::config, located(file_, first_->place, first_->what), first_->hint};
}

std::string in_quotes(std::string_view given) {
    constexpr std::size_t k_shown = 60;
    std::string out = "'";
    for (const char c : given.substr(0, k_shown)) {
        out += c < ' ' || c > '~' ? '?' : c;
    }
    out += given.size() > k_shown ? "...'" : "'";
    return out;
}

std::optional<std::string> unprintable(std::string_view text, std::size_t max_bytes) {
    if (text.size() > max_bytes) {
        return "is longer than " + std::to_string(max_bytes) + " bytes";
    }
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
            return "holds the control byte " + std::to_string(byte);
        }
    }
    return std::nullopt;
}

}  // namespace kw
