// SPDX-License-Identifier: Apache-2.0
#include "core/config.hpp"
#include "core/toml_tree.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace kw {
namespace {

using Kind = TomlValue::Kind;

std::string shown(double value) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

template <class Number, class Show>
std::string out_of_range(Number value, Number least, Number most, Show show) {
    return show(value) + " is outside " + show(least) + " .. " + show(most);
}

}  // namespace

std::string comma_list(const std::vector<std::string>& parts) {
    std::string text;
    for (const std::string& part : parts) {
        text += (text.empty() ? "" : ", ") + part;
    }
    return text;
}

std::string suggestion(
    const std::string& given, const std::vector<std::string>& choices, std::string otherwise) {
    const auto near = did_you_mean(given, choices);
    return near ? "did you mean '" + *near + "'?" : otherwise;
}

const TomlValue* TableReader::find(std::string_view key, Need need) {
    known_.emplace_back(key);
    for (const TomlMember& member : table_.members) {
        if (member.key == key) {
            return &member.value;
        }
    }
    if (need == Need::required) {
        std::string what = what_;
        what += " lacks the key '";
        what += key;
        what += "'";
        mistakes_.add(table_.place, std::move(what));
    }
    return nullptr;
}

const TomlValue* TableReader::find_kind(std::string_view key, Kind kind, Need need) {
    const TomlValue* value = find(key, need);
    if (value == nullptr || value->kind == kind) {
        return value;
    }
    if (kind == Kind::number && value->kind == Kind::integer) {
        return value;
    }
    std::string what(key);
    what += " must be ";
    what += describe(kind);
    what += " and is ";
    what += describe(value->kind);
    mistakes_.add(value->place, std::move(what));
    return nullptr;
}

std::string TableReader::text(std::string_view key, Need need, std::size_t max_bytes) {
    const TomlValue* value = find_kind(key, Kind::text, need);
    if (value == nullptr) {
        return {};
    }
    if (const auto problem = unprintable(value->text, max_bytes)) {
        mistakes_.add(value->place, std::string(key) + ": the text " + *problem);
        return {};
    }
    if (need == Need::required && value->text.empty()) {
        mistakes_.add(value->place, std::string(key) + " must not be empty");
    }
    return value->text;
}

std::int64_t TableReader::integer(
    std::string_view key, std::int64_t fallback, std::int64_t least, std::int64_t most, Need need) {
    const TomlValue* value = find_kind(key, Kind::integer, need);
    if (value == nullptr) {
        return fallback;
    }
    if (value->integer < least || value->integer > most) {
        const auto show = [](std::int64_t v) {
            return std::to_string(v);
        };
        mistakes_.add(
            value->place,
            std::string(key) + ": " + out_of_range(value->integer, least, most, show));
        return fallback;
    }
    return value->integer;
}

double TableReader::number(
    std::string_view key, double fallback, double least, double most, Need need) {
    const TomlValue* value = find_kind(key, Kind::number, need);
    if (value == nullptr) {
        return fallback;
    }
    if (!std::isfinite(value->number)) {
        mistakes_.add(value->place, std::string(key) + " must be finite");
        return fallback;
    }
    if (value->number < least || value->number > most) {
        mistakes_.add(
            value->place,
            std::string(key) + ": " + out_of_range(value->number, least, most, shown));
        return fallback;
    }
    return value->number;
}

bool TableReader::boolean(std::string_view key, bool fallback) {
    const TomlValue* value = find_kind(key, Kind::boolean);
    return value == nullptr ? fallback : value->boolean;
}

std::string TableReader::choice(
    std::string_view key, const std::vector<std::string>& choices, Need need) {
    const TomlValue* value = find_kind(key, Kind::text, need);
    if (value == nullptr) {
        return {};
    }
    if (std::find(choices.begin(), choices.end(), value->text) != choices.end()) {
        return value->text;
    }
    mistakes_.add(
        value->place,
        std::string(key) + " must be one of " + comma_list(choices) + " and is " +
            in_quotes(value->text),
        suggestion(value->text, choices));
    return {};
}

std::vector<std::string> TableReader::texts(std::string_view key, std::size_t max_items) {
    std::vector<std::string> out;
    const TomlValue* value = find_kind(key, Kind::array);
    if (value == nullptr) {
        return out;
    }
    if (value->items.size() > max_items) {
        mistakes_.add(
            value->place,
            std::string(key) + " holds more than " + std::to_string(max_items) + " entries");
        return out;
    }
    for (const TomlValue& item : value->items) {
        if (item.kind != Kind::text) {
            std::string what(key);
            what += " must hold texts and holds ";
            what += describe(item.kind);
            mistakes_.add(item.place, std::move(what));
        } else if (const auto problem = unprintable(item.text, 16 << 10)) {
            mistakes_.add(item.place, std::string(key) + ": the text " + *problem);
        } else {
            out.push_back(item.text);
        }
    }
    return out;
}

std::vector<const TomlValue*> TableReader::tables(
    std::string_view key, Need need, std::size_t max_items) {
    std::vector<const TomlValue*> out;
    const TomlValue* value = find(key);
    const std::string shown_key = "[[" + std::string(key) + "]]";
    if (value == nullptr) {
        if (need == Need::required) {
            mistakes_.add(table_.place, what_ + " needs at least one " + shown_key);
        }
        return out;
    }
    if (value->kind != Kind::array) {
        std::string what = std::string(key) + " must be an array of tables and is ";
        what += describe(value->kind);
        mistakes_.add(value->place, std::move(what), "write " + shown_key);
        return out;
    }
    if (value->items.empty() && need == Need::required) {
        mistakes_.add(value->place, what_ + " needs at least one " + shown_key);
    }
    if (value->items.size() > max_items) {
        mistakes_.add(
            value->items[max_items].place,
            "more than " + std::to_string(max_items) + " " + shown_key);
        return out;
    }
    for (const TomlValue& item : value->items) {
        if (item.kind == Kind::table) {
            out.push_back(&item);
        } else {
            std::string what(key);
            what += " must hold tables and holds ";
            what += describe(item.kind);
            mistakes_.add(item.place, std::move(what));
        }
    }
    return out;
}

Place TableReader::place_of(std::string_view key) const {
    for (const TomlMember& member : table_.members) {
        if (member.key == key) {
            return member.value.place;
        }
    }
    return table_.place;
}

bool TableReader::has(std::string_view key) const {
    return std::any_of(table_.members.begin(), table_.members.end(), [key](const TomlMember& m) {
        return m.key == key;
    });
}

void TableReader::finish() {
    for (const TomlMember& member : table_.members) {
        if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) {
            continue;
        }
        mistakes_.add(
            member.place,
            "unknown key " + in_quotes(member.key) + " in " + what_,
            suggestion(member.key, known_));
    }
}

}  // namespace kw
