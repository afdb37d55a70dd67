// SPDX-License-Identifier: Apache-2.0
// A parsed TOML file as a plain tree with positions, and a reader that notes mistakes instead of
// throwing. Every TOML file of ours is read with it. toml++ stays in toml_tree.cpp.
#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw {

struct Place {
    unsigned line = 1;
    unsigned column = 1;
};

struct TomlMember;

struct TomlValue {
    enum class Kind { text, integer, number, boolean, array, table, other };
    Kind kind = Kind::table;
    Place place;
    std::string text;
    std::int64_t integer = 0;
    double number = 0;  ///< also of an integer
    bool boolean = false;
    std::vector<TomlValue> items;     ///< array
    std::vector<TomlMember> members;  ///< table, sorted by key
};

struct TomlMember {
    std::string key;
    Place place;  ///< of the key
    TomlValue value;
};

/// "a text", "an integer", ...
[[nodiscard]] std::string_view describe(TomlValue::Kind kind);

/// A syntax mistake is Errc::config: "FILE:LINE:COLUMN: what".
[[nodiscard]] Result<TomlValue> parse_toml(const std::string& text, const std::string& file);

/// Text that two files share exactly when they hold the same values: order of keys, comments and
/// formatting do not count.
[[nodiscard]] std::string canonical_text(const TomlValue& value);

/// Gathers mistakes of one file; the one that stands first in the file is reported.
class Mistakes {
public:
    explicit Mistakes(std::string file)
        : file_(std::move(file)) {}

    void add(Place place, std::string what, std::string hint = {});
    [[nodiscard]] bool none() const { return !first_.has_value(); }
    [[nodiscard]] Error error() const;  ///< only when there is one

private:
    struct Mistake {
        Place place;
        std::string what;
        std::string hint;
    };
    std::string file_;
    std::optional<Mistake> first_;
};

enum class Need { required, optional };

/// "a, b, c"
[[nodiscard]] std::string comma_list(const std::vector<std::string>& parts);
/// "did you mean 'x'?", or `otherwise` when nothing is near.
[[nodiscard]] std::string suggestion(
    const std::string& given, const std::vector<std::string>& choices, std::string otherwise = {});

/// Reads one table key by key; every key that is asked for is known, finish() reports the others.
/// A getter that finds a mistake notes it and returns the fallback, so that reading can go on.
class TableReader {
public:
    /// `what` names the table in messages: "[cost]", "argument 'w'".
    TableReader(const TomlValue& table, std::string what, Mistakes& mistakes)
        : table_(table)
        , what_(std::move(what))
        , mistakes_(mistakes) {}

    [[nodiscard]] const TomlValue* find(std::string_view key, Need need = Need::optional);
    /// Of the kind wanted, or null (noted unless it is absent and optional).
    [[nodiscard]] const TomlValue* find_kind(
        std::string_view key, TomlValue::Kind kind, Need need = Need::optional);
    /// Printable text of at most `max_bytes`; newlines and tabs are allowed.
    [[nodiscard]] std::string text(
        std::string_view key, Need need = Need::optional, std::size_t max_bytes = 16 << 10);
    [[nodiscard]] std::int64_t integer(
        std::string_view key,
        std::int64_t fallback,
        std::int64_t least,
        std::int64_t most,
        Need need = Need::optional);
    [[nodiscard]] double number(
        std::string_view key,
        double fallback,
        double least,
        double most,
        Need need = Need::optional);
    [[nodiscard]] bool boolean(std::string_view key, bool fallback);
    /// One of `choices`; "" when it is absent or a mistake was noted.
    [[nodiscard]] std::string choice(
        std::string_view key, const std::vector<std::string>& choices, Need need = Need::optional);
    /// An array of texts.
    [[nodiscard]] std::vector<std::string> texts(std::string_view key, std::size_t max_items);
    /// An array of tables ([[key]]), empty when absent.
    [[nodiscard]] std::vector<const TomlValue*> tables(
        std::string_view key, Need need, std::size_t max_items);

    /// Where the value of `key` stands, or the table when it is absent.
    [[nodiscard]] Place place_of(std::string_view key) const;
    [[nodiscard]] Place place() const { return table_.place; }
    [[nodiscard]] const std::string& what() const { return what_; }
    [[nodiscard]] bool has(std::string_view key) const;
    void finish();

private:
    const TomlValue& table_;
    std::string what_;
    Mistakes& mistakes_;
    std::vector<std::string> known_;
};

/// The mistake in `text` as a printable text, or nothing.
[[nodiscard]] std::optional<std::string> unprintable(std::string_view text, std::size_t max_bytes);

/// `'given'` for a message: cut, quoted, control bytes replaced.
[[nodiscard]] std::string in_quotes(std::string_view given);

}  // namespace kw
