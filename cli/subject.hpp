// SPDX-License-Identifier: Apache-2.0
// A kernel that a command is about: a file of the user's own, or a stored one named by its id.
#pragma once

#include "core/candidate.hpp"
#include "core/config.hpp"
#include "core/result.hpp"
#include "core/rows.hpp"
#include "core/task.hpp"

#include <string>

namespace kw::cli {

struct Subject {
    std::string name;  ///< "my_gemv.cpp", "k7f3a91c"
    Task task;
    Candidate candidate;
    std::string device;  ///< id of the device that judges it
};

/// With what configuration says where the file's //!kwright line is silent. `task`: "" = the file
/// says it.
[[nodiscard]] Result<Subject> file_subject(
    const std::string& file, const std::string& task, const Config& config);

/// `device`: of the campaign it was judged in.
[[nodiscard]] Result<Subject> stored_subject(
    const CandidateRow& row, const std::string& device, const Config& config);

}  // namespace kw::cli
