// SPDX-License-Identifier: Apache-2.0
// Runs the kwright program that was built beside the tests.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace kw::test {

/// A folder of its own, removed at the end.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

struct Ended {
    int exit_code = -1;   ///< -1 = by a signal
    bool killed = false;  ///< by us
    std::string out;      ///< stdout
    std::string err;      ///< stderr
};

/// Runs `kwright ARGUMENTS` in `folder`. With `kill_after` the process gets SIGKILL when it still
/// runs then.
[[nodiscard]] Ended kwright(
    const std::vector<std::string>& arguments,
    const std::filesystem::path& folder,
    std::chrono::milliseconds kill_after = std::chrono::milliseconds(0));

}  // namespace kw::test
