// SPDX-License-Identifier: Apache-2.0
// [[dims]] and [[args]] of task.toml, and the expressions over dims.
#include "core/task_parts.hpp"

#include <algorithm>
#include <array>

namespace kw {
namespace {

constexpr std::int64_t k_max_dim = std::int64_t{1} << 40;
constexpr std::size_t k_max_axes = 8;
constexpr std::size_t k_max_identifier = 64;

// They become parameters of a C++ function and names in expressions.
constexpr auto k_reserved = std::to_array<std::string_view>(
    {"alignas",
     "alignof",
     "and",
     "and_eq",
     "asm",
     "auto",
     "bitand",
     "bitor",
     "bool",
     "break",
     "case",
     "catch",
     "char",
     "char8_t",
     "char16_t",
     "char32_t",
     "class",
     "compl",
     "concept",
     "const",
     "consteval",
     "constexpr",
     "constinit",
     "const_cast",
     "continue",
     "co_await",
     "co_return",
     "co_yield",
     "decltype",
     "default",
     "delete",
     "do",
     "double",
     "dynamic_cast",
     "else",
     "enum",
     "explicit",
     "export",
     "extern",
     "false",
     "float",
     "for",
     "friend",
     "goto",
     "if",
     "inline",
     "int",
     "long",
     "mutable",
     "namespace",
     "new",
     "noexcept",
     "not",
     "not_eq",
     "nullptr",
     "operator",
     "or",
     "or_eq",
     "private",
     "protected",
     "public",
     "register",
     "reinterpret_cast",
     "requires",
     "restrict",
     "return",
     "short",
     "signed",
     "sizeof",
     "static",
     "static_assert",
     "static_cast",
     "struct",
     "switch",
     "template",
     "this",
     "thread_local",
     "throw",
     "true",
     "try",
     "typedef",
     "typeid",
     "typename",
     "union",
     "unsigned",
     "using",
     "virtual",
     "void",
     "volatile",
     "wchar_t",
     "while",
     "xor",
     "xor_eq",
     "packed",
     "min",
     "max",
     "ceil_div"});

const std::vector<std::string>& dtype_names() {
    static const std::vector<std::string> names{
        "f16", "bf16", "f32", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"};
    return names;
}

/// Reads `name` and notes a bad or a taken one.
std::string read_identifier(
    TableReader& reader, const std::vector<std::string>& taken, Mistakes& notes) {
    std::string name = reader.text("name", Need::required);
    if (name.empty()) {
        return name;
    }
    if (const auto problem = bad_identifier(name)) {
        notes.add(reader.place_of("name"), *problem);
    } else if (std::find(taken.begin(), taken.end(), name) != taken.end()) {
        notes.add(reader.place_of("name"), "the name " + in_quotes(name) + " is taken");
    }
    return name;
}

void read_bound(TableReader& table, Check& check, const TaskParts& parts, Mistakes& notes) {
    constexpr double k_most = 1e300;
    check.k = read_expression(table, "k", Need::required, parts, notes);
    check.u_out = table.number("u_out", 0, 0, 1);
    check.u_acc = table.number("u_acc", check.u_acc, 0, 1);
    check.u_op = table.number("u_op", 0, 0, 1);
    check.c = table.number("c", check.c, 0, 1e6);
    check.tiny = table.number("tiny", 0, 0, k_most);
}

void read_check(TableReader& reader, Arg& arg, TaskParts& parts) {
    const TomlValue* value = reader.find_kind("check", TomlValue::Kind::table, Need::required);
    if (value == nullptr) {
        return;
    }
    TableReader table(*value, "the check of " + reader.what(), parts.mistakes);
    const std::string tolerance =
        table.choice("tolerance", {"exact", "bound", "codes"}, Need::required);
    if (tolerance.empty()) {
        return;  // which keys are known hangs on it
    }
    arg.check.tolerance = *tolerance_from_name(tolerance);
    if (arg.check.tolerance == Tolerance::bound) {
        read_bound(table, arg.check, parts, parts.mistakes);
    } else if (arg.check.tolerance == Tolerance::codes) {
        arg.check.code_bits = static_cast<int>(table.integer("code_bits", 8, 4, 8));
        if (arg.check.code_bits != 4 && arg.check.code_bits != 8) {
            parts.mistakes.add(table.place_of("code_bits"), "code_bits must be 4 or 8");
        } else if (size_of(arg.dtype) != 1) {
            std::string what = "tolerance codes compares bytes and the dtype is ";
            what += name(arg.dtype);
            parts.mistakes.add(table.place(), std::move(what));
        }
    }
    table.finish();
}

std::vector<DimExpr> read_shape(TableReader& reader, const TaskParts& parts, Mistakes& notes) {
    std::vector<DimExpr> shape;
    const TomlValue* value = reader.find_kind("shape", TomlValue::Kind::array, Need::required);
    if (value == nullptr) {
        return shape;
    }
    if (value->items.empty() || value->items.size() > k_max_axes) {
        notes.add(
            value->place,
            "a shape has 1 to " + std::to_string(k_max_axes) + " axes and this has " +
                std::to_string(value->items.size()));
        return shape;
    }
    for (const TomlValue& item : value->items) {
        shape.push_back(to_expression(item, "shape", parts, notes));
    }
    return shape;
}

Arg read_arg(const TomlValue& entry, TaskParts& parts) {
    Mistakes& notes = parts.mistakes;
    TableReader reader(entry, "[[args]]", notes);
    Arg arg;
    std::vector<std::string> taken = dim_names(parts.task);
    for (const Arg& other : parts.task.args) {
        taken.push_back(other.name);
    }
    arg.name = read_identifier(reader, taken, notes);
    TableReader named(entry, "argument '" + arg.name + "'", notes);
    static_cast<void>(named.find("name"));
    const auto dtype = dtype_from_name(named.choice("dtype", dtype_names(), Need::required));
    const auto role = role_from_name(
        named.choice("role", {"weight", "in", "out", "inout", "workspace"}, Need::required));
    arg.shape = read_shape(named, parts, notes);
    arg.layout = named.text("layout");
    if (!dtype || !role) {
        return arg;
    }
    arg.dtype = *dtype;
    arg.role = *role;
    const std::string role_text(name(arg.role));
    if (is_filled(arg.role)) {
        arg.fill = read_fill(named, "fill", arg.dtype, parts);
    } else if (named.find("fill") != nullptr) {
        notes.add(named.place_of("fill"), "an argument of role " + role_text + " is not filled");
    }
    if (is_output(arg.role)) {
        read_check(named, arg, parts);
    } else if (named.find("check") != nullptr) {
        notes.add(named.place_of("check"), "an argument of role " + role_text + " is not compared");
    }
    named.finish();
    return arg;
}

}  // namespace

std::optional<std::string> bad_identifier(const std::string& name) {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    if (name.empty() || !std::all_of(name.begin(), name.end(), good) ||
        (name.front() >= '0' && name.front() <= '9')) {
        return in_quotes(name) + " is not a C identifier";
    }
    if (name.size() > k_max_identifier) {
        return in_quotes(name) + " is longer than " + std::to_string(k_max_identifier) +
               " characters";
    }
    const bool ours = name.starts_with("kw_") || name.starts_with("KW_") || name.front() == '_' ||
                      name.find("__") != std::string::npos;
    if (ours || std::find(k_reserved.begin(), k_reserved.end(), name) != k_reserved.end()) {
        return in_quotes(name) + " is a reserved name";
    }
    return std::nullopt;
}

std::vector<std::string> dim_names(const Task& task) {
    std::vector<std::string> names;
    for (const Dim& dim : task.dims) {
        names.push_back(dim.name);
    }
    return names;
}

std::vector<std::string> arg_names(const Task& task) {
    std::vector<std::string> names;
    for (const Arg& arg : task.args) {
        names.push_back(arg.name);
    }
    return names;
}

const Arg* find_arg(const Task& task, const std::string& name) {
    for (const Arg& arg : task.args) {
        if (arg.name == name) {
            return &arg;
        }
    }
    return nullptr;
}

DimExpr to_expression(
    const TomlValue& value, const std::string& what, const TaskParts& parts, Mistakes& notes) {
    if (value.kind == TomlValue::Kind::integer) {
        return DimExpr::constant(value.integer);
    }
    if (value.kind != TomlValue::Kind::text) {
        std::string mistake = what + " must be an expression (a text) and is ";
        mistake += describe(value.kind);
        notes.add(value.place, std::move(mistake));
        return DimExpr::constant(1);
    }
    Result<DimExpr> parsed = DimExpr::parse(value.text);
    if (!parsed) {
        notes.add(value.place, what + ": " + parsed.error().what);
        return DimExpr::constant(1);
    }
    const std::vector<std::string> known = dim_names(parts.task);
    for (const std::string& name : parsed->names()) {
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            notes.add(
                value.place,
                what + ": " + in_quotes(name) + " is not a dim of this task",
                suggestion(name, known, "dims: " + comma_list(known)));
        }
    }
    return std::move(parsed).value();
}

DimExpr read_expression(
    TableReader& reader, std::string_view key, Need need, const TaskParts& parts, Mistakes& notes) {
    const TomlValue* value = reader.find(key, need);
    return value == nullptr ? DimExpr{} : to_expression(*value, std::string(key), parts, notes);
}

void read_dims(TableReader& root, TaskParts& parts) {
    for (const TomlValue* entry : root.tables("dims", Need::required, k_max_dims)) {
        TableReader reader(*entry, "[[dims]]", parts.mistakes);
        Dim dim;
        dim.name = read_identifier(reader, dim_names(parts.task), parts.mistakes);
        dim.min = reader.integer("min", dim.min, 0, k_max_dim);
        dim.max = reader.integer("max", dim.max, 0, k_max_dim);
        dim.multiple_of = reader.integer("multiple_of", 1, 1, k_max_dim);
        dim.about = reader.text("about");
        reader.finish();
        if (dim.max < dim.min) {
            parts.mistakes.add(reader.place_of("max"), "dim " + dim.name + ": max is below min");
        } else if (dim.max / dim.multiple_of * dim.multiple_of < dim.min) {
            parts.mistakes.add(
                reader.place_of("multiple_of"),
                "dim " + dim.name + ": no multiple of " + std::to_string(dim.multiple_of) +
                    " lies in " + std::to_string(dim.min) + " .. " + std::to_string(dim.max));
        }
        parts.task.dims.push_back(std::move(dim));
    }
}

void read_args(TableReader& root, TaskParts& parts) {
    bool compared = false;
    for (const TomlValue* entry : root.tables("args", Need::required, k_max_args)) {
        parts.task.args.push_back(read_arg(*entry, parts));
        compared = compared || is_output(parts.task.args.back().role);
    }
    if (!compared && parts.mistakes.none()) {
        parts.mistakes.add(root.place_of("args"), "no argument has the role out or inout");
    }
}

}  // namespace kw
