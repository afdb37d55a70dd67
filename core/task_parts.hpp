// SPDX-License-Identifier: Apache-2.0
// The parts of the task.toml reader, one function a section of the file. Not for other folders;
// the front is core/task_file.hpp. Mistakes are noted, never thrown.
#pragma once

#include "core/task.hpp"
#include "core/text_file.hpp"
#include "core/toml_tree.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace kw {

inline constexpr std::size_t k_max_dims = 16;
inline constexpr std::size_t k_max_args = 32;
inline constexpr std::size_t k_max_cases = 64;
inline constexpr std::size_t k_max_baselines = 16;
inline constexpr std::size_t k_max_distributions = 64;
inline constexpr std::int64_t k_max_argument_bytes = std::int64_t{4} << 30;
inline constexpr std::int64_t k_max_hidden_shapes = 4096;

struct TaskParts {
    TaskParts(std::string file, std::filesystem::path root)
        : mistakes(std::move(file))
        , folder(std::move(root)) {}

    Task task;
    Mistakes mistakes;
    std::filesystem::path folder;              ///< canonical
    std::vector<std::filesystem::path> files;  ///< every source named, relative, in file order
};

// --- in the order they must run; each needs the ones before it to be without mistakes ---
void read_dims(TableReader& root, TaskParts& parts);
void read_args(TableReader& root, TaskParts& parts);
void read_prepare(TableReader& root, TaskParts& parts);
void read_cost(TableReader& root, TaskParts& parts);
void read_verify(TableReader& root, TaskParts& parts);
void read_distributions(TableReader& root, TaskParts& parts);
void read_cases(TableReader& root, TaskParts& parts);
void read_hidden(TableReader& root, TaskParts& parts);
void read_cuda(TableReader& root, TaskParts& parts);
void read_sources(TableReader& root, TaskParts& parts);

/// A distribution with its parameters, for an element type. `key` is where it stands in `reader`.
[[nodiscard]] Fill read_fill(
    TableReader& reader, std::string_view key, DType dtype, TaskParts& parts);

/// An expression over the task's dims: a text, or a plain integer.
[[nodiscard]] DimExpr read_expression(
    TableReader& reader, std::string_view key, Need need, const TaskParts& parts, Mistakes& notes);
[[nodiscard]] DimExpr to_expression(
    const TomlValue& value, const std::string& what, const TaskParts& parts, Mistakes& notes);

/// A source of the task's folder that a key names: its absolute path, and it counts for the task's
/// hash. A path that is none, or "", gives an empty one.
[[nodiscard]] std::filesystem::path take_source(
    const std::string& relative, Place place, TaskParts& parts);
/// The keys `name` and `file` of a baseline. `taken`: the names of those before it.
[[nodiscard]] Baseline read_baseline_source(
    TableReader& reader, std::set<std::string>& taken, TaskParts& parts);

/// The value of a dim in range, or a noted mistake.
void check_dim_value(const Dim& dim, const TomlValue& value, Mistakes& notes);
/// Every size, cost and cap of the task at these dims: evaluates, fits, makes sense.
void check_at(
    const std::string& what,
    const DimMap& dims,
    const std::string& distribution,
    Place place,
    TaskParts& parts);

/// What is wrong with `name` as a C identifier of the task's own; nothing if it is fine.
[[nodiscard]] std::optional<std::string> bad_identifier(const std::string& name);
[[nodiscard]] std::vector<std::string> dim_names(const Task& task);
[[nodiscard]] std::vector<std::string> arg_names(const Task& task);
[[nodiscard]] const Arg* find_arg(const Task& task, const std::string& name);
[[nodiscard]] inline bool is_filled(Role role) {
    return role == Role::weight || role == Role::in || role == Role::inout;
}
[[nodiscard]] inline bool is_output(Role role) {
    return role == Role::out || role == Role::inout;
}

}  // namespace kw
