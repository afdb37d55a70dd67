// SPDX-License-Identifier: Apache-2.0
// A campaign as one file that needs nothing else: the dashboard's page with its scripts and the
// documents it would have asked the server for. It loads nothing, and its policy (CSP) allows no
// script or style but its own, by their hashes.
#pragma once

#include "core/result.hpp"
#include "db/store.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace kw::server {

struct HtmlReport {
    std::string text;
    int kernels = 0;   ///< with a page of their own
    int left_out = 0;  ///< without: the file would have become too large
};

/// Bytes of kernel pages in one file; the best kernels come first.
inline constexpr std::size_t k_most_kernel_bytes = std::size_t{24} << 20;

/// Errc::usage: no such campaign.
[[nodiscard]] Result<HtmlReport> html_report(
    db::Store& store,
    const std::vector<std::filesystem::path>& task_roots,
    const std::string& campaign,
    std::size_t most_kernel_bytes = k_most_kernel_bytes);

}  // namespace kw::server
