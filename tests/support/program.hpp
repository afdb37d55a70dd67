// SPDX-License-Identifier: Apache-2.0
// Runs the built kwright as a user would, in a folder of its own and with a bare environment.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace kw::test {

/// A folder that goes away.
class Folder {
public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};

struct Outcome {
    int code = -1;        ///< exit status, or -signal
    bool killed = false;  ///< by us, see run_for()
    std::string out;
    std::string err;
};

class Program {
public:
    explicit Program(std::filesystem::path folder);
    /// Added to the environment of every call; PATH, HOME and the like can be replaced.
    std::map<std::string, std::string> environment;
    std::filesystem::path program;  ///< the built kwright unless changed
    Outcome operator()(const std::vector<std::string>& arguments) const;
    /// The same with SIGKILL for a process that still runs after `limit`.
    Outcome run_for(
        const std::vector<std::string>& arguments, std::chrono::milliseconds limit) const;
    /// The program started and left alone; the caller waits.
    [[nodiscard]] int start(const std::vector<std::string>& arguments) const;

private:
    std::filesystem::path folder_;
};

std::string read_file(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, const std::string& text);

/// Compares with tests/golden/cli/NAME, or writes it when KW_UPDATE_GOLDEN is set.
void check_golden(const std::string& name, const std::string& text);

}  // namespace kw::test
