// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build_pch.hpp"

#include "core/hash.hpp"
#include "core/log.hpp"
#include "evaluator/device/cpu/build_cache.hpp"
#include "evaluator/device/cpu/build_files.hpp"

namespace kw::cpu {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_text = R"(#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>
)";

// Precompiling takes 2 to 3 s and 55 MiB: an unusual set of flags must come back to be worth it.
constexpr int k_worth_after = 3;

}  // namespace

std::string_view pch_header_text() {
    return k_text;
}

PchStore::PchStore(sandbox::Sandbox& sandbox, Toolchain toolchain, fs::path cache_dir)
    : sandbox_(sandbox)
    , toolchain_(std::move(toolchain))
    , cache_dir_(std::move(cache_dir)) {}

std::optional<fs::path> PchStore::folder_for(
    const std::vector<std::string>& flags, const std::string& isa_id, bool usual_flags) {
    if (toolchain_.family != "g++") {
        return std::nullopt;  // clang++ -E prints a precompiled header's text again
    }
    Hasher hasher;
    hasher.add("kw-pch/1").add(toolchain_.hash).add(isa_id).add(k_text);
    for (const std::string& flag : flags) {
        hasher.add(flag);
    }
    const std::string key = hasher.hex();
    const std::lock_guard lock(mutex_);
    if (const auto known = staged_.find(key); known != staged_.end()) {
        return known->second;
    }
    std::error_code ignored;
    const bool stored = fs::exists(cache_dir_ / "pch" / key, ignored);
    if (!usual_flags && !stored && ++asked_[key] < k_worth_after) {
        return std::nullopt;
    }
    return staged_[key] = stage(flags, key);
}

std::optional<fs::path> PchStore::stage(
    const std::vector<std::string>& flags, const std::string& key) {
    const auto folder = sandbox_.make_run_dir("pch");
    if (!folder || !write_file(*folder / k_pch_header, k_text, 0444)) {
        return std::nullopt;
    }
    const fs::path target = *folder / (std::string(k_pch_header) + ".gch");
    if (const auto stored = find_pch(cache_dir_, key)) {
        std::error_code error;
        fs::copy_file(*stored, target, error);
        fs::permissions(target, fs::perms(0444), error);
        if (!error) {
            return *folder;
        }
    }
    if (!make(flags, *folder)) {
        return std::nullopt;
    }
    if (const auto stored = store_pch(cache_dir_, key, target); !stored) {
        log::warn(stored.error().what);
    }
    return *folder;
}

bool PchStore::make(const std::vector<std::string>& flags, const fs::path& folder) {
    sandbox::Command command;
    command.argv = {toolchain_.compiler.string()};
    command.argv.insert(command.argv.end(), flags.begin(), flags.end());
    command.argv.insert(
        command.argv.end(),
        {"-x", "c++-header", k_pch_header, "-o", std::string(k_pch_header) + ".gch"});
    command.env = {{"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C"}, {"TMPDIR", "/tmp"}};
    command.cwd = folder;
    command.binds = {{folder, {}, true}};
    const auto outcome = sandbox_.run(command);
    if (!outcome || outcome->ended_by != sandbox::EndedBy::exit || outcome->exit_code != 0) {
        log::warn(
            "precompiling the usual headers failed: " +
            (outcome ? outcome->err.substr(0, 300) : outcome.error().what));
        return false;
    }
    return true;
}

}  // namespace kw::cpu
