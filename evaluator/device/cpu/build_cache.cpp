// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build_cache.hpp"

#include "core/hash.hpp"
#include "evaluator/device/cpu/build_files.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>

namespace kw::cpu {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* k_manifest = "manifest.json";
constexpr const char* k_object = "kernel.so";
constexpr const char* k_gch = "kw_pch.h.gch";
constexpr const char* k_leftover_mark = ".part-";

bool is_key(const std::string& name) {
    return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Json to_json(const BuildFacts& facts) {
    return Json{
        {"compiler", facts.compiler},
        {"command", facts.command},
        {"seconds", facts.seconds},
        {"diagnostics", facts.diagnostics},
        {"text_bytes", facts.text_bytes},
        {"stack_references", facts.stack_references},
        {"instruction_classes", facts.instruction_classes},
        {"artifact_sha256", facts.artifact_sha256}};
}

BuildFacts facts_from_json(const Json& json) {
    BuildFacts facts;
    json.at("compiler").get_to(facts.compiler);
    json.at("command").get_to(facts.command);
    json.at("seconds").get_to(facts.seconds);
    json.at("diagnostics").get_to(facts.diagnostics);
    json.at("text_bytes").get_to(facts.text_bytes);
    json.at("stack_references").get_to(facts.stack_references);
    json.at("instruction_classes").get_to(facts.instruction_classes);
    json.at("artifact_sha256").get_to(facts.artifact_sha256);
    return facts;
}

Json to_json(const std::vector<Finding>& findings) {
    Json list = Json::array();
    for (const Finding& finding : findings) {
        list.push_back(
            {{"rule", finding.rule},
             {"severity", finding.severity},
             {"phase", finding.phase},
             {"evidence", finding.evidence}});
    }
    return list;
}

std::vector<Finding> findings_from_json(const Json& json) {
    std::vector<Finding> findings;
    for (const Json& item : json) {
        findings.push_back(
            {item.at("rule").get<std::string>(),
             item.at("severity").get<std::string>(),
             item.at("phase").get<std::string>(),
             item.at("evidence").get<std::string>()});
    }
    return findings;
}

void mark_used(const fs::path& entry) {
    std::error_code ignored;  // a read-only cache still serves
    fs::last_write_time(entry, fs::file_time_type::clock::now(), ignored);
}

void drop(const fs::path& entry) {
    std::error_code ignored;
    fs::remove_all(entry, ignored);
}

/// A folder of ours beside the entries, unique over processes and threads.
fs::path part_folder(const fs::path& folder, const std::string& key) {
    static std::atomic<unsigned> counter{0};
    return folder / (k_leftover_mark + std::to_string(getpid()) + "-" +
                     std::to_string(counter.fetch_add(1)) + "-" + key.substr(0, 8));
}

/// Puts a finished folder in its place. An entry that is there already stays: equal keys mean equal
/// content, and find_* has just removed a damaged one.
Result<void> publish(const fs::path& part, const fs::path& entry) {
    std::error_code error;
    fs::rename(part, entry, error);
    if (!error) {
        return {};
    }
    if (fs::exists(entry)) {
        drop(part);
        return {};
    }
    drop(part);
    return Error{
        Errc::environment,
        "storing a build in the cache '" + entry.parent_path().string() + "': " + error.message(),
        "check that the folder is writable and the disk has space"};
}

Result<fs::path> make_part(const fs::path& folder, const std::string& key) {
    const fs::path part = part_folder(folder, key);
    std::error_code error;
    fs::create_directories(part, error);
    if (error) {
        return Error{
            Errc::environment,
            "making a folder in the cache '" + folder.string() + "': " + error.message(),
            "check that the folder is writable and the disk has space"};
    }
    return part;
}

std::int64_t size_of_folder(const fs::path& folder) {
    std::int64_t bytes = 0;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        std::error_code ignored;
        const auto size = fs::file_size(at->path(), ignored);
        bytes += ignored ? 0 : static_cast<std::int64_t>(size);
    }
    return bytes;
}

}  // namespace

std::optional<CachedBuild> find_build(const fs::path& cache_dir, const std::string& key) {
    const fs::path entry = cache_dir / "build" / key;
    std::error_code error;
    if (!fs::exists(entry, error)) {
        return std::nullopt;
    }
    const auto manifest = read_file(entry / k_manifest, k_small_file);
    const auto object = read_file(entry / k_object, k_build_output_limit);
    if (manifest && object) {
        try {
            const Json json = Json::parse(*manifest);
            CachedBuild build;
            build.facts = facts_from_json(json.at("facts"));
            build.findings = findings_from_json(json.at("findings"));
            if (json.at("key") == key && build.facts.artifact_sha256 == sha256_hex(*object)) {
                build.facts.cached = true;
                build.artifact = {entry / k_object, key};
                mark_used(entry);
                return build;
            }
        } catch (const Json::exception&) {
            // damaged: removed below
        }
    }
    drop(entry);
    return std::nullopt;
}

Result<Artifact> store_build(
    const fs::path& cache_dir,
    const std::string& key,
    std::string_view shared_object,
    const BuildFacts& facts,
    const std::vector<Finding>& findings) {
    const fs::path folder = cache_dir / "build";
    KW_TRY_ASSIGN(const fs::path part, make_part(folder, key));
    // Replaces bytes that are no UTF-8: compilers echo what they were given.
    const std::string manifest =
        Json{{"key", key}, {"facts", to_json(facts)}, {"findings", to_json(findings)}}.dump(
            1, ' ', false, Json::error_handler_t::replace);
    KW_TRY(write_file(part / k_object, shared_object, 0444));
    KW_TRY(write_file(part / k_manifest, manifest, 0444));
    KW_TRY(publish(part, folder / key));
    return Artifact{folder / key / k_object, key};
}

std::optional<fs::path> find_pch(const fs::path& cache_dir, const std::string& key) {
    const fs::path entry = cache_dir / "pch" / key;
    std::error_code error;
    if (!fs::exists(entry, error)) {
        return std::nullopt;
    }
    const auto manifest = read_file(entry / k_manifest, k_small_file);
    const auto gch = read_file(entry / k_gch, k_pch_limit);
    if (manifest && gch) {
        try {
            const Json json = Json::parse(*manifest);
            if (json.at("key") == key && json.at("sha256") == sha256_hex(*gch)) {
                mark_used(entry);
                return entry / k_gch;
            }
        } catch (const Json::exception&) {
            // damaged: removed below
        }
    }
    drop(entry);
    return std::nullopt;
}

Result<fs::path> store_pch(const fs::path& cache_dir, const std::string& key, const fs::path& gch) {
    const fs::path folder = cache_dir / "pch";
    KW_TRY_ASSIGN(const fs::path part, make_part(folder, key));
    const auto bytes = read_file(gch, k_pch_limit);
    if (!bytes) {
        drop(part);
        return Error{
            Errc::environment,
            "reading the precompiled header '" + gch.string() + "': it failed",
            "check the disk"};
    }
    KW_TRY(write_file(part / k_gch, *bytes, 0444));
    KW_TRY(write_file(
        part / k_manifest, Json{{"key", key}, {"sha256", sha256_hex(*bytes)}}.dump(), 0444));
    KW_TRY(publish(part, folder / key));
    return folder / key / k_gch;
}

std::vector<CacheEntry> list_build_cache(const fs::path& cache_dir) {
    std::vector<CacheEntry> entries;
    const auto now = fs::file_time_type::clock::now();
    for (const char* kind : {"build", "pch"}) {
        std::error_code error;
        for (fs::directory_iterator at(cache_dir / kind, error), end; !error && at != end;
             at.increment(error)) {
            const std::string name = at->path().filename().string();
            const bool leftover = name.rfind(k_leftover_mark, 0) == 0;
            if (!leftover && !is_key(name)) {
                continue;  // not ours
            }
            std::error_code ignored;
            const auto used = fs::last_write_time(at->path(), ignored);
            const double days =
                std::chrono::duration<double, std::ratio<86400>>(now - used).count();
            entries.push_back(
                {at->path(),
                 leftover ? "leftover" : kind,
                 size_of_folder(at->path()),
                 ignored ? 0 : days});
        }
    }
    std::sort(entries.begin(), entries.end(), [](const CacheEntry& a, const CacheEntry& b) {
        return a.age_days != b.age_days ? a.age_days > b.age_days : a.path < b.path;
    });
    return entries;
}

Result<CacheRemoval> remove_from_build_cache(const fs::path& cache_dir, double days) {
    CacheRemoval removal;
    for (const CacheEntry& entry : list_build_cache(cache_dir)) {
        if (entry.age_days < days) {
            continue;
        }
        std::error_code error;
        fs::remove_all(entry.path, error);
        if (error) {
            return Error{
                Errc::environment,
                "removing '" + entry.path.string() + "' from the build cache: " + error.message(),
                "check who owns the folder"};
        }
        ++removal.entries;
        removal.bytes += entry.bytes;
    }
    return removal;
}

}  // namespace kw::cpu
