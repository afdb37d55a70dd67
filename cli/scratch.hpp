// SPDX-License-Identifier: Apache-2.0
// A folder for temporary files that goes with its content.
#pragma once

#include "core/result.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace kw::cli {

class Scratch {
public:
    /// In `parent`, "" = TMPDIR. Errc::environment where nothing can be written.
    static Result<std::unique_ptr<Scratch>> make(const std::filesystem::path& parent = {});
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    /// Makes the folders that `name` needs.
    Result<std::filesystem::path> write(const std::string& name, const std::string& bytes);
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    explicit Scratch(std::filesystem::path path)
        : path_(std::move(path)) {}
    std::filesystem::path path_;
};

}  // namespace kw::cli
