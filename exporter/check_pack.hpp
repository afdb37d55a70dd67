// SPDX-License-Identifier: Apache-2.0
// Is a pack still what was exported, and does what it says of its kernels still stand?
#pragma once

#include "core/result.hpp"
#include "db/store.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kw::exporter {

struct PackProblem {
    std::string subject;  ///< file, or kernel: "src/kwk_cuda.c", "k7f3a91c"
    std::string what;     ///< "changed", "missing", "revoked: ..."
};

struct PackCheck {
    std::string pack;  ///< id
    int files = 0;     ///< that SHA256SUMS lists
    int rows = 0;
    std::vector<PackProblem> problems;  ///< the pack should not be used as it is
    std::vector<std::string> notes;     ///< rows that the database does not know
};

/// No pack, or one that cannot be read: Errc::usage. Its files are taken for a stranger's: names
/// that leave the folder are problems, sizes are bounded. `store`: null = sums only.
[[nodiscard]] Result<PackCheck> check_pack(const std::filesystem::path& folder, db::Store* store);

}  // namespace kw::exporter
