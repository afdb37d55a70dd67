// SPDX-License-Identifier: Apache-2.0
// Distributions of task.toml: names, parameters and their ranges (docs/tasks.md#distributions).
#include "core/task_parts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace kw {
namespace {

constexpr std::size_t k_max_record_fields = 16;
constexpr std::int64_t k_max_field_count = 1 << 16;
constexpr double k_big = std::numeric_limits<double>::max();

struct Parameter {
    std::string_view name;
    Need need = Need::optional;
    double least = 0;
    double most = 0;
    bool whole = false;
};

struct Distribution {
    std::string_view name;
    std::array<Parameter, 3> parameters{};
};

constexpr Parameter k_sigma{"sigma", Need::optional, 0, k_big};
constexpr Parameter k_group{"group", Need::required, 1, 1e9, true};

constexpr std::array<Distribution, 15> k_distributions{{
    {"zero", {}},
    {"constant", {{{"value", Need::required, -k_big, k_big}}}},
    {"uniform", {{{"lo", Need::required, -k_big, k_big}, {"hi", Need::required, -k_big, k_big}}}},
    {"bytes", {}},
    {"normal", {{{"mean", Need::optional, -k_big, k_big}, k_sigma}}},
    {"student_t", {{{"nu", Need::required, 2, 1e6}, k_sigma}}},
    {"outlier",
     {{k_sigma,
       {"every", Need::required, 1, 1e9, true},
       {"scale", Need::required, -k_big, k_big}}}},
    {"log_uniform",
     {{{"lo", Need::required, 1e-300, k_big}, {"hi", Need::required, 1e-300, k_big}}}},
    {"ties", {{{"step", Need::optional, 0, k_big}}}},
    {"special", {{{"nonfinite", Need::optional, 0, 1, true}}}},
    {"one_hot", {}},
    {"ramp", {}},
    {"zero_groups", {{k_group, {"fraction", Need::required, 0, 1}, k_sigma}}},
    {"constant_groups", {{k_group, k_sigma}}},
    {"records", {}},
}};

std::vector<std::string> distribution_names() {
    std::vector<std::string> names;
    for (const Distribution& distribution : k_distributions) {
        names.emplace_back(distribution.name);
    }
    return names;
}

const Distribution* find_distribution(const std::string& name) {
    for (const Distribution& distribution : k_distributions) {
        if (distribution.name == name) {
            return &distribution;
        }
    }
    return nullptr;
}

bool is_float(DType dtype) {
    return dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f32 ||
           dtype == DType::f64;
}

struct Range {
    double least;
    double most;
};

Range integer_range(DType dtype) {
    const int bits = static_cast<int>(8 * size_of(dtype));
    if (name(dtype).front() == 'u') {
        return {0, std::ldexp(1.0, bits) - 1};
    }
    return {-std::ldexp(1.0, bits - 1), std::ldexp(1.0, bits - 1) - 1};
}

void read_parameters(
    TableReader& table, const Distribution& distribution, Fill& fill, Mistakes& notes) {
    for (const Parameter& parameter : distribution.parameters) {
        if (parameter.name.empty()) {
            continue;
        }
        const bool given = table.has(parameter.name);
        const double value =
            table.number(parameter.name, 0, parameter.least, parameter.most, parameter.need);
        if (given && parameter.whole && value != std::floor(value)) {
            notes.add(
                table.place_of(parameter.name),
                std::string(parameter.name) + " must be a whole number");
        }
        if (given) {
            fill.params[std::string(parameter.name)] = value;
        }
    }
}

/// Ranges that only make sense together, or with the element type.
void check_parameters(const TableReader& table, const Fill& fill, DType dtype, Mistakes& notes) {
    const auto lo = fill.params.find("lo");
    const auto hi = fill.params.find("hi");
    if (lo != fill.params.end() && hi != fill.params.end() && lo->second > hi->second) {
        notes.add(table.place_of("lo"), fill.dist + ": lo is above hi");
    }
    if (is_float(dtype)) {
        return;
    }
    const Range range = integer_range(dtype);
    for (const char* bound : {"lo", "hi", "value"}) {
        const auto found = fill.params.find(bound);
        if (fill.dist == "log_uniform" || found == fill.params.end()) {
            continue;
        }
        if (found->second < range.least || found->second > range.most ||
            found->second != std::floor(found->second)) {
            std::string what = fill.dist + ": " + bound + " is no value of ";
            what += name(dtype);
            notes.add(table.place_of(bound), std::move(what));
        }
    }
}

std::vector<RecordField> read_record(TableReader& table, DType dtype, TaskParts& parts) {
    std::vector<RecordField> fields;
    if (dtype != DType::u8) {
        std::string what = "records fill arguments of dtype u8 and this one is ";
        what += name(dtype);
        parts.mistakes.add(table.place(), std::move(what));
    }
    for (const TomlValue* entry : table.tables("record", Need::required, k_max_record_fields)) {
        TableReader reader(*entry, "a record field", parts.mistakes);
        RecordField field;
        static const std::vector<std::string> k_names{
            "f16", "bf16", "f32", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"};
        field.dtype =
            dtype_from_name(reader.choice("dtype", k_names, Need::required)).value_or(DType::u8);
        field.count = reader.integer("count", 1, 1, k_max_field_count);
        field.fill = read_fill(reader, "fill", field.dtype, parts);
        if (field.fill.dist == "records") {
            parts.mistakes.add(reader.place_of("fill"), "records do not nest");
        }
        reader.finish();
        fields.push_back(std::move(field));
    }
    return fields;
}

}  // namespace

Fill read_fill(TableReader& reader, std::string_view key, DType dtype, TaskParts& parts) {
    Fill fill;
    fill.dist = is_float(dtype) ? "normal" : "bytes";
    const TomlValue* value = reader.find_kind(key, TomlValue::Kind::table);
    if (value == nullptr) {
        return fill;
    }
    TableReader table(*value, "the fill of " + reader.what(), parts.mistakes);
    const std::string dist = table.text("dist", Need::required);
    const Distribution* distribution = find_distribution(dist);
    if (distribution == nullptr) {
        if (!dist.empty()) {
            parts.mistakes.add(
                table.place_of("dist"),
                "unknown distribution " + in_quotes(dist),
                suggestion(
                    dist, distribution_names(), "known: " + comma_list(distribution_names())));
        }
        return fill;
    }
    fill.dist = dist;
    read_parameters(table, *distribution, fill, parts.mistakes);
    if (dist == "records") {
        fill.record = read_record(table, dtype, parts);
    }
    table.finish();
    check_parameters(table, fill, dtype, parts.mistakes);
    return fill;
}

}  // namespace kw
