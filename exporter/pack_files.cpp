// SPDX-License-Identifier: Apache-2.0
#include "core/hash.hpp"
#include "core/text_file.hpp"
#include "evaluator/device/cpu/build.hpp"
#include "exporter/c_text.hpp"
#include "exporter/emit.hpp"
#include "exporter/export.hpp"

#include <system_error>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <stdlib.h>

namespace kw::exporter {
namespace {

namespace fs = std::filesystem;

Result<void> add_library(const fs::path& library_dir, Files& files) {
    std::error_code failed;
    for (fs::recursive_directory_iterator at(library_dir, failed), end; !failed && at != end;
         at.increment(failed)) {
        if (!at->is_regular_file()) {
            continue;
        }
        std::string name = fs::relative(at->path(), library_dir).generic_string();
        if (name.find("__pycache__") != std::string::npos) {
            continue;
        }
        name = name == "cmake/CMakeLists.txt" ? "CMakeLists.txt" : name;
        KW_TRY_ASSIGN(files[name], read_text_file(at->path()));
    }
    if (failed || !files.contains("include/kwk/kwk.h")) {
        return Error{
            Errc::environment,
            "reading the run-time of packs in " + library_dir.string() +
                (failed ? ": " + failed.message() : std::string()),
            "it is installed as share/kwright/library"};
    }
    return {};
}

/// Whether `word` stands in `text` by itself.
bool has_word(const std::string& text, const std::string& word) {
    const auto joins = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    };
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        const std::size_t end = at + word.size();
        if ((at == 0 || !joins(text[at - 1])) && (end == text.size() || !joins(text[end]))) {
            return true;
        }
    }
    return false;
}

/// The names that a task gives to functions and types must not be those of the run-time or of
/// another task ("gemv" and "gemv_prepare").
Result<void> check_names(const Pack& pack, const Files& library) {
    std::set<std::string> given;
    for (const Operation& operation : pack.operations) {
        for (const char* suffix :
             {"",
              "_args",
              "_init",
              "_supported",
              "_workspace_size",
              "_prepare_size",
              "_prepare",
              "_op",
              "_check",
              "_reference_entry",
              "_naive_entry"}) {
            const std::string name = "kwk_" + operation.task.name + suffix;
            bool taken = !given.insert(name).second;
            for (const auto& [file, text] : library) {
                taken = taken || has_word(text, name);
            }
            if (taken) {
                return Error{
                    Errc::config,
                    "exporting task " + operation.task.name + ": the name " + name +
                        " is already one of the pack's",
                    "rename the task"};
            }
        }
    }
    return {};
}

void add_operation(const Operation& operation, Files& files) {
    const Task& task = operation.task;
    const std::string folder = "src/" + task.name + "/";
    files["include/kwk/" + task.name + ".h"] = operation_header(operation);
    files["include/kwk/" + task.name + ".hpp"] = operation_wrapper(operation);
    files[folder + "table.c"] = operation_table(operation);
    files[folder + "selfcheck.c"] = operation_selfcheck(operation);
    files[folder + task.name + ".h"] = hidden_entries(cpu::task_header(task));
    files[folder + task.name + "_reference.h"] = hidden_entries(cpu::reference_header(task));
    files[folder + "reference.cpp"] = reference_source(operation);
    files[folder + "reference.inc"] = operation.reference;
    for (const Unit& unit : operation.units) {
        files[folder + unit.id + (unit.cuda ? ".cu" : ".inc")] = unit.candidate.source;
        if (unit.cuda) {
            files[folder + unit.id + "_plan.c"] = cuda_source(operation, unit);
        } else {
            files[folder + unit.id + ".cpp"] = unit_source(operation, unit);
        }
    }
    if (!operation.naive.empty()) {
        files[folder + "naive.cpp"] = naive_source(operation);
        files[folder + "naive.inc"] = operation.naive;
    }
}

/// Generated files say their licence; sources of kernels and tasks stay as they are.
void add_licences(const Pack& pack, const Files& library, Files& files) {
    for (const Operation& operation : pack.operations) {
        const std::string& task = operation.task.name;
        const std::string line =
            "/* SPDX-License-Identifier: " + comment_text(operation.task.license) + " */\n";
        for (auto& [name, text] : files) {
            const bool of_task = name.starts_with("src/" + task + "/") ||
                                 name.starts_with("include/kwk/" + task + ".h");
            const std::string kind = fs::path(name).extension().string();
            const bool generated = kind == ".c" || kind == ".cpp" || kind == ".h" || kind == ".hpp";
            if (of_task && generated && !library.contains(name)) {
                text.insert(0, line);
            }
        }
    }
    for (const char* name : {"src/operations.c", "selfcheck/checks.c", "src/exported.map"}) {
        files[name].insert(0, "/* SPDX-License-Identifier: Apache-2.0 */\n");
    }
    for (const char* name : {"kernels.cmake", "python/kwk/_operations.py"}) {
        files[name].insert(0, "# SPDX-License-Identifier: Apache-2.0\n");
    }
}

std::string notice(const Pack& pack) {
    std::string text =
        "Kernels written by kwright export. The run-time is under the Apache License 2.0 "
        "(LICENSE).\n"
        "Kernels, references and headers of an operation are under the licence of its task:\n";
    for (const Operation& operation : pack.operations) {
        text += "\n" + operation.task.name + ": " + comment_text(operation.task.license) + "\n";
        std::set<std::string> lines;  // a kernel may have rows of several devices
        for (const Row& row : operation.rows) {
            lines.insert(
                "  " + operation.units[row.unit].id + " by " +
                comment_text(row.kernel.board.model) + "\n");
        }
        for (const std::string& line : lines) {
            text += line;
        }
    }
    return text;
}

/// Of everything in it: another source, flag or row is another pack.
std::string id_of(const Files& files) {
    Hasher hasher;
    hasher.add("kwright.pack/1");
    for (const auto& [name, text] : files) {
        hasher.add(name).add(text);
    }
    return "kwk-" + hasher.hex().substr(0, 12);
}

Error not_written(const fs::path& what, const std::string& why) {
    return {Errc::environment, "writing the pack: " + what.string() + ": " + why, "see the disk"};
}

}  // namespace

Result<Files> pack_files(const Pack& pack, const fs::path& library_dir) {
    Files files;
    KW_TRY(add_library(library_dir, files));
    KW_TRY(check_names(pack, files));
    const Files library = files;
    for (const Operation& operation : pack.operations) {
        add_operation(operation, files);
    }
    files["kernels.cmake"] = build_list(pack);
    files["src/exported.map"] = symbol_list(pack);
    files["selfcheck/checks.c"] = selfcheck_list(pack);
    files["python/kwk/_operations.py"] = python_operations(pack);
    files["python/kwk/__init__.pyi"] += python_stubs(pack);
    files["README.md"] = readme(pack);
    files["NOTICE"] = notice(pack);
    const std::string id = id_of(files);
    files["src/operations.c"] = operations_list(pack, id);
    add_licences(pack, library, files);
    files["manifest.json"] = manifest(pack, id);
    return files;
}

std::string sums_of(const Files& files) {
    std::string text;
    for (const auto& [name, bytes] : files) {
        text += sha256_hex(bytes) + "  " + name + "\n";
    }
    return text;
}

Result<void> check_target(const fs::path& folder) {
    std::error_code failed;
    const fs::file_status there = fs::symlink_status(folder, failed);
    if (!fs::exists(there) || (fs::is_directory(there) && fs::is_empty(folder, failed))) {
        return {};
    }
    return Error{
        Errc::usage,
        "exporting to '" + folder.string() + "': it is there already",
        "name a folder that does not exist"};
}

Result<void> write_pack(const Files& files, const fs::path& folder) {
    KW_TRY(check_target(folder));
    std::error_code failed;
    fs::path target = fs::absolute(folder, failed).lexically_normal();
    if (!target.has_filename()) {
        target = target.parent_path();
    }
    fs::create_directories(target.parent_path(), failed);
    // Its own name: whatever else lies there, under whoever's guess of a name, is not touched.
    std::string fresh = target.string() + ".XXXXXX";
    if (::mkdtemp(fresh.data()) == nullptr) {
        return not_written(target, std::strerror(errno));
    }
    const fs::path partial = fresh;
    fs::permissions(partial, fs::perms(0755), failed);
    Files all = files;
    all["SHA256SUMS"] = sums_of(files);
    for (const auto& [name, text] : all) {
        const fs::path file = partial / name;
        fs::create_directories(file.parent_path(), failed);
        std::ofstream out(file, std::ios::binary);
        out << text;
        out.close();
        if (!out) {
            fs::remove_all(partial, failed);
            return not_written(file, "cannot be written");
        }
    }
    fs::rename(partial, target, failed);  // over an empty folder too, and over nothing else
    if (failed) {
        const std::string why = failed.message();
        fs::remove_all(partial, failed);
        return not_written(target, why);
    }
    return {};
}

}  // namespace kw::exporter
