// SPDX-License-Identifier: Apache-2.0
// [[cases]], [distributions] and [hidden] of task.toml, and the check of every size at every shape
// that can be drawn.
#include "core/task_parts.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace kw {
namespace {

constexpr std::size_t k_max_case_name = 64;
constexpr std::int64_t k_max_hidden = 16;

std::vector<std::string> distribution_names(const Task& task) {
    std::vector<std::string> names;
    for (const auto& [name, fills] : task.distributions) {
        names.push_back(name);
    }
    return names;
}

void check_distribution_name(const std::string& name, Place place, TaskParts& parts) {
    if (!name.empty() && !parts.task.distributions.contains(name)) {
        parts.mistakes.add(
            place,
            "unknown distribution " + in_quotes(name),
            suggestion(name, distribution_names(parts.task), "declare it: [distributions.NAME]"));
    }
}

DimMap read_case_dims(TableReader& reader, TaskParts& parts) {
    DimMap dims;
    const TomlValue* value = reader.find_kind("dims", TomlValue::Kind::table, Need::required);
    if (value == nullptr) {
        return dims;
    }
    TableReader table(*value, "the dims of " + reader.what(), parts.mistakes);
    for (const Dim& dim : parts.task.dims) {
        const TomlValue* extent = table.find(dim.name, Need::required);
        if (extent != nullptr) {
            check_dim_value(dim, *extent, parts.mistakes);
            dims[dim.name] = extent->integer;
        }
    }
    table.finish();
    return dims;
}

Case read_case(const TomlValue& entry, std::set<std::string>& taken, TaskParts& parts) {
    TableReader reader(entry, "[[cases]]", parts.mistakes);
    Case item;
    item.name = reader.text("name", Need::required, k_max_case_name);
    const auto unfit = [](char c) {
        return c <= ' ' || c > '~' || c == '"' || c == '\\';
    };
    if (std::any_of(item.name.begin(), item.name.end(), unfit)) {
        parts.mistakes.add(
            reader.place_of("name"), "a case's name is printable ASCII without spaces and quotes");
    }
    if (!item.name.empty() && !taken.insert(item.name).second) {
        parts.mistakes.add(
            reader.place_of("name"), "the case name " + in_quotes(item.name) + " is taken");
    }
    TableReader named(entry, "case '" + item.name + "'", parts.mistakes);
    static_cast<void>(named.find("name"));
    item.dims = read_case_dims(named, parts);
    item.distribution = named.text("distribution");
    item.timed = named.boolean("timed", false);
    item.probe = named.boolean("probe", false);
    const bool cuda = has_target(parts.task, "cuda");
    if (named.has("emulated") && !cuda) {
        parts.mistakes.add(
            named.place_of("emulated"), "emulated in a task whose targets lack cuda");
    }
    item.emulated =
        named.boolean("emulated", cuda && (item.timed || fits_emulated(parts.task, item.dims)));
    named.finish();
    check_distribution_name(item.distribution, named.place_of("distribution"), parts);
    if (parts.mistakes.none()) {
        check_at(named.what(), item.dims, item.distribution, named.place_of("dims"), parts);
    }
    return item;
}

/// Bytes of one packed record, 0 for other fills.
std::int64_t record_bytes(const Fill& fill) {
    std::int64_t bytes = 0;
    for (const RecordField& field : fill.record) {
        bytes += field.count * static_cast<std::int64_t>(size_of(field.dtype));
    }
    return bytes;
}

std::optional<std::string> argument_problem(
    const Task& task, const Arg& arg, const DimMap& dims, const std::string& distribution) {
    const Result<std::int64_t> bytes = byte_size(arg, dims);
    if (!bytes) {
        return bytes.error().what;
    }
    if (*bytes > k_max_argument_bytes) {
        return "argument '" + arg.name + "' has " + std::to_string(*bytes) +
               " bytes, more than 4 GiB";
    }
    if (*bytes == 0 && arg.role != Role::workspace) {
        return "argument '" + arg.name + "' has no elements";
    }
    const std::int64_t record = record_bytes(fill_of(task, arg, distribution));
    if (is_filled(arg.role) && record > 0) {
        const Result<std::int64_t> columns = arg.shape.back().eval(dims);
        if (columns && *columns % record != 0) {
            return "argument '" + arg.name + "': the last axis (" + std::to_string(*columns) +
                   " bytes) is no multiple of the record's " + std::to_string(record) + " bytes";
        }
    }
    return std::nullopt;
}

std::optional<std::string> expression_problem(
    const char* what, const DimExpr& expression, const DimMap& dims, std::int64_t least) {
    if (expression.empty()) {
        return std::nullopt;
    }
    const Result<std::int64_t> value = expression.eval(dims);
    if (!value) {
        return std::string(what) + ": " + value.error().what;
    }
    if (*value < least) {
        return std::string(what) + " is " + std::to_string(*value) + ", less than " +
               std::to_string(least);
    }
    return std::nullopt;
}

std::optional<std::string> problem_at(
    const Task& task, const DimMap& dims, const std::string& distribution) {
    for (const Arg& arg : task.args) {
        if (auto problem = argument_problem(task, arg, dims, distribution)) {
            return problem;
        }
        if (is_output(arg.role)) {
            const std::string what = "argument '" + arg.name + "': check.k";
            if (auto problem = expression_problem(what.c_str(), arg.check.k, dims, 1)) {
                return problem;
            }
        }
    }
    const std::initializer_list<std::tuple<const char*, const DimExpr&, std::int64_t>> costs{
        {"cost.flop", task.cost.flop, 0},
        {"cost.bytes", task.cost.bytes, 1},
        {"cost.reference_flop", task.cost.reference_flop, 0},
        {"prepare.max_bytes", task.prepare_max_bytes, 0},
        {"verify.products", task.verify.products, 0}};
    for (const auto& [what, expression, least] : costs) {
        if (auto problem = expression_problem(what, expression, dims, least)) {
            return problem;
        }
    }
    return std::nullopt;
}

void read_choose(TableReader& reader, TaskParts& parts) {
    constexpr std::size_t k_max_values = 64;
    const TomlValue* value = reader.find_kind("choose", TomlValue::Kind::table, Need::required);
    if (value == nullptr) {
        return;
    }
    TableReader table(*value, "the choose of [hidden]", parts.mistakes);
    for (const Dim& dim : parts.task.dims) {
        const TomlValue* list = table.find_kind(dim.name, TomlValue::Kind::array, Need::required);
        if (list == nullptr) {
            continue;
        }
        if (list->items.empty() || list->items.size() > k_max_values) {
            parts.mistakes.add(
                list->place,
                "choose " + dim.name + " from 1 to " + std::to_string(k_max_values) + " values");
            continue;
        }
        for (const TomlValue& item : list->items) {
            check_dim_value(dim, item, parts.mistakes);
            parts.task.hidden.choose[dim.name].push_back(item.integer);
        }
    }
    table.finish();
}

/// Counts through every combination of the values, odometer fashion; stops at the first mistake.
void check_every_hidden_shape(Place place, TaskParts& parts) {
    const auto& choose = parts.task.hidden.choose;
    std::int64_t shapes = 1;
    for (const auto& [name, values] : choose) {
        shapes *= static_cast<std::int64_t>(values.size());
        if (shapes > k_max_hidden_shapes) {
            parts.mistakes.add(
                place, "more than " + std::to_string(k_max_hidden_shapes) + " hidden shapes");
            return;
        }
    }
    for (std::int64_t shape = 0; shape < shapes; ++shape) {
        DimMap dims;
        std::int64_t rest = shape;
        for (const auto& [name, values] : choose) {
            const auto count = static_cast<std::int64_t>(values.size());
            dims[name] = values[static_cast<std::size_t>(rest % count)];
            rest /= count;
        }
        for (const std::string& distribution : parts.task.hidden.distributions) {
            check_at(
                "hidden case " + show_dims(parts.task, dims), dims, distribution, place, parts);
        }
        if (!parts.mistakes.none()) {
            return;
        }
    }
}

}  // namespace

void check_dim_value(const Dim& dim, const TomlValue& value, Mistakes& notes) {
    if (value.kind != TomlValue::Kind::integer) {
        std::string what = dim.name + " must be an integer and is ";
        what += describe(value.kind);
        notes.add(value.place, std::move(what));
    } else if (value.integer < dim.min || value.integer > dim.max) {
        notes.add(
            value.place,
            dim.name + " = " + std::to_string(value.integer) + " is outside " +
                std::to_string(dim.min) + " .. " + std::to_string(dim.max));
    } else if (value.integer % dim.multiple_of != 0) {
        notes.add(
            value.place,
            dim.name + " = " + std::to_string(value.integer) + " is no multiple of " +
                std::to_string(dim.multiple_of));
    }
}

void check_at(
    const std::string& what,
    const DimMap& dims,
    const std::string& distribution,
    Place place,
    TaskParts& parts) {
    if (const auto problem = problem_at(parts.task, dims, distribution)) {
        parts.mistakes.add(place, what + ": " + *problem);
    }
}

void read_distributions(TableReader& root, TaskParts& parts) {
    const TomlValue* section = root.find_kind("distributions", TomlValue::Kind::table);
    if (section == nullptr) {
        return;
    }
    if (section->members.size() > k_max_distributions) {
        parts.mistakes.add(
            section->place, "more than " + std::to_string(k_max_distributions) + " distributions");
        return;
    }
    for (const TomlMember& member : section->members) {
        if (const auto problem = unprintable(member.key, k_max_case_name)) {
            parts.mistakes.add(member.place, "a distribution's name " + *problem);
        }
        if (member.value.kind != TomlValue::Kind::table || member.key.empty()) {
            parts.mistakes.add(
                member.place,
                in_quotes(member.key) +
                    " in [distributions] must be a table: [distributions.NAME]");
            continue;
        }
        TableReader table(member.value, "distribution '" + member.key + "'", parts.mistakes);
        auto& fills = parts.task.distributions[member.key];
        for (const Arg& arg : parts.task.args) {
            if (!table.has(arg.name)) {
                continue;
            }
            if (is_filled(arg.role)) {
                fills[arg.name] = read_fill(table, arg.name, arg.dtype, parts);
            } else {
                static_cast<void>(table.find(arg.name));
                parts.mistakes.add(
                    table.place_of(arg.name),
                    "an argument of role " + std::string(name(arg.role)) + " is not filled");
            }
        }
        for (const TomlMember& entry : member.value.members) {
            if (find_arg(parts.task, entry.key) == nullptr) {
                parts.mistakes.add(
                    entry.place,
                    "unknown argument " + in_quotes(entry.key) + " in " + table.what(),
                    suggestion(entry.key, arg_names(parts.task)));
            }
        }
    }
}

void read_cases(TableReader& root, TaskParts& parts) {
    std::set<std::string> taken;
    bool probed = false;
    bool timed = false;
    for (const TomlValue* entry : root.tables("cases", Need::required, k_max_cases)) {
        Case item = read_case(*entry, taken, parts);
        if (item.probe && probed) {
            parts.mistakes.add(entry->place, "a second probe case: exactly one case is the probe");
        }
        probed = probed || item.probe;
        timed = timed || item.timed;
        parts.task.cases.push_back(std::move(item));
    }
    if (!parts.mistakes.none()) {
        return;
    }
    if (!probed) {
        parts.mistakes.add(
            root.place_of("cases"),
            "no probe case",
            "mark one small case with probe = true: the cheap first check");
    }
    if (!timed) {
        parts.mistakes.add(
            root.place_of("cases"), "no timed case", "mark the ranked shapes with timed = true");
    }
}

void read_hidden(TableReader& root, TaskParts& parts) {
    const TomlValue* section = root.find_kind("hidden", TomlValue::Kind::table);
    if (section == nullptr) {
        parts.task.hidden.count = 0;  // nothing to draw from
        return;
    }
    TableReader reader(*section, "[hidden]", parts.mistakes);
    parts.task.hidden.count = static_cast<int>(reader.integer("count", 3, 0, k_max_hidden));
    read_choose(reader, parts);
    parts.task.hidden.distributions = reader.texts("distributions", k_max_distributions);
    if (parts.task.hidden.distributions.empty()) {
        parts.task.hidden.distributions.emplace_back();
    }
    reader.finish();
    for (const std::string& name : parts.task.hidden.distributions) {
        check_distribution_name(name, reader.place_of("distributions"), parts);
    }
    if (parts.mistakes.none()) {
        check_every_hidden_shape(reader.place_of("choose"), parts);
    }
}

}  // namespace kw
