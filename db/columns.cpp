// SPDX-License-Identifier: Apache-2.0
#include "db/columns.hpp"

#include <algorithm>

namespace kw::db {

std::string ColumnNames::list(const std::string& prefix) const {
    std::string out;
    for (const std::string& name : names_) {
        out += (out.empty() ? "" : ", ") + prefix + name;
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
