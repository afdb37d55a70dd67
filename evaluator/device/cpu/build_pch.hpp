// SPDX-License-Identifier: Apache-2.0
// The precompiled header of the usual includes. Reading <immintrin.h> and the like costs 300 to 500
// ms a build; mapping them precompiled costs a few. One per compiler, instruction set and flags,
// shared by all tasks (a task's own header is short and is read as text).
#pragma once

#include "evaluator/device/cpu/build.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace kw::cpu {

/// Text of the header; every candidate sees these includes, precompiled or not.
[[nodiscard]] std::string_view pch_header_text();
inline constexpr const char* k_pch_header = "kw_pch.h";

class PchStore {
public:
    PchStore(sandbox::Sandbox& sandbox, Toolchain toolchain, std::filesystem::path cache_dir);

    /// A folder that children can be given, with kw_pch.h and kw_pch.h.gch for exactly these flags.
    /// Nothing when precompiling does not pay or did not work: then the header is used as text.
    /// `isa_id` stands for what the flags leave open (native). Thread-safe.
    [[nodiscard]] std::optional<std::filesystem::path> folder_for(
        const std::vector<std::string>& flags, const std::string& isa_id, bool usual_flags);

private:
    std::optional<std::filesystem::path> stage(
        const std::vector<std::string>& flags, const std::string& key);
    [[nodiscard]] bool make(
        const std::vector<std::string>& flags, const std::filesystem::path& folder);

    sandbox::Sandbox& sandbox_;
    Toolchain toolchain_;
    std::filesystem::path cache_dir_;
    std::mutex mutex_;
    std::map<std::string, std::optional<std::filesystem::path>> staged_;
    std::map<std::string, int> asked_;
};

}  // namespace kw::cpu
