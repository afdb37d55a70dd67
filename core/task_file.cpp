// SPDX-License-Identifier: Apache-2.0
#include "core/task_file.hpp"

#include "core/hash.hpp"
#include "core/task_parts.hpp"

#include <algorithm>
#include <map>

namespace kw {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_schema = "kwright.task/1";
constexpr const char* k_file_name = "task.toml";
constexpr std::size_t k_max_toml_bytes = 256 << 10;
constexpr std::size_t k_max_entries = 10'000;  // of a root folder that is listed

void read_head(TableReader& root, const fs::path& given_folder, TaskParts& parts) {
    Task& task = parts.task;
    Mistakes& notes = parts.mistakes;
    const std::string schema = root.text("schema", Need::required);
    if (!schema.empty() && schema != k_schema) {
        notes.add(
            root.place_of("schema"),
            "schema " + in_quotes(schema) + " is not known here (known: " + k_schema + ")");
    }
    task.name = root.text("name", Need::required);
    if (const auto problem = task.name.empty() ? std::nullopt : bad_identifier(task.name)) {
        notes.add(root.place_of("name"), *problem);
    } else if (task.name != parts.folder.filename() && task.name != given_folder.filename()) {
        notes.add(
            root.place_of("name"),
            "the name " + in_quotes(task.name) + " is not the folder's name " +
                in_quotes(parts.folder.filename().string()));
    }
    task.title = root.text("title", Need::required, 200);
    task.summary = root.text("summary", Need::required);
    task.source = root.text("source");
    task.license = root.text("license");
    task.hints = root.texts("hints", 32);
    task.judge_cap_s = root.number("judge_cap_s", task.judge_cap_s, 0.1, 3600);
    task.targets = root.texts("targets", 4);
    if (!root.has("targets")) {
        task.targets = {"cpu"};
    }
    for (const std::string& target : task.targets) {
        if (target != "cpu" && target != "cuda") {
            notes.add(
                root.place_of("targets"),
                "unknown target " + in_quotes(target) + " (known: cpu, cuda)");
        }
    }
    if (task.targets.empty()) {
        notes.add(root.place_of("targets"), "targets must not be empty");
    }
}

using Section = void (*)(TableReader&, TaskParts&);

/// Section by section; a section is only read when the ones that it stands on are right, so that
/// one mistake is not reported as five.
void read_all(const TomlValue& tree, const fs::path& given_folder, TaskParts& parts) {
    TableReader root(tree, "the task", parts.mistakes);
    for (const char* key :
         {"dims",
          "args",
          "prepare",
          "cost",
          "verify",
          "distributions",
          "cases",
          "hidden",
          "cuda",
          "baselines",
          "seed"}) {
        static_cast<void>(root.find(key));
    }
    read_head(root, given_folder, parts);
    root.finish();
    for (const Section section :
         {read_dims,
          read_args,
          read_prepare,
          read_cost,
          read_verify,
          read_distributions,
          read_cases,
          read_hidden,
          read_cuda,
          read_sources}) {
        if (parts.mistakes.none()) {
            section(root, parts);
        }
    }
}

/// `files`: relative to the task's folder.
Result<std::string> hash_of(
    const TomlValue& tree, const fs::path& folder, std::vector<fs::path> files) {
    Hasher hasher;
    hasher.add(k_schema).add(canonical_text(tree));
    std::sort(files.begin(), files.end());
    files.erase(std::unique(files.begin(), files.end()), files.end());
    for (const fs::path& file : files) {
        KW_TRY_ASSIGN(const std::string text, read_text_file(folder / file, k_max_source_bytes));
        hasher.add(file.generic_string()).add(text);
    }
    return hasher.hex();
}

/// As if target cuda had never been added.
TomlValue without_cuda(TomlValue tree) {
    const auto drop = [](TomlValue& table, std::string_view key) {
        std::erase_if(table.members, [key](const TomlMember& member) { return member.key == key; });
    };
    drop(tree, "cuda");
    for (TomlMember& member : tree.members) {
        if (member.key == "targets") {
            std::erase_if(
                member.value.items, [](const TomlValue& item) { return item.text == "cuda"; });
        } else if (member.key == "cases") {
            for (TomlValue& item : member.value.items) {
                drop(item, "emulated");
            }
        }
    }
    return tree;
}

std::vector<fs::path> cpu_files(const Task& task) {
    std::vector<fs::path> files = {task.reference};
    for (const Baseline& baseline : task.baselines) {
        files.push_back(baseline.file);
    }
    if (!task.seed.empty()) {
        files.push_back(task.seed);
    }
    for (fs::path& file : files) {
        file = file.lexically_relative(task.folder);
    }
    return files;
}

std::vector<std::string> names_of(const std::vector<TaskEntry>& entries) {
    std::vector<std::string> names;
    for (const TaskEntry& entry : entries) {
        names.push_back(entry.name);
    }
    return names;
}

/// task.toml may be a link, but not one that leads out of the folder: its first lines would be
/// quoted in messages.
Result<void> check_inside(const fs::path& folder, const fs::path& given) {
    std::error_code failed;
    const fs::path real = fs::canonical(folder / k_file_name, failed);
    if (failed) {
        return Error{
            Errc::config,
            "reading task folder " + given.string() + ": there is no " + k_file_name,
            {}};
    }
    const fs::path inside = real.lexically_relative(folder);
    if (inside.empty() || *inside.begin() == "..") {
        return Error{
            Errc::config,
            "reading " + (given / k_file_name).string() + ": it leads out of the task's folder",
            {}};
    }
    return {};
}

}  // namespace

Result<Task> load_task(const fs::path& folder) {
    try {
        // "dir/" has an empty file name; the name is compared below.
        const fs::path given = folder.has_filename() ? folder : folder.parent_path();
        std::error_code failed;
        const fs::path real = fs::canonical(given, failed);
        if (failed || !fs::is_directory(real, failed)) {
            return Error{
                Errc::config, "reading task folder " + given.string() + ": no such folder", {}};
        }
        KW_TRY(check_inside(real, given));
        const std::string file = (given / k_file_name).string();
        KW_TRY_ASSIGN(const std::string text, read_text_file(file, k_max_toml_bytes));
        KW_TRY_ASSIGN(const TomlValue tree, parse_toml(text, file));
        TaskParts parts(file, real);
        parts.task.folder = real;
        read_all(tree, given, parts);
        if (!parts.mistakes.none()) {
            return parts.mistakes.error();
        }
        Task& task = parts.task;
        KW_TRY_ASSIGN(task.hash, hash_of(tree, real, parts.files));
        task.cpu_hash = task.hash;
        if (has_target(task, "cuda")) {
            KW_TRY_ASSIGN(task.cpu_hash, hash_of(without_cuda(tree), real, cpu_files(task)));
        }
        return std::move(task);
    } catch (const fs::filesystem_error& error) {
        return Error{
            Errc::config, "reading task folder " + folder.string() + ": " + error.what(), {}};
    }
}

std::vector<TaskEntry> list_tasks(const std::vector<fs::path>& roots) {
    std::map<std::string, fs::path> found;
    for (const fs::path& root : roots) {
        std::error_code failed;
        std::size_t seen = 0;
        for (fs::directory_iterator at(root, failed), end;
             !failed && at != end && seen < k_max_entries;
             at.increment(failed), ++seen) {
            std::error_code ignored;
            if (fs::is_regular_file(at->path() / k_file_name, ignored)) {
                found.try_emplace(at->path().filename().string(), at->path());
            }
        }
    }
    std::vector<TaskEntry> entries;
    for (const auto& [name, folder] : found) {
        entries.push_back({name, folder});
    }
    return entries;
}

Result<Task> find_task(const std::string& name, const std::vector<fs::path>& roots) {
    if (name.find('/') != std::string::npos) {
        return load_task(name);
    }
    const std::vector<TaskEntry> entries = list_tasks(roots);
    for (const TaskEntry& entry : entries) {
        if (entry.name == name) {
            return load_task(entry.folder);
        }
    }
    return Error{
        Errc::usage,
        "looking for a task: there is no task " + in_quotes(name),
        suggestion(name, names_of(entries), "see: kwright task list")};
}

}  // namespace kw
