// SPDX-License-Identifier: Apache-2.0
// [prepare], [cost], [verify], [[baselines]] and [seed] of task.toml.
#include "core/task_parts.hpp"

#include <algorithm>
#include <set>

namespace kw {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_max_path = 255;

/// 1.05 x the bytes of all weights + 64 KiB, as an expression over the dims.
std::string default_prepare_cap(const Task& task) {
    std::string sum;
    for (const Arg& arg : task.args) {
        if (arg.role != Role::weight) {
            continue;
        }
        sum += sum.empty() ? "" : " + ";
        sum += std::to_string(size_of(arg.dtype));
        for (const DimExpr& axis : arg.shape) {
            sum += " * (" + axis.text() + ")";
        }
    }
    return "(" + sum + ") * 105 / 100 + 65536";
}

/// Why `relative` is no source of the task; nothing if it is one. Symbolic links are followed
/// first, so none of them leads out of the folder.
std::optional<std::string> source_problem(const fs::path& folder, const std::string& relative) {
    const fs::path path(relative);
    const bool climbs = std::find(path.begin(), path.end(), "..") != path.end();
    if (relative.size() > k_max_path || path.is_absolute() || climbs) {
        return in_quotes(relative) + " is not a path inside the task's folder";
    }
    std::error_code failed;
    const fs::path real = fs::canonical(folder / path, failed);
    if (failed) {
        return "there is no file " + in_quotes(relative) + " in the task's folder";
    }
    const fs::path inside = real.lexically_relative(folder);
    if (inside.empty() || *inside.begin() == "..") {
        return in_quotes(relative) + " leads out of the task's folder";
    }
    if (!fs::is_regular_file(real, failed)) {
        return in_quotes(relative) + " is not a regular file";
    }
    const std::uintmax_t bytes = fs::file_size(real, failed);
    if (failed || bytes > k_max_source_bytes) {
        return in_quotes(relative) + " is larger than " + std::to_string(k_max_source_bytes) +
               " bytes";
    }
    return std::nullopt;
}

std::vector<std::string> read_links(TableReader& reader, Mistakes& notes) {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '+' || c == '.' || c == '-';
    };
    std::vector<std::string> links = reader.texts("link", 8);
    for (const std::string& link : links) {
        if (link.empty() || link.front() == '-' || !std::all_of(link.begin(), link.end(), good)) {
            notes.add(reader.place_of("link"), in_quotes(link) + " is not the name of a library");
        }
    }
    return links;
}

Baseline read_baseline(
    const TomlValue& entry, bool first, std::set<std::string>& taken, TaskParts& parts) {
    Mistakes& notes = parts.mistakes;
    TableReader reader(entry, "[[baselines]]", notes);
    Baseline baseline = read_baseline_source(reader, taken, parts);
    baseline.link = read_links(reader, notes);
    baseline.isa = reader.choice("isa", {"x86-64-v2", "x86-64-v3", "x86-64-v4"});
    baseline.trusted_peer = reader.boolean("trusted_peer", false);
    reader.finish();
    if (first && (!baseline.link.empty() || !baseline.isa.empty() || baseline.trusted_peer)) {
        notes.add(
            entry.place,
            "the first baseline is the naive one: it may need no library and no instruction set");
    }
    return baseline;
}

}  // namespace

fs::path take_source(const std::string& relative, Place place, TaskParts& parts) {
    if (relative.empty()) {
        return {};
    }
    if (const auto problem = source_problem(parts.folder, relative)) {
        parts.mistakes.add(place, *problem);
        return {};
    }
    if (std::find(parts.files.begin(), parts.files.end(), fs::path(relative)) ==
        parts.files.end()) {
        parts.files.emplace_back(relative);
    }
    return parts.folder / relative;
}

Baseline read_baseline_source(TableReader& reader, std::set<std::string>& taken, TaskParts& parts) {
    Mistakes& notes = parts.mistakes;
    Baseline baseline;
    baseline.name = reader.text("name", Need::required, 64);
    const auto unfit = [](char c) {
        return c <= ' ' || c > '~' || c == '"' || c == '\\';
    };
    if (std::any_of(baseline.name.begin(), baseline.name.end(), unfit)) {
        notes.add(
            reader.place_of("name"),
            "a baseline's name is printable ASCII without spaces and quotes");
    } else if (!baseline.name.empty() && !taken.insert(baseline.name).second) {
        notes.add(
            reader.place_of("name"), "the baseline name " + in_quotes(baseline.name) + " is taken");
    }
    baseline.file =
        take_source(reader.text("file", Need::required), reader.place_of("file"), parts);
    return baseline;
}

void read_prepare(TableReader& root, TaskParts& parts) {
    const TomlValue* section = root.find_kind("prepare", TomlValue::Kind::table);
    if (section == nullptr) {
        return;
    }
    TableReader reader(*section, "[prepare]", parts.mistakes);
    Task& task = parts.task;
    task.prepare = true;
    task.prepare_max_bytes =
        read_expression(reader, "max_bytes", Need::optional, parts, parts.mistakes);
    reader.finish();
    const bool weights = std::any_of(task.args.begin(), task.args.end(), [](const Arg& arg) {
        return arg.role == Role::weight;
    });
    if (!weights) {
        parts.mistakes.add(section->place, "[prepare] without an argument of role weight");
    } else if (task.prepare_max_bytes.empty()) {
        Result<DimExpr> cap = DimExpr::parse(default_prepare_cap(task));
        if (cap) {
            task.prepare_max_bytes = std::move(cap).value();
        } else {
            parts.mistakes.add(
                section->place,
                "the weights' shapes are too long for a default cap",
                "give max_bytes");
        }
    }
}

void read_cost(TableReader& root, TaskParts& parts) {
    const TomlValue* section = root.find_kind("cost", TomlValue::Kind::table, Need::required);
    if (section == nullptr) {
        return;
    }
    TableReader reader(*section, "[cost]", parts.mistakes);
    Cost& cost = parts.task.cost;
    cost.flop = read_expression(reader, "flop", Need::required, parts, parts.mistakes);
    cost.bytes = read_expression(reader, "bytes", Need::required, parts, parts.mistakes);
    cost.op_class = reader.choice("op_class", {"f32", "i8", "bit", "none"}, Need::required);
    cost.reference_flop =
        read_expression(reader, "reference_flop", Need::required, parts, parts.mistakes);
    reader.finish();
}

void read_verify(TableReader& root, TaskParts& parts) {
    const TomlValue* section = root.find_kind("verify", TomlValue::Kind::table);
    if (section == nullptr) {
        return;
    }
    TableReader reader(*section, "[verify]", parts.mistakes);
    Verify& verify = parts.task.verify;
    verify.project = true;
    verify.arg = reader.text("project", Need::required);
    verify.products = read_expression(reader, "products", Need::required, parts, parts.mistakes);
    verify.project_above = reader.integer("project_above", verify.project_above, 0, INT64_MAX);
    reader.finish();
    const Arg* arg = find_arg(parts.task, verify.arg);
    if (verify.arg.empty()) {
        return;
    }
    if (arg == nullptr || !is_output(arg->role)) {
        std::vector<std::string> outputs;
        for (const Arg& other : parts.task.args) {
            if (is_output(other.role)) {
                outputs.push_back(other.name);
            }
        }
        parts.mistakes.add(
            reader.place_of("project"),
            "project: " + in_quotes(verify.arg) + " is not an output of this task",
            suggestion(verify.arg, outputs, "outputs: " + comma_list(outputs)));
    } else if (arg->check.tolerance == Tolerance::codes) {
        parts.mistakes.add(
            reader.place_of("project"), "project: an output of tolerance codes has no projection");
    } else if (arg->check.tolerance == Tolerance::exact && name(arg->dtype).find('f') == 0) {
        parts.mistakes.add(
            reader.place_of("project"),
            "project: an exact output must have an integer dtype to be projected");
    }
}

void read_sources(TableReader& root, TaskParts& parts) {
    parts.task.reference = take_source("reference.cpp", Place{}, parts);
    std::set<std::string> taken;
    bool first = true;
    for (const TomlValue* entry : root.tables("baselines", Need::required, k_max_baselines)) {
        parts.task.baselines.push_back(read_baseline(*entry, first, taken, parts));
        first = false;
    }
    const TomlValue* section = root.find_kind("seed", TomlValue::Kind::table);
    if (section != nullptr) {
        TableReader reader(*section, "[seed]", parts.mistakes);
        parts.task.seed =
            take_source(reader.text("file", Need::required), reader.place_of("file"), parts);
        reader.finish();
    }
}

}  // namespace kw
