// SPDX-License-Identifier: Apache-2.0
// The content-addressed build cache: `<cache_dir>/build/<key>/` holds a shared object and its
// facts,
// `<cache_dir>/pch/<key>/` a precompiled header. An entry appears by one rename, so two processes
// never see half of one; what does not match its own manifest is removed and built again.
#pragma once

#include "evaluator/device/cpu/build.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kw::cpu {

struct CachedBuild {
    BuildFacts facts;
    std::vector<Finding> findings;
    Artifact artifact;
};

/// The entry of `key`, verified against its manifest; nothing when there is none or it is damaged
/// (then it is removed). Marks the entry as used now.
[[nodiscard]] std::optional<CachedBuild> find_build(
    const std::filesystem::path& cache_dir, const std::string& key);

/// Stores the bytes of a shared object. The entry of another process that was faster is as good.
[[nodiscard]] Result<Artifact> store_build(
    const std::filesystem::path& cache_dir,
    const std::string& key,
    std::string_view shared_object,
    const BuildFacts& facts,
    const std::vector<Finding>& findings);

/// Files of a precompiled header's entry, verified; nothing as above.
[[nodiscard]] std::optional<std::filesystem::path> find_pch(
    const std::filesystem::path& cache_dir, const std::string& key);
/// Takes the file `gch` (copied) and the header's text.
[[nodiscard]] Result<std::filesystem::path> store_pch(
    const std::filesystem::path& cache_dir,
    const std::string& key,
    const std::filesystem::path& gch);

struct CacheEntry {
    std::filesystem::path path;
    std::string kind;  ///< "build" | "pch" | "leftover" (of a process that died)
    std::int64_t bytes = 0;
    double age_days = 0;  ///< since it was made or last used
};
/// Every entry, oldest first.
[[nodiscard]] std::vector<CacheEntry> list_build_cache(const std::filesystem::path& cache_dir);

struct CacheRemoval {
    int entries = 0;
    std::int64_t bytes = 0;
};
/// Removes what was not used for `days`; 0 empties the cache. Errors: Errc::environment.
[[nodiscard]] Result<CacheRemoval> remove_from_build_cache(
    const std::filesystem::path& cache_dir, double days);

}  // namespace kw::cpu
