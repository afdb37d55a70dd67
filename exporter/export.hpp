// SPDX-License-Identifier: Apache-2.0
// From rows of the leaderboard to a folder that builds by itself: docs/export.md.
#pragma once

#include "core/result.hpp"
#include "exporter/examine.hpp"
#include "exporter/pack.hpp"
#include "exporter/selection.hpp"

#include <filesystem>
#include <string>

namespace kw::exporter {

/// Walks down the rows of every task and device until each instruction set that they may have has
/// code, at most eight rows; named ones all go in. Examines each for every such set. What cannot be
/// exported is in Pack::skipped with its reason; nothing left: Errc::no. A task whose names would
/// collide with those of the pack: Errc::config.
[[nodiscard]] Result<Pack> make_pack(
    Selection selection,
    const TaskFinder& find_task,
    Examiner& examiner,
    const std::string& version);

/// Every file of the pack but SHA256SUMS. `library_dir`: where library/ is installed. The same pack
/// gives the same bytes.
[[nodiscard]] Result<Files> pack_files(const Pack& pack, const std::filesystem::path& library_dir);

/// The text of SHA256SUMS, as sha256sum(1) writes it.
[[nodiscard]] std::string sums_of(const Files& files);

/// The folder must not exist or be empty: Errc::usage. Ask before the work, too.
[[nodiscard]] Result<void> check_target(const std::filesystem::path& folder);

/// Writes to a fresh folder beside `folder` and renames, so that there is a whole pack or none, and
/// removes nothing that it did not make.
[[nodiscard]] Result<void> write_pack(const Files& files, const std::filesystem::path& folder);

}  // namespace kw::exporter
