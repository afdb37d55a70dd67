// SPDX-License-Identifier: Apache-2.0
#include "db/columns.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace kw::db {

namespace {

/// SQLite stores NaN as NULL, and -0.0 as the integer 0.
bool lost_by_sqlite(double value) {
    return std::isnan(value) || (value == 0 && std::signbit(value));
}

/// "12:8000000000000000": the double's number in its row, and its bits.
std::optional<std::pair<std::size_t, double>> parse_odd(std::string_view entry) {
    const std::size_t colon = entry.find(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::size_t place = 0;
    std::uint64_t bits = 0;
    const char* const end = entry.data() + entry.size();
    const auto first = std::from_chars(entry.data(), entry.data() + colon, place);
    const auto second = std::from_chars(entry.data() + colon + 1, end, bits, 16);
    if (first.ec != std::errc() || first.ptr != entry.data() + colon || second.ec != std::errc() ||
        second.ptr != end) {
        return std::nullopt;
    }
    return std::pair(place, std::bit_cast<double>(bits));
}

}  // namespace

std::string ColumnNames::list(const std::string& prefix, int schema) const {
    std::string out;
    for (const Name& entry : names_) {
        out += out.empty() ? "" : ", ";
        out += entry.since > schema ? entry.before + std::string(" AS ") : prefix;
        out += entry.name;
    }
    return out;
}

std::string ColumnNames::marks() const {
    std::string out;
    for (std::size_t i = 0; i < names_.size(); ++i) {
        out += i == 0 ? "?" : ", ?";
    }
    return out;
}

std::string ColumnNames::insert_into(const std::string& table) const {
    return "INSERT INTO " + table + " (" + list() + ") VALUES (" + marks() + ")";
}

void Binder::put(Result<Bytes> packed) {
    if (!packed) {
        failure_ = packed.error();
        statement_->bind_null(index_++);
        return;
    }
    statement_->bind(index_++, std::span<const std::byte>(packed.value()));
}

void Binder::operator()(const char*, double value) {
    if (lost_by_sqlite(value)) {
        char entry[48];
        std::snprintf(
            entry,
            sizeof entry,
            "%s%d:%016llx",
            odd_.empty() ? "" : " ",
            doubles_,
            static_cast<unsigned long long>(std::bit_cast<std::uint64_t>(value)));
        odd_ += entry;
    }
    ++doubles_;
    statement_->bind(index_++, value);
}

void Binder::odd_doubles(const char* column) {
    (*this)(column, Nullable{odd_});
}

void Reader::odd_doubles(const char* column) {
    const std::string text = statement_->text(index_++);
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::string_view entry = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
        const auto odd = parse_odd(entry);
        // It may restore bits, never change what the column says.
        const bool fits = odd && odd->first < doubles_.size() && lost_by_sqlite(odd->second) &&
                          (std::isnan(odd->second) ? std::isnan(*doubles_[odd->first])
                                                   : *doubles_[odd->first] == 0);
        if (!fits) {
            return fail(column, printable(entry).append(" does not fit its row"));
        }
        *doubles_[odd->first] = odd->second;
    }
}

void Reader::fail(const char* column, const std::string& why) {
    if (!failure_) {
        failure_ = statement_->connection().damaged(
            statement_->doing(), "column " + std::string(column) + ": " + why);
    }
}

void Reader::operator()(const char* column, int& value) {
    const std::int64_t wide = statement_->integer(index_++);
    if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max()) {
        fail(column, "the number " + std::to_string(wide) + " is out of range");
        return;
    }
    value = static_cast<int>(wide);
}

void Reader::operator()(const char* column, Verdict& value) {
    const std::string text = statement_->text(index_++);
    if (const auto verdict = verdict_from_code(text)) {
        value = *verdict;
    } else {
        fail(column, "no verdict is called '" + printable(text) + "'");
    }
}

void Reader::operator()(const char* column, Comparison& value) {
    const std::string text = statement_->text(index_++);
    if (const auto comparison = comparison_from_name(text)) {
        value = *comparison;
    } else {
        fail(column, "no comparison is called '" + printable(text) + "'");
    }
}

void Reader::operator()(const char* column, std::vector<Sample>& value) {
    auto samples = unpack_samples(statement_->blob(index_++));
    if (samples) {
        value = std::move(samples).value();
    } else {
        fail(column, samples.error().what);
    }
}

void Reader::operator()(const char* column, Packed<std::string> value) {
    auto text = unpack_text(statement_->blob(index_++));
    if (text) {
        value.text = std::move(text).value();
    } else {
        fail(column, text.error().what);
    }
}

void Reader::operator()(const char* column, Word<std::string> value) {
    const std::string text = statement_->text(index_++);
    if (std::find(value.allowed.begin(), value.allowed.end(), text) == value.allowed.end()) {
        fail(column, "no state is called '" + printable(text) + "'");
        return;
    }
    value.text = text;
}

}  // namespace kw::db
