// SPDX-License-Identifier: Apache-2.0
// Space: blobs of the database that nothing names, and the build cache. Also the database's copy.
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>

namespace kw::cli {
namespace {

namespace fs = std::filesystem;

struct Usage {
    std::int64_t files = 0;
    std::int64_t bytes = 0;
};

Usage usage_of(const fs::path& folder) {
    Usage usage;
    std::error_code error;
    for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
         at.increment(error)) {
        std::error_code ignored;
        if (at->is_regular_file(ignored) && !at->is_symlink(ignored)) {
            ++usage.files;
            usage.bytes += static_cast<std::int64_t>(at->file_size(ignored));
        }
    }
    return usage;
}

Result<Usage> clear_build_cache(const fs::path& folder, bool remove) {
    const Usage usage = usage_of(folder);
    if (remove) {
        std::error_code error;
        fs::remove_all(folder, error);
        if (error) {
            return Error{
                Errc::environment,
                "removing " + folder.string() + ": " + error.message(),
                "remove it by hand, or set cache_dir"};
        }
    }
    return usage;
}

Result<int> backup(const std::string& to, const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
    KW_TRY(store.backup(to));
    std::error_code ignored;
    const auto bytes = static_cast<std::int64_t>(fs::file_size(to, ignored));
    if (invocation.json) {
        const nlohmann::json document = {
            {"schema", "kwright.backup/1"}, {"file", to}, {"bytes", bytes}};
        console.print(json_text(document));
        return 0;
    }
    console.print("wrote     " + to + "  " + show_bytes(bytes));
    return 0;
}

Result<int> gc(const Invocation& invocation, Console& console) {
    if (invocation.has("backup")) {
        return backup(invocation.text("backup"), invocation, console);
    }
    const bool remove = invocation.has("remove");
    const fs::path cache = find_places(invocation.config).cache_dir / "build";
    db::GcReport blobs;
    const std::string file = invocation.config.text("db");
    std::error_code ignored;
    if (fs::exists(file, ignored)) {
        KW_TRY_ASSIGN(
            db::Store store,
            open_store(invocation.config, remove ? db::Access::write : db::Access::read_only));
        KW_TRY_ASSIGN(blobs, store.gc(remove));
    }
    KW_TRY_ASSIGN(const Usage built, clear_build_cache(cache, remove));
    if (invocation.json) {
        const nlohmann::json document = {
            {"schema", "kwright.gc/1"},
            {"removed", remove},
            {"database", {{"file", file}, {"blobs", blobs.blobs}, {"bytes", blobs.bytes}}},
            {"build_cache",
             {{"folder", cache.string()}, {"files", built.files}, {"bytes", built.bytes}}}};
        console.print(json_text(document));
        return 0;
    }
    const std::string verb = remove ? "removed   " : "could go  ";
    console.print(
        verb + std::to_string(blobs.blobs) + " blobs that nothing names, " +
        show_bytes(blobs.bytes) + ", from " + file);
    console.print(
        verb + std::to_string(built.files) + " files, " + show_bytes(built.bytes) +
        ", from the build cache " + cache.string());
    if (!remove && blobs.blobs + built.files > 0) {
        console.say("next      kwright gc --remove");
    }
    return 0;
}

}  // namespace

CommandSpec gc_command() {
    CommandSpec spec;
    spec.name = "gc";
    spec.group = "Housekeeping";
    spec.summary = "what old blobs and caches take, and their removal; also a copy of the database";
    spec.examples = {"kwright gc", "kwright gc --remove", "kwright gc --backup kwright-copy.db"};
    spec.options = {
        {"--remove", "", "remove them; without it only sizes are shown", "", false, "Options", {}},
        {"--backup",
         "FILE",
         "write a consistent copy of the database, also while a campaign runs, and do nothing else",
         "",
         false,
         "Options",
         {}},
    };
    spec.run = gc;
    return spec;
}

}  // namespace kw::cli
